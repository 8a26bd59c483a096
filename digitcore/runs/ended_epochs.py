"""Epochs of runs that have ended, kept in memory: they do not change, and pages look at them at every rerun."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from digitcore.models.epoch import Epoch

# Of all runs together, some 20 MB.
MAX_EPOCHS = 100_000


class EndedEpochs:
    """A cache of the epochs of ended runs; those looked at longest ago go first. Safe to use from several threads.

    Parameters
    ----------
    max_epochs : int
        Epochs that are kept, of all runs together.
    """

    def __init__(self, max_epochs: int = MAX_EPOCHS):
        self._max_epochs, self._n_epochs = max_epochs, 0
        self._kept: OrderedDict[tuple[str, int, int], tuple[Epoch, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int, int], load: Callable[[], tuple[Epoch, ...]]) -> tuple[Epoch, ...]:
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
        epochs = load()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = epochs
                self._n_epochs += len(epochs)
            while self._n_epochs > self._max_epochs:
                _, forgotten = self._kept.popitem(last=False)
                self._n_epochs -= len(forgotten)
        return epochs
