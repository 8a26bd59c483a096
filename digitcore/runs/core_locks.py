"""Turns on the cores of a machine, so that trainings that use several cores do not fight over them.

Two trainings of two threads each on two cores take not twice but ten times as long and more: each waits, spinning, for
threads that the other keeps from running. A training of one thread takes no turns. Beside one of two threads it loses a
fifth of its speed and takes a half of the other's, as turns would, but waits for nothing.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from digitcore.runs.training import MOST_THREADS

# After so long others may go first.
TURN_SECONDS = 0.5
_POLL_SECONDS = 0.02


class Turn:
    """The right of a process to train with several threads on some of the machine's cores.

    The cores are divided into places, each a lock file that belongs to whoever holds it and is let go by the system
    when the process ends, however it ends. Who waits is not passed by those who come later.

    Parameters
    ----------
    folder : Path
        Where the lock files lie; shared by all processes of this machine that are to take turns.
    n_places : int, optional
        Number of places. Default: one for as many cores as a training has threads at most.

    Raises
    ------
    OSError
        If the folder cannot be written, or files in it cannot be locked.
    """

    def __init__(self, folder: Path, *, n_places: int | None = None):
        n_places = n_places or max(1, (os.cpu_count() or 1) // MOST_THREADS)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            _lock(probe.fileno())
        self._queue = os.open(folder / "queue", os.O_CREAT | os.O_RDWR, 0o600)
        self._places = [os.open(folder / f"place-{n}", os.O_CREAT | os.O_RDWR, 0o600) for n in range(n_places)]
        self._held: int | None = None
        self._since = 0.0

    def close(self) -> None:
        """Give the turn back for good."""
        for handle in (self._queue, *self._places):
            os.close(handle)

    def wait(self, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Wait for the turn; False when ``should_stop`` ended the waiting."""
        # Whoever waits for a place stands at the head of the queue: a stream of others cannot pass.
        if not self._until(lambda: _lock(self._queue), should_stop):
            return False
        try:
            return self._until(self._take_place, should_stop)
        finally:
            unlock_descriptor(self._queue)

    def pass_on(self, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Let others go first if this turn has lasted long enough; False as for :meth:`wait`."""
        if self._held is None or time.monotonic() - self._since < TURN_SECONDS:
            return True
        unlock_descriptor(self._held)
        self._held = None
        if self._others_wait():
            # Those who stand in the queue ask for its head more often than this, so they come first.
            time.sleep(2 * _POLL_SECONDS)
        return self.wait(should_stop)

    def _others_wait(self) -> bool:
        if not _lock(self._queue):
            return True
        unlock_descriptor(self._queue)
        return False

    def _take_place(self) -> bool:
        for place in self._places:
            if _lock(place):
                self._held, self._since = place, time.monotonic()
                return True
        return False

    @staticmethod
    def _until(attempt: Callable[[], bool], should_stop: Callable[[], bool]) -> bool:
        while not attempt():
            if should_stop():
                return False
            time.sleep(_POLL_SECONDS)
        return True


class NoTurn:
    """A :class:`Turn` of somebody who waits for nobody."""

    def close(self) -> None:
        """Do nothing."""

    def wait(self, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Return True."""
        return True

    pass_on = wait


@contextlib.contextmanager
def turn_for(n_threads: int, folder: Path) -> Iterator[Turn | NoTurn]:
    """Give a :class:`Turn`; a :class:`NoTurn` for a single thread, or where there cannot be locks in the folder."""
    turn: Turn | NoTurn = NoTurn()
    if n_threads > 1:
        with contextlib.suppress(OSError):
            turn = Turn(folder)
    with contextlib.closing(turn):
        yield turn


def _lock(handle: int) -> bool:
    return lock_descriptor(handle, blocking=False)
