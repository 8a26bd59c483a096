"""Live runs: those that this process trains, and how any run stands, from here or else from the store."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from distributed import Future

from digitcore.models.epoch import Epoch
from digitcore.runs.arrays import RunArrays
from digitcore.runs.dispatch import Kind, Task
from digitcore.runs.glimpse import Glimpse
from digitcore.runs.run import Run
from digitcore.runs.store import Store
from digitcore.runs.training import Outcome, n_threads
from digitcore.specs.run_spec import RunSpec

# A page asks several times for the same run; one that has ended is looked up in the store no more often than this.
LOOK_UP_SECONDS = 1.0


@dataclass
class Live:
    """A run while it is in this process: what the store does not know yet, and the handle to the worker's task.

    Attributes
    ----------
    spec, state, epochs, created_at
        As :class:`digitcore.runs.Run` has them.
    attempt : int
        Number of this training of the spec, as the store counts them.
    reason : str
        What the user should know of the training; empty when there is nothing to say.
    problem : str
        Why the store could not be written; empty once it could.
    unsaved, unsaved_start
        Epochs that the store lacks, and whether it lacks that the training began.
    outcome : Outcome or None
        What the training ended with.
    future : Future or None
        The task, while the workers have it.
    restarts : int
        How often the training was begun again because its worker was lost.
    background : bool
        Whether only experiments have requested it.
    keep_checkpoint, checkpoint
        Those of :func:`digitcore.runs.training.train_spec`.
    earlier : Run or None
        The stopped run of this spec that it goes on from.
    starter : str
        Who started it; empty for calls from Python.
    visitors : list of str
        Who has requested it, first who started it; empty where it was requested from Python.
    sent_as : str or None
        The task's kind when it was sent to a worker: it stays, so that a visitor who looks at a member of somebody's
        sweep has no turn of their own taken by it.
    stopping : bool
        Whether somebody has asked for its end.
    glimpse : Glimpse or None
        The latest glimpse of its model.
    """

    spec: RunSpec
    attempt: int
    created_at: datetime
    state: str = "queued"
    reason: str = ""
    problem: str = ""
    epochs: list[Epoch] = field(default_factory=list)
    unsaved: list[Epoch] = field(default_factory=list)
    unsaved_start: bool = False
    outcome: Outcome | None = None
    future: Future[Any] | None = None
    restarts: int = 0
    background: bool = False
    keep_checkpoint: bool = False
    checkpoint: Mapping[str, np.ndarray] | None = None
    earlier: Run | None = None
    visitors: list[str] = field(default_factory=list)
    starter: str = ""
    foreground_kind: Kind = field(init=False)
    sent_as: Kind | None = None
    stopping: bool = False
    glimpse: Glimpse | None = None

    def __post_init__(self) -> None:
        self.foreground_kind = "large" if n_threads(self.spec) > 1 else "quick"

    @property
    def task(self) -> Task:
        """What the queue sees of it."""
        kind = "background" if self.background else self.foreground_kind
        return Task(self.topic, self.sent_as or kind, frozenset(self.visitors))

    @property
    def topic(self) -> str:
        """Name of its task, and of the dask topic on which the worker reports; another one after each restart."""
        return f"digitcore-{self.spec.digest}-{self.attempt}-{self.restarts}"

    def snapshot(self) -> Run:
        """Return the run as it stands now."""
        outcome = self.outcome or Outcome()
        return Run(
            spec=self.spec,
            state=self.state,
            reason=" ".join(text for text in (self.reason, self.problem) if text),
            epochs=tuple(self.epochs),
            evaluation=outcome.evaluation,
            created_at=self.created_at,
            seconds=outcome.seconds,
            stopping=self.stopping and self.outcome is None,
        )


class LiveRuns:
    """The live runs by digest, oldest first. Safe to use from several threads.

    A run stays until its end is in the store. All threads may add runs, ask for them and mark them to be stopped; the
    rest of a :class:`Live` is changed by the keeper's thread alone.

    Parameters
    ----------
    store : Store
        Where the runs are that are not live.
    """

    def __init__(self, store: Store):
        self._store = store
        self._live: dict[str, Live] = {}
        # Those looked up in the store, each with the time of that; None where there was none.
        self._looked_up: dict[str, tuple[float, Run | None]] = {}
        self._n_forgotten = 0
        self._changed = threading.Condition()
        self._n_ended = 0

    def __contains__(self, digest: str) -> bool:
        return digest in self._live

    def get(self, digest: str) -> Live | None:
        """Return the live run of this digest, or None."""
        return self._live.get(digest)

    def all(self) -> list[Live]:
        """Return all live runs, also those whose end is not in the store yet."""
        with self._changed:
            return list(self._live.values())

    def under_way(self) -> list[Live]:
        """Return those that are queued or training."""
        return [live for live in self.all() if live.outcome is None]

    # How runs stand.

    def run(self, digest: str) -> Run | None:
        """Return how a run stands, live or kept, or None when there is none."""
        with self._changed:
            live = self._live.get(digest)
            if live is not None:
                return live.snapshot()
            looked_up_at, run = self._looked_up.get(digest, (-LOOK_UP_SECONDS, None))
            n_forgotten = self._n_forgotten
        if time.monotonic() - looked_up_at < LOOK_UP_SECONDS:
            return run
        run = self._store.load(digest)
        if run is None or not run.active:
            with self._changed:
                # Not if the run has begun or ended meanwhile.
                if n_forgotten == self._n_forgotten:
                    self._keep_in_mind(digest, run)
        return run

    def _keep_in_mind(self, digest: str, run: Run | None) -> None:
        now = time.monotonic()
        self._looked_up.pop(digest, None)
        self._looked_up[digest] = (now, run)
        # In the order in which they were looked up: those that are not to be used again go.
        while now - self._looked_up[next(iter(self._looked_up))][0] >= LOOK_UP_SECONDS:
            del self._looked_up[next(iter(self._looked_up))]

    def _look_up_anew(self, digest: str) -> None:
        self._n_forgotten += 1
        self._looked_up.pop(digest, None)

    def runs(self, digests: Sequence[str]) -> dict[str, Run]:
        """Return how the runs of these digests stand, as far as there are any; those kept without their epochs."""
        with self._changed:
            live = {digest: self._live[digest].snapshot() for digest in digests if digest in self._live}
        return {**self._store.load_many([digest for digest in digests if digest not in live]), **live}

    def active(self) -> list[Run]:
        """Return the runs that are queued or training; not those in the background."""
        with self._changed:
            return [live.snapshot() for live in self.under_way() if not live.background]

    def n_active(self, visitor: str = "") -> int:
        """Return the number of runs in :meth:`active`, of all visitors or of one."""
        with self._changed:
            active = [live for live in self.under_way() if not live.background]
            return sum(not visitor or visitor in live.visitors for live in active)

    def arrays(self, digest: str) -> RunArrays:
        """Return a run's arrays, live or kept.

        Raises
        ------
        StoreError
            If there are none, or their file is damaged.
        """
        with self._changed:
            live = self._live.get(digest)
            if live is not None and live.outcome is not None:
                return live.outcome.arrays
        return RunArrays(self._store.load_tensors(digest))

    def glimpse(self, digest: str) -> Glimpse | None:
        """Return the latest glimpse of a live run's model; None before and after the training."""
        with self._changed:
            live = self._live.get(digest)
            return None if live is None else live.glimpse

    def is_background(self, digest: str) -> bool:
        """Return True if a run is live and was requested only by experiments."""
        with self._changed:
            live = self._live.get(digest)
            return live is not None and live.background

    def starter(self, digest: str) -> str:
        """Return the visitor who started a live run; empty for calls from Python and for other runs."""
        with self._changed:
            live = self._live.get(digest)
            return live.starter if live is not None else ""

    @property
    def n_ended(self) -> int:
        """Number of runs that have ended in this process, except those in the background."""
        return self._n_ended

    def wait_for_change(self, timeout: float) -> None:
        """Wait until a live run changes, ``timeout`` seconds at most."""
        with self._changed:
            self._changed.wait(timeout)

    # What changes them.

    def add(self, live: Live) -> None:
        """Add a run, in the place of one of the same digest."""
        with self._changed:
            self._live[live.spec.digest] = live
            self._look_up_anew(live.spec.digest)

    def forget(self, digests: Sequence[str]) -> None:
        """Look up runs anew that have ended: somebody has deleted or restored them."""
        with self._changed:
            for digest in digests:
                self._look_up_anew(digest)

    def join(self, digest: str, visitor: str) -> None:
        """Note that one more visitor requests a run, if it is live."""
        with self._changed:
            live = self._live.get(digest)
            if live is not None and visitor and visitor not in live.visitors:
                live.visitors.append(visitor)

    def bring_forward(self, digest: str) -> None:
        """Promote a live run from the background to the foreground."""
        with self._changed:
            live = self._live.get(digest)
            if live is not None:
                live.background = False

    def mark_to_stop(self, digest: str) -> Live | None:
        """Mark a run to be stopped; return a copy of it as it stands, or None if it is not queued or training here."""
        with self._changed:
            live = self._live.get(digest)
            if live is None or live.outcome is not None:
                return None
            live.stopping = True
            return copy.copy(live)

    def change(self, live: Live, **changes: Any) -> None:
        """Set attributes of a live run, and wake who waits for a change."""
        with self._changed:
            for name, value in changes.items():
                setattr(live, name, value)
            self._changed.notify_all()

    def end(self, live: Live, ended: Run, outcome: Outcome, *, saved: bool) -> None:
        """Show the end of a run, and remove it if the end is ``saved`` in the store.

        Both are one step: who sees the end may submit the same spec again, and that run must not be removed here.
        """
        with self._changed:
            self._n_ended += not live.background and live.outcome is None
            self.change(live, state=ended.state, reason=ended.reason, epochs=list(ended.epochs), outcome=outcome)
            if saved and self._live.get(live.spec.digest) is live:
                del self._live[live.spec.digest]
                self._look_up_anew(live.spec.digest)
