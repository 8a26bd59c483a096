"""Engine: trains specs in dask workers and keeps what they make.

One engine serves all users of a server. It answers what they ask; the workers are started in
:mod:`digitcore.runs.workers`, and what becomes of a run is the matter of one thread, in :mod:`digitcore.runs.keeper`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from digitcore.datasets import load_dataset
from digitcore.errors import EngineError, InvalidSetting, NotAllowed, StoreError
from digitcore.models.checkpoint import n_epochs_of
from digitcore.runs.arrays import RunArrays
from digitcore.runs.catalogue import Catalogue
from digitcore.runs.computations import RUNNING, Computation
from digitcore.runs.glimpse import Glimpse
from digitcore.runs.keeper import Keeper
from digitcore.runs.limits import check_computation, check_training, may_stop, visitor_key
from digitcore.runs.live_runs import Live
from digitcore.runs.owners import Owners
from digitcore.runs.part_locks import PartLocks
from digitcore.runs.prediction import RunModel
from digitcore.runs.run import Run
from digitcore.runs.run_editor import RunEditor
from digitcore.runs.store import Store
from digitcore.runs.training import checkpoint_of
from digitcore.runs.workers import Workers, stop_task
from digitcore.server_settings import ServerSettings, load_server_settings
from digitcore.specs.run_spec import RunSpec, goes_on_from

STARTED_BY_ANOTHER = "Another visitor started this; only they can stop it."


class Engine:
    """Trains runs and answers how they stand.

    Parameters
    ----------
    store : Store, optional
        Where runs are kept. Default: ``Store()``.
    scheduler : str, optional
        Address of a dask scheduler. Default: the environment variable ``DIGITCORE_SCHEDULER``, else worker processes
        on this machine, started with the first run or by :meth:`start`.
    n_workers : int, optional
        Worker processes on this machine. Default: one for each processor core.
    settings : ServerSettings, optional
        The server's limits. Default: :func:`digitcore.server_settings.load_server_settings`.

    Attributes
    ----------
    store, n_workers
        Those given, or their defaults.
    owner : str
        This engine as an owner of runs and experiments, see :mod:`digitcore.runs.owners`.
    workers : Workers
        Starts and replaces the cluster; ``workers.ready_cluster().client`` is the dask client.
    computations : Computations
        The computations that are queued or running, and the results of the last ones.
    catalogue : Catalogue
        The kept runs as pages of a table.
    editor : RunEditor
        Names, notes and tags of kept runs, and their deletion.
    part_locks : PartLocks
        Which test parts are locked; pages and lists cover their figures, and what this class returns has them.

    Examples
    --------
    >>> with Engine() as engine:
    ...     run = engine.wait(engine.submit(RunSpec(dataset="digits", model="softmax")).digest)
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        scheduler: str | None = None,
        n_workers: int | None = None,
        settings: ServerSettings | None = None,
    ):
        self._settings = settings if settings is not None else load_server_settings()
        self.store = store if store is not None else Store()
        self._owners = Owners()
        self.owner = self._owners.own
        self._claim_lock = threading.Lock()
        self._closed = False
        self.n_workers = n_workers or os.cpu_count() or 1
        self.workers = Workers(
            scheduler or os.environ.get("DIGITCORE_SCHEDULER") or None,
            self.n_workers,
            self.settings.worker_memory_gigabytes,
            on_change=lambda: self._keeper.request_dispatch(),
        )
        self._keeper = Keeper(self.store, self.workers, self._owners, self.settings)
        self._runs, self.computations = self._keeper.runs, self._keeper.computations
        self.catalogue = Catalogue(self.store)
        may_edit = self.settings.edit == "anyone"
        self.editor = RunEditor(self.store, self.settings.max_text_length, self._runs.forget, allowed=may_edit)
        self.part_locks = PartLocks(self.store, allowed=may_edit)
        self.store.close_orphans(self.owner_is_alive)
        self.store.read_again()
        self._keeper.start()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def settings(self) -> ServerSettings:
        """The server's limits. Read-only: workers and keeper were made with them."""
        return self._settings

    def start(self) -> None:
        """Start the workers now, so that the first run need not wait for them, and wait for their scheduler.

        Raises
        ------
        EngineError
            If they cannot be started or reached.
        """
        self.workers.ready_cluster().wait_until_connected()

    @property
    def is_starting(self) -> bool:
        """Whether workers are on their way and none can train yet: what is submitted waits for the first of them."""
        cluster = self.workers.cluster
        return cluster is not None and cluster.starting

    def submit(
        self,
        spec: RunSpec,
        *,
        background: bool = False,
        continues: RunSpec | None = None,
        keep_checkpoint: bool = False,
        visitor: str = "",
    ) -> Run:
        """Train ``spec``, unless it was trained before or is in training now, and return how it stands.

        A run that was stopped goes on from where it was, and ends with the same bits as one that never was.

        Of several servers on one store only one trains it; the others follow it through the store. What waits begins in
        the order of :class:`digitcore.runs.dispatch.Queue`.

        Parameters
        ----------
        spec : RunSpec
            What to train.
        background : bool
            Train it behind all that are not in the background, and leave it out of lists of runs.
        continues : RunSpec, optional
            A run of the same settings and fewer epochs, or the one whose end the spec's parent is: where its checkpoint
            was kept, the training goes on from there, with the same bits as from the start.
        keep_checkpoint : bool
            Keep what a longer training needs to go on from the end of this one, also in the background.
        visitor : str
            Who asks: the server's limits hold for visitors. Empty for calls from Python, which have none.

        Raises
        ------
        EngineError
            If the workers cannot be started or reached.
        LimitReached
            If a limit of the server forbids it.
        StoreError
            If the store cannot be written.
        """
        self.workers.reached_cluster()
        live = Live(spec, 0, datetime.now(UTC), background=background)
        live.keep_checkpoint = keep_checkpoint or not background
        live.starter, live.visitors = visitor, [visitor] * bool(visitor)
        if not self._claim(live, continues):
            self._join(spec.digest, background, visitor)
            return self.run(spec.digest)
        self._keeper.request_dispatch()
        return live.snapshot()

    def _claim(self, live: Live, continues: RunSpec | None) -> bool:
        """Begin a new attempt; False if the run is trained already, or in training here or elsewhere."""
        digest = live.spec.digest
        # A lock of its own: while another process keeps the store locked, runs can still be looked at.
        with self._claim_lock:
            self._runs.forget([digest])  # another server may have deleted it
            known = self.run(digest)
            if known is not None and (self._is_trained(known) or (known.active and digest in self._runs)):
                return False
            if live.visitors and not live.background:
                check_training(live.spec, self._runs.n_active(), self._runs.n_active(*live.visitors), self.settings)
            live.checkpoint = self._checkpoint_of(live.spec, continues) if continues != live.spec else None
            own = self._checkpoint_of(live.spec, live.spec) if known is not None and known.epochs else None
            if own is not None and n_epochs_of(own) >= n_epochs_of(live.checkpoint or {}):
                # Until a worker has it the run shows what it has; if it is stopped before, it is what it was.
                live.checkpoint, live.earlier = own, known
                live.epochs, live.unsaved = list(known.epochs), list(known.epochs)
            attempt = self.store.begin(
                live.spec,
                self.owner,
                background=live.background,
                starter=visitor_key(live.starter),
                is_alive=self.owner_is_alive,
            )
            if attempt is None:
                self._runs.forget([digest])  # another server has begun it since
                return False
            live.attempt = attempt
            self._runs.add(live)
            return True

    def _join(self, digest: str, background: bool, visitor: str) -> None:
        """Record that one more visitor requests a run."""
        self._runs.join(digest, visitor)
        if not background:
            self.bring_forward(digest)

    def _checkpoint_of(self, spec: RunSpec, earlier: RunSpec | None) -> dict[str, np.ndarray] | None:
        """Return what ``spec`` needs to go on from the end of an earlier run, or None where it was not kept."""
        if earlier is None or not self.can_go_on(earlier.digest):
            return None
        with contextlib.suppress(StoreError):
            checkpoint = checkpoint_of(self.arrays(earlier.digest)) or {}
            if goes_on_from(spec, earlier, n_epochs_of(checkpoint)):
                return checkpoint
        return None

    def can_go_on(self, digest: str) -> bool:
        """Return True if what is needed to go on from the end of a run was kept."""
        return self.store.has_checkpoint(digest)

    def _is_trained(self, run: Run) -> bool:
        return run.state == "done" and (run.digest in self._runs or self.store.has_tensors(run.digest))

    def run(self, digest: str) -> Run | None:
        """Return how the run of this digest stands; None when there is none that this version can read.

        Its test figures are there, also where its test part is locked.
        """
        return self._runs.run(digest)

    def glimpse(self, digest: str) -> Glimpse | None:
        """Return the latest glimpse of the model of a run in training; None where there is none."""
        return self._runs.glimpse(digest)

    def runs(self, digests: Sequence[str]) -> dict[str, Run]:
        """Return how the runs of these digests stand, as far as there are any; those kept without their epochs."""
        return self._runs.runs(digests)

    def active(self) -> list[Run]:
        """Return the runs that wait or train in this process, oldest first; not those in the background."""
        return self._runs.active()

    @property
    def n_ended(self) -> int:
        """Number of runs that have ended in this process, except those in the background."""
        return self._runs.n_ended

    def wait_for_change(self, timeout: float) -> None:
        """Wait until a run of this process changes, ``timeout`` seconds at most."""
        self._runs.wait_for_change(timeout)

    def background_places(self) -> int:
        """Return how many trainings in the background may be at work at a time.

        On this machine as many as it has processor cores; of a cluster's threads all but one as soon as there are
        three, and all but two as soon as there are six. So a training of somebody else begins at once.

        Raises
        ------
        EngineError
            If the workers cannot be started or reached.
        """
        return self.workers.background_places()

    def arrays(self, digest: str) -> RunArrays:
        """Return the run's arrays: weights, probabilities, positions of the images, snapshots.

        Raises
        ------
        StoreError
            If there are none, or their file is damaged.
        """
        return self._runs.arrays(digest)

    def model(self, digest: str) -> RunModel:
        """Return the model of a run that has ended, which predicts images like those of the run's data set.

        Raises
        ------
        InvalidSetting
            If there is no run of this digest, or it was not evaluated: it has not ended, failed, or was stopped early.
        StoreError
            If its arrays are gone, or their file is damaged.
        DatasetUnavailable
            If its data set, which names the classes, is not to be had.

        Examples
        --------
        >>> probabilities = engine.model(run.digest).predict_proba(images)
        """
        run = self._existing(digest)
        if run.state == "failed" and run.reason:
            raise InvalidSetting(f"Run {digest} failed and has no model: {run.reason}")
        if not run.evaluated:
            what_to_do = "wait for its end" if run.active else "train it again"
            raise InvalidSetting(f"Run {digest} is {run.state} and was not evaluated: {what_to_do} to have its model")
        return RunModel(run, self.arrays(digest), load_dataset(run.spec.dataset).class_names)

    def compute(
        self, key: str, function: Callable[..., Any], *arguments: Any, visitor: str = "", kept_with: str = ""
    ) -> Computation:
        """Return how a computation in a worker stands; the first call queues it, behind all foreground trainings.

        Parameters
        ----------
        key : str
            Names the computation: equal keys mean equal results. The last 32 results, and failures, are kept.
        function, *arguments
            What to compute; importable and serialisable.
        visitor : str
            Who asks.
        kept_with : str
            Digest of a run: the result, a table, is kept in the store until the run's next attempt. By default only in
            memory.

        Raises
        ------
        EngineError
            If the workers cannot be started or reached.
        StoreError
            If the store cannot be read.
        LimitReached
            If the visitor, or all together, have as many under way as the server's limits for trainings allow.
        """
        if kept_with and (found := self._recalled(key)) is not None:
            return found
        self.workers.ready_cluster()
        if visitor:
            check_computation(self.computations, key, visitor, self.settings)
        computation = self.computations.get_or_add(key, visitor, function, arguments, kept_with)
        if computation is RUNNING:
            self._keeper.request_dispatch()
        return computation

    def knows_computation(self, key: str) -> bool:
        """Return True if a computation is under way, or its result is there to be shown.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        return self.computations.knows(key) or self._recalled(key) is not None

    def _recalled(self, key: str) -> Computation | None:
        """Return the result of a computation that has ended, or was kept with a run; None where there is none."""
        if self.computations.knows(key):
            return self.computations.ended(key)
        table = self.store.finding(key)
        return None if table is None else self.computations.remember(key, Computation("done", result=table))

    def forget_computation(self, key: str) -> None:
        """Let the next :meth:`compute` of this key start anew, after a failure."""
        self.computations.forget(key)

    def cancel_computation(self, key: str, visitor: str = "") -> None:
        """End a computation, unless other visitors wait for it. One that has ended is left as it is.

        Raises
        ------
        EngineError
            If the workers cannot be reached.
        """
        computing = self.computations.leave(key, visitor)
        if computing is not None and computing.future is not None:
            stop_task(computing.name, computing.future)
            self._keeper.request_dispatch()

    def bring_forward(self, digest: str) -> None:
        """Promote a background run to the foreground, so that it is listed and trained first.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        self._runs.bring_forward(digest)
        self.store.bring_forward(digest)

    def is_background(self, digest: str) -> bool:
        """Return True if the run is queued or training here and was submitted only by an experiment."""
        return self._runs.is_background(digest)

    def may_stop(self, digest: str, visitor: str) -> bool:
        """Return True if this visitor may stop a run: who started it may, and by the server's settings anyone.

        That holds on every server of the store, as long as a visitor's browser has one cookie for all of them.

        Raises
        ------
        StoreError
            If the run is another server's, and the store cannot be read.
        """
        if digest in self._runs:
            return may_stop(self._runs.starter(digest), visitor, self.settings)
        return may_stop(self.store.starter(digest), visitor_key(visitor), self.settings)

    def cancel(self, digest: str, visitor: str = "") -> None:
        """End a run before it begins or in the middle of an epoch. A run that is not active is left as it is.

        A run that another server trains is stopped by that server, within seconds.

        Parameters
        ----------
        digest : str
            Of the run.
        visitor : str
            Who asks; empty for calls from Python.

        Raises
        ------
        NotAllowed
            If another visitor has started it, and only that one may stop it.
        StoreError
            If another server's run cannot be marked in the store.
        """
        if not self.may_stop(digest, visitor):
            raise NotAllowed(STARTED_BY_ANOTHER)
        if digest in self._runs:
            self._keeper.stop(digest)
        else:
            self.store.request_stop(digest)

    def wait(self, digest: str, timeout: float | None = None) -> Run:
        """Wait until a run has ended and return it.

        Raises
        ------
        InvalidSetting
            If there is no run of this digest.
        EngineError
            If the engine was closed while the run was in training.
        TimeoutError
            If it has not ended after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            run = self._existing(digest)
            if not run.active:
                return run
            if self._closed:
                raise EngineError(f"The training engine is closed, and run {digest} had not ended: submit it again.")
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Run {digest} has not ended after {timeout:g} seconds")
            self._runs.wait_for_change(0.2)

    def _existing(self, digest: str) -> Run:
        """Return how a run stands, or refuse a digest that no run has."""
        run = self.run(digest)
        if run is None:
            raise InvalidSetting(f"There is no run {digest!r}: submit its spec first")
        return run

    def close(self) -> None:
        """End the workers; runs in training are kept as failed, with their epochs."""
        if self._closed:
            return
        self._closed = True
        self.workers.begin_close()
        self._keeper.close()
        self.workers.close()
        with contextlib.suppress(StoreError):
            self.store.close_orphans(lambda owner, _beats: owner != self.owner)
        self._owners.close()

    def owner_is_alive(self, owner: str, beats: int | None) -> bool:
        """Return True if the engine that owns runs or experiments is alive; see :mod:`digitcore.runs.owners`."""
        return self._owners.is_alive(owner, beats)
