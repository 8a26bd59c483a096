"""Epochs of runs that have ended, kept in memory: they do not change, and pages look at them at every rerun."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import overload

import numpy as np

from digitcore.models.epoch import Epoch

# Of all runs together, some 20 MB: two runs of a thousand epochs for each of two hundred visitors.
MAX_EPOCHS = 400_000
_FIGURES = tuple(field.name for field in fields(Epoch))
_figures_of = attrgetter(*_FIGURES)


class PackedEpochs(Sequence[Epoch]):
    """Epochs as one array, of a sixth of the size: an :class:`Epoch` is made when it is asked for.

    Parameters
    ----------
    epochs : iterable of Epoch
        In the order in which they are kept.
    """

    def __init__(self, epochs: Iterable[Epoch]):
        rows = [_figures_of(epoch) for epoch in epochs]
        self._is_none = np.array([[value is None for value in row] for row in rows], dtype=bool)
        self._rows = np.array(rows, dtype=np.float64).reshape(len(rows), len(_FIGURES))  # None becomes NaN

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Epoch, ...]: ...
    def __getitem__(self, index: int | slice) -> Epoch | tuple[Epoch, ...]:
        if isinstance(index, slice):
            pairs = zip(self._rows[index].tolist(), self._is_none[index].tolist(), strict=True)
            return tuple(_epoch(row, is_none) for row, is_none in pairs)
        return _epoch(self._rows[index].tolist(), self._is_none[index].tolist())

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self[:])

    def column(self, name: str) -> np.ndarray:
        """Return an attribute of all epochs, float64 ``(n_epochs,)``, NaN for None."""
        return self._rows[:, _FIGURES.index(name)].copy()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self[:] == tuple(other)

    def __hash__(self) -> int:
        return hash(self[:])


def _epoch(row: Sequence[float], is_none: Sequence[bool]) -> Epoch:
    number, *figures = (None if none else value for value, none in zip(row, is_none, strict=True))
    return Epoch(int(number), *figures)


class EndedEpochs:
    """A cache of the epochs of ended runs; those looked at longest ago go first. Safe to use from several threads.

    Parameters
    ----------
    max_epochs : int
        Epochs that are kept, of all runs together.
    """

    def __init__(self, max_epochs: int = MAX_EPOCHS):
        self._max_epochs, self._n_epochs = max_epochs, 0
        self._kept: OrderedDict[tuple[str, int, int], PackedEpochs] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int, int], load: Callable[[], Iterable[Epoch]]) -> PackedEpochs:
        """Return the epochs of an ended run, from ``load()`` if they are not in memory.

        Parameters
        ----------
        key : (str, int, int)
            Digest of the run, number of its attempt and of its last epoch: with another one the epochs are others.
        load : callable
            Reads them from the store.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        epochs = PackedEpochs(load())
        with self._lock:
            if key not in self._kept:
                self._kept[key] = epochs
                self._n_epochs += len(epochs)
            while self._n_epochs > self._max_epochs:
                _, forgotten = self._kept.popitem(last=False)
                self._n_epochs -= len(forgotten)
        return epochs
