"""CheckpointFile: what a training that is killed goes on from, beside the worker that trains it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from digitcore.errors import StoreError
from digitcore.models.checkpoint import n_epochs_of
from digitcore.runs.arrays import RunArrays
from digitcore.runs.weights_files import WeightsFiles

log = logging.getLogger(__name__)

# A training that is killed loses no more than this, and one that takes no longer leaves no file.
EVERY_SECONDS = 5.0
# Of all trainings together; those of killed ones that nobody trained again go first.
MOST_BYTES = 1_000_000_000


class CheckpointFile:
    """The last checkpoint of one training, in a directory that all workers of a machine share.

    Equal specs give equal bits, so it serves whoever trains the spec next, after whatever killed the last attempt. A
    file that cannot be read or written costs time, never a training.

    Parameters
    ----------
    directory : Path
        Where the files are; made if need be.
    digest : str
        Of the spec.
    """

    def __init__(self, directory: Path, digest: str):
        self._files, self._digest = WeightsFiles(directory), digest
        self._written_at: float | None = time.monotonic()

    def latest(self, given: Mapping[str, np.ndarray] | None) -> Mapping[str, np.ndarray] | None:
        """Return the checkpoint of the file, or the one given if it is of as many epochs."""
        if not self._files.path(self._digest).exists():
            return given
        try:
            kept = self._files.load(self._digest)
        except StoreError as problem:
            log.warning("A checkpoint was left aside: %s", problem)
            return given
        return kept if n_epochs_of(kept) > n_epochs_of(given or {}) else given

    def keep(self, checkpoint: Mapping[str, np.ndarray]) -> None:
        """Write a checkpoint, unless the last one was written a moment ago."""
        if self._written_at is None or time.monotonic() - self._written_at < EVERY_SECONDS:
            return
        try:
            self._files.directory.mkdir(parents=True, exist_ok=True)
            self._files.write(self._digest, RunArrays(checkpoint).tensors)
            self._files.trim(MOST_BYTES, keep=[self._digest])
            self._written_at = time.monotonic()
        except OSError as problem:
            log.warning("No more checkpoints of run %s are kept: %s", self._digest, problem)
            self._written_at = None

    def remove(self) -> None:
        """Remove the file: the training has ended."""
        try:
            self._files.path(self._digest).unlink(missing_ok=True)
        except OSError as problem:
            log.warning("A checkpoint stays that is needed no more: %s", problem)
