"""An engine as pages see it: the test figures of locked parts are left out of everything that it returns.

Pages get runs from here alone, so that none of them can show what is covered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from digitcore.runs.arrays import RunArrays
from digitcore.runs.engine import Engine
from digitcore.runs.glimpse import Glimpse
from digitcore.runs.part_locks import PartLocks
from digitcore.runs.run import Run
from digitcore.runs.store import Store
from digitcore.specs.run_spec import RunSpec


def covered_run(run: Run) -> Run:
    """Return a run without its test figures; of one whose epochs are measured on the test part, also without those."""
    evaluation = run.evaluation
    if evaluation is not None:
        seen = {name: part for name, part in evaluation.parts.items() if name != "test"}
        evaluation = replace(evaluation, parts=seen)
    epochs = run.epochs
    if _watches_test(run.spec):
        epochs = tuple(replace(epoch, validation_loss=None, validation_accuracy=None) for epoch in epochs)
    return replace(run, evaluation=evaluation, epochs=epochs, covered=True)


def covered_arrays(arrays: Mapping[str, np.ndarray]) -> RunArrays:
    """Return a run's arrays without what its model made of the test images."""
    return RunArrays({name: array for name, array in arrays.items() if name != "probabilities.test"})


class CoveredEngine:
    """An engine whose runs have no covered test figures. What is not defined here is the engine's own.

    Parameters
    ----------
    engine : Engine
        Who trains. What is kept is not changed: only what is returned lacks the figures.

    Attributes
    ----------
    store : CoveredStore
        The engine's store, covered likewise.
    part_locks : PartLocks
        The engine's.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self.part_locks = engine.part_locks
        self.store = CoveredStore(engine.store, engine.part_locks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def submit(self, spec: RunSpec, **options: Any) -> Run:
        """As :meth:`Engine.submit`."""
        return self._shown(self._engine.submit(spec, **options))

    def run(self, digest: str) -> Run | None:
        """As :meth:`Engine.run`."""
        run = self._engine.run(digest)
        return None if run is None else self._shown(run)

    def runs(self, digests: Sequence[str]) -> dict[str, Run]:
        """As :meth:`Engine.runs`."""
        return {digest: self._shown(run) for digest, run in self._engine.runs(digests).items()}

    def active(self) -> list[Run]:
        """As :meth:`Engine.active`."""
        return [self._shown(run) for run in self._engine.active()]

    def wait(self, digest: str, timeout: float | None = None) -> Run:
        """As :meth:`Engine.wait`."""
        return self._shown(self._engine.wait(digest, timeout))

    def arrays(self, digest: str) -> RunArrays:
        """As :meth:`Engine.arrays`."""
        arrays = self._engine.arrays(digest)
        return covered_arrays(arrays) if self.part_locks.is_covered(digest) else arrays

    def glimpse(self, digest: str) -> Glimpse | None:
        """As :meth:`Engine.glimpse`; None where the images are those of a covered test part."""
        glimpse = self._engine.glimpse(digest)
        of_test = glimpse is not None and glimpse.part == "test"
        return None if of_test and self.part_locks.is_covered(digest) else glimpse

    def _shown(self, run: Run) -> Run:
        return covered_run(run) if self.part_locks.covers(run) else run


class CoveredStore:
    """A store whose runs have no covered test figures. What is not defined here is the store's own.

    Parameters
    ----------
    store : Store
        Where runs are kept.
    part_locks : PartLocks
        Which runs are covered.
    """

    def __init__(self, store: Store, part_locks: PartLocks):
        self._store, self._part_locks = store, part_locks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def load(self, digest: str) -> Run | None:
        """As :meth:`Store.load`."""
        run = self._store.load(digest)
        return None if run is None else self._shown(run)

    def load_many(self, digests: Sequence[str]) -> dict[str, Run]:
        """As :meth:`Store.load_many`."""
        return {digest: self._shown(run) for digest, run in self._store.load_many(digests).items()}

    def load_tensors(self, digest: str) -> Mapping[str, np.ndarray]:
        """As :meth:`Store.load_tensors`."""
        tensors = self._store.load_tensors(digest)
        return covered_arrays(tensors) if self._part_locks.is_covered(digest) else tensors

    def recent(self, n_runs: int = 50, **options: Any) -> list[Run]:
        """As :meth:`Store.recent`."""
        return [self._shown(run) for run in self._store.recent(n_runs, **options)]

    def _shown(self, run: Run) -> Run:
        return covered_run(run) if self._part_locks.covers(run) else run


def _watches_test(spec: RunSpec | None) -> bool:
    """Return True if a training, or one that it goes on from, measures its epochs on the test part."""
    return spec is not None and (spec.split.validation == "test" or _watches_test(spec.parent))
