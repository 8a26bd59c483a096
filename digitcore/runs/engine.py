"""Engine: trains specs in dask workers and keeps what they make.

One engine serves all users of a server. Workers report epochs as dask events; a single thread here writes each to the
store first and shows it after, so nothing that was seen is lost with the server.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from distributed import Event, Future, KilledWorker

from digitcore.errors import DigitcoreError, EngineError, InvalidSetting, NotAllowed, StoreError
from digitcore.models.epoch import Epoch
from digitcore.runs.arrays import RunArrays
from digitcore.runs.cluster import WORKERS_STARTING, TrainingCluster
from digitcore.runs.computations import RUNNING, Computation, Computations, Computing
from digitcore.runs.dispatch import Kind, Queue, Task, places_of_machine
from digitcore.runs.limits import check_computation, check_training, may_stop
from digitcore.runs.memory import within_memory
from digitcore.runs.owners import Owners
from digitcore.runs.run import Run
from digitcore.runs.store import Store
from digitcore.runs.training import Outcome, checkpoint_of, n_threads
from digitcore.runs.worker import compute_in_worker, train_in_worker
from digitcore.server_settings import ServerSettings, load_server_settings
from digitcore.specs.run_spec import RunSpec

log = logging.getLogger(__name__)

TICK_SECONDS = 2.0
# The weights directory is measured no more often than this, when runs have ended.
TRIM_SECONDS = 60.0
# A store that takes so long to refuse a write is left alone until the next tick: all runs' messages wait for it.
SLOW_SECONDS = 0.5
# A page asks several times for the same run; one that has ended is looked up in the store no more often than this.
LOOK_UP_SECONDS, MAX_LOOKED_UP = 1.0, 500
FETCH_SECONDS = 60
MOST_RESTARTS = 3

NO_WORKER = "The cluster has no worker at the moment: the training begins as soon as one joins."
STARTED_BY_ANOTHER = "Another visitor started this; only they can stop it."
LOST_WORKER = "The training process was lost, and the training has begun again; the result will be the same."
KILLED_TOO_OFTEN = (
    "The training process was killed again and again, most likely for lack of memory: "
    "try a smaller batch, a smaller model or fewer images."
)


@dataclass
class _Live:
    """A run while it is in this process: what the store does not know yet, and the handles to the worker's task."""

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
    future: Future | None = None
    restarts: int = 0
    background: bool = False
    keep_checkpoint: bool = False
    checkpoint: Mapping[str, np.ndarray] | None = None
    # Who has asked for it, first who started it; nobody where it was asked for from Python.
    visitors: list[str] = field(default_factory=list)
    watched_kind: Kind = field(init=False)
    # What it was when it was sent: who looks at a member of somebody's sweep takes no turn of theirs.
    sent_as: Kind | None = None
    stopping: bool = False

    def __post_init__(self) -> None:
        self.watched_kind = "large" if n_threads(self.spec) > 1 else "quick"

    @property
    def task(self) -> Task:
        """What the queue sees of it."""
        kind = "background" if self.background else self.watched_kind
        return Task(self.topic, self.sent_as or kind, frozenset(self.visitors))

    @property
    def topic(self) -> str:
        return f"digitcore-{self.spec.digest}-{self.attempt}-{self.restarts}"

    def snapshot(self) -> Run:
        outcome = self.outcome or Outcome()
        return Run(
            spec=self.spec,
            state=self.state,
            reason=" ".join(text for text in (self.reason, self.problem) if text),
            epochs=tuple(self.epochs),
            evaluation=outcome.evaluation,
            created_at=self.created_at,
            seconds=outcome.seconds,
        )


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
        self.settings = settings if settings is not None else load_server_settings()
        self.store = store if store is not None else Store()
        self._owners = Owners()
        self.owner = self._owners.own
        self._claim_lock = threading.Lock()
        self._write_again_at, self._write_problem = 0.0, ""
        self._trim_due, self._trim_again_at = True, 0.0
        self._scheduler = scheduler or os.environ.get("DIGITCORE_SCHEDULER") or None
        self.n_workers = n_workers or os.cpu_count() or 1
        self._cluster: TrainingCluster | None = None
        self._cluster_lock = threading.Lock()
        self._live: dict[str, _Live] = {}
        self._n_failed_starts = 0
        self._ended: dict[str, tuple[float, Run]] = {}
        self._computations = Computations()
        self._queue = Queue(self.settings.max_running_per_visitor)
        self._changed = threading.Condition()
        self._n_ended = 0
        self._inbox: queue.SimpleQueue = queue.SimpleQueue()
        self._closed = False
        self.store.close_orphans(self.owner_is_alive)
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the workers now, so that the first run need not wait for them, and wait for their scheduler.

        Raises
        ------
        EngineError
            If they cannot be started or reached.
        """
        self._ready_cluster().wait_until_connected()

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

        Of several servers on one store only one trains it; the others follow it through the store. What waits begins in
        the order of :class:`digitcore.runs.dispatch.Queue`.

        Parameters
        ----------
        spec : RunSpec
            What to train.
        background : bool
            Train it behind all that are not in the background, and leave it out of lists of runs.
        continues : RunSpec, optional
            A run of the same settings and fewer epochs: where its checkpoint was kept, the training goes on from there,
            with the same bits as from the start.
        keep_checkpoint : bool
            Keep what a longer training needs to go on from the end of this one.
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
        cluster = self._ready_cluster()
        if self._scheduler is not None:
            cluster.wait_until_connected()
        live = _Live(spec, 0, datetime.now(UTC), background=background, keep_checkpoint=keep_checkpoint)
        live.visitors = [visitor] * bool(visitor)
        if not self._claim(live, continues):
            self._join(spec.digest, background, visitor)
            return self.run(spec.digest)
        self._inbox.put(("dispatch",))
        return live.snapshot()

    def _claim(self, live: _Live, continues: RunSpec | None) -> bool:
        """Begin a new attempt; False if the run is trained already, or in training here or elsewhere."""
        digest = live.spec.digest
        # A lock of its own: while another process keeps the store locked, runs can still be looked at.
        with self._claim_lock:
            known = self.run(digest)
            if known is not None and (self._is_trained(known) or (known.active and digest in self._live)):
                return False
            if live.visitors and not live.background:
                check_training(live.spec, self._n_active(), self._n_active(*live.visitors), self.settings)
            live.checkpoint = self._checkpoint_of(continues)
            attempt = self.store.begin(live.spec, self.owner, background=live.background, is_alive=self.owner_is_alive)
            if attempt is None:
                return False
            live.attempt = attempt
            with self._changed:
                self._live[digest] = live
                self._ended.pop(digest, None)
            return True

    def _join(self, digest: str, background: bool, visitor: str) -> None:
        """Note that one more asks for a run."""
        with self._changed:
            live = self._live.get(digest)
            if live is not None and visitor and visitor not in live.visitors:
                live.visitors.append(visitor)
        if not background:
            self.bring_forward(digest)

    def _n_active(self, visitor: str = "") -> int:
        """Return the number of watched trainings that wait or run, of all visitors or of one."""
        with self._changed:
            active = [live for live in self._live.values() if live.outcome is None and not live.background]
            return sum(not visitor or visitor in live.visitors for live in active)

    def run(self, digest: str) -> Run | None:
        """Return how the run of this digest stands, or None when there is none."""
        with self._changed:
            live = self._live.get(digest)
            if live is not None:
                return live.snapshot()
            looked_up_at, run = self._ended.get(digest, (-LOOK_UP_SECONDS, None))
        if time.monotonic() - looked_up_at < LOOK_UP_SECONDS:
            return run
        run = self.store.load(digest)
        if run is not None and not run.active:
            with self._changed:
                if len(self._ended) > MAX_LOOKED_UP:
                    self._ended.clear()
                self._ended[digest] = (time.monotonic(), run)
        return run

    def runs(self, digests: Sequence[str]) -> dict[str, Run]:
        """Return how the runs of these digests stand, as far as there are any; those kept without their epochs."""
        with self._changed:
            live = {digest: self._live[digest].snapshot() for digest in digests if digest in self._live}
        return {**self.store.load_many([digest for digest in digests if digest not in live]), **live}

    def active(self) -> list[Run]:
        """Return the runs that wait or train in this process, oldest first; not those in the background."""
        with self._changed:
            waiting = (live for live in self._live.values() if live.outcome is None and not live.background)
            return [live.snapshot() for live in waiting]

    @property
    def n_ended(self) -> int:
        """Grows with each run that ends in this process, those in the background aside."""
        return self._n_ended

    def wait_for_change(self, timeout: float) -> None:
        """Wait until a run of this process changes, ``timeout`` seconds at most."""
        with self._changed:
            self._changed.wait(timeout)

    def background_places(self) -> int:
        """Return how many trainings in the background may be at work at a time.

        On this machine as many as it has processor cores; of a cluster's threads all but one as soon as there are
        three, and all but two as soon as there are six. So a training of somebody else begins at once.

        Raises
        ------
        EngineError
            If the workers cannot be started or reached.
        """
        cluster = self._ready_cluster()
        if self._scheduler is None:
            return places_of_machine(self.n_workers).background
        cluster.wait_until_connected()
        with self._as_engine_error():
            return cluster.places().background

    def arrays(self, digest: str) -> RunArrays:
        """Return the run's arrays: weights, probabilities, positions of the images, snapshots.

        Raises
        ------
        StoreError
            If there are none, or their file is damaged.
        """
        with self._changed:
            live = self._live.get(digest)
            if live is not None and live.outcome is not None:
                return live.outcome.arrays
        return RunArrays(self.store.load_tensors(digest))

    def compute(self, key: str, function: Callable[..., Any], *arguments: Any, visitor: str = "") -> Computation:
        """Return how a computation in a worker stands; the first call starts it, behind all watched trainings.

        Parameters
        ----------
        key : str
            Names the computation: equal keys mean equal results. The last 32 results, and failures, are kept.
        function, *arguments
            What to compute; importable and serialisable.
        visitor : str
            Who asks.

        Raises
        ------
        EngineError
            If the workers cannot be started or reached.
        LimitReached
            If the visitor, or all together, have as many under way as the server's limits for trainings allow.
        """
        self._ready_cluster()
        if visitor:
            check_computation(self._computations, key, visitor, self.settings)
        computation = self._computations.get_or_add(key, visitor, function, arguments)
        if computation is RUNNING:
            self._inbox.put(("dispatch",))
        return computation

    def forget_computation(self, key: str) -> None:
        """Let the next :meth:`compute` of this key start anew, after a failure."""
        self._computations.forget(key)

    def cancel_computation(self, key: str, visitor: str = "") -> None:
        """End a computation, unless other visitors wait for it. One that has ended is left as it is.

        Raises
        ------
        EngineError
            If the workers cannot be reached.
        """
        computing = self._computations.leave(key, visitor)
        if computing is not None and computing.future is not None:
            with self._as_engine_error():
                Event(_stop_name(computing.name), client=computing.future.client).set()
            self._inbox.put(("dispatch",))

    def bring_forward(self, digest: str) -> None:
        """Promote a background run to the foreground, so that it is listed and trained first.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        with self._changed:
            live = self._live.get(digest)
            if live is not None:
                live.background = False
        self.store.bring_forward(digest)

    def is_background(self, digest: str) -> bool:
        """Return True if the run is queued or training here and was submitted only by an experiment."""
        with self._changed:
            live = self._live.get(digest)
            return live is not None and live.background

    def may_stop(self, digest: str, visitor: str) -> bool:
        """Return True if this visitor may stop a run: who started it may, and by the server's settings anyone."""
        with self._changed:
            live = self._live.get(digest)
            starter = live.visitors[0] if live is not None and live.visitors else ""
        return may_stop(starter, visitor, self.settings)

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
        with self._changed:
            is_here = digest in self._live
        if not is_here:
            self.store.request_stop(digest)
            return
        with self._changed:
            live = self._live.get(digest)
            if live is None or live.outcome is not None:
                return
            live.stopping = True
            future, topic = live.future, live.topic
            # One whose worker was lost is shown as running while it waits again.
            waiting = live.state == "queued" or future is None
        if waiting:
            self._inbox.put(("outcome", topic, digest, Outcome(state="cancelled")))
        # Outside the lock: the call goes to the scheduler.
        self._stop_task(topic, future)

    def wait(self, digest: str, timeout: float | None = None) -> Run:
        """Wait until a run has ended and return it.

        Raises
        ------
        InvalidSetting
            If there is no run of this digest.
        TimeoutError
            If it has not ended after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            run = self.run(digest)
            if run is None:
                raise InvalidSetting(f"There is no run {digest!r}: submit its spec first")
            if not run.active:
                return run
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Run {digest} has not ended after {timeout:g} seconds")
            with self._changed:
                self._changed.wait(0.2)

    def close(self) -> None:
        """End the workers; runs in training are kept as failed, with their epochs."""
        if self._closed:
            return
        self._closed = True
        self._inbox.put(("close",))
        self._keeper.join()
        with self._cluster_lock:
            if self._cluster is not None:
                self._cluster.close()
        with contextlib.suppress(StoreError):
            self.store.close_orphans(lambda owner, _beats: owner != self.owner)
        self._owners.close()

    # The workers.

    def _ready_cluster(self) -> TrainingCluster:
        """Return a living cluster, started again if the last one died."""
        with self._cluster_lock:
            if self._closed:
                raise EngineError("The training engine is closed: start the dashboard again.")
            if self._cluster is None or not self._cluster.alive:
                if self._cluster is not None:
                    log.warning("The training workers are gone; starting new ones.")
                    self._cluster.close()
                    self._cluster = None
                self._cluster = TrainingCluster(
                    self._scheduler,
                    self.n_workers,
                    self.settings.worker_memory_gigabytes,
                    on_change=lambda: self._inbox.put(("dispatch",)),
                )
            return self._cluster

    def _send(self, cluster: TrainingCluster, live: _Live) -> None:
        client, topic, digest = cluster.client, live.topic, live.spec.digest
        with self._as_engine_error():
            client.subscribe_topic(topic, lambda event: self._inbox.put(("message", topic, digest, event[1])))
            # The topic holds digest and attempt: one task however often, by whomever, the same attempt is submitted.
            live.future = client.submit(
                train_in_worker,
                live.spec.canonical_json,
                topic,
                _stop_name(topic),
                live.checkpoint,
                live.keep_checkpoint,
                live.background,
                key=topic,
                pure=False,
            )
            live.future.add_done_callback(lambda future: self._inbox.put(("done", topic, digest, future)))

    def _send_computation(self, cluster: TrainingCluster, computing: Computing) -> None:
        arguments = (computing.function, computing.arguments, _stop_name(computing.name))
        with self._as_engine_error():
            computing.future = cluster.client.submit(
                within_memory, compute_in_worker, *arguments, key=computing.name, pure=False
            )
            computing.future.add_done_callback(lambda future: self._inbox.put(("computed", computing, future)))
            if not self._computations.holds(computing):  # it was stopped meanwhile
                Event(_stop_name(computing.name), client=cluster.client).set()

    @contextlib.contextmanager
    def _as_engine_error(self):
        try:
            yield
        except (OSError, TimeoutError, CancelledError) as error:
            raise EngineError(f"The training workers do not answer ({error}): try again in a moment.") from error

    def _checkpoint_of(self, spec: RunSpec | None) -> dict[str, np.ndarray] | None:
        """Return what is needed to go on from the end of a run, or None where it was not kept."""
        if spec is None:
            return None
        with contextlib.suppress(StoreError):
            return checkpoint_of(self.arrays(spec.digest))
        return None

    def _is_trained(self, run: Run) -> bool:
        return run.state == "done" and (run.digest in self._live or self.store.has_tensors(run.digest))

    # The keeper thread: the only one that changes a live run.

    def _keep(self) -> None:
        next_tick = time.monotonic() + TICK_SECONDS
        while True:
            try:
                kind, *message = self._inbox.get(timeout=max(0.0, next_tick - time.monotonic()))
            except queue.Empty:
                kind, message = "tick", []
            if kind == "close":
                return
            try:
                self._handle(kind, message)
                if time.monotonic() >= next_tick:
                    next_tick = time.monotonic() + TICK_SECONDS
                    self._tick()
            except Exception:  # the keeper must outlive any surprise: without it every run would stand still
                log.exception("Unexpected error while keeping runs")

    def _handle(self, kind: str, message: list) -> None:
        if kind == "tick":
            return
        if kind == "dispatch":
            self._dispatch()
            return
        if kind == "computed":
            self._take_computed(*message)
            self._dispatch()
            return
        topic, digest, content = message
        live = self._live.get(digest)
        if live is None or live.topic != topic or live.outcome is not None:
            return
        if kind == "message":
            self._take_message(live, content)
            return
        if kind == "outcome":
            self._end(live, content)
        else:
            self._take_future(live, content)
        self._dispatch()

    def _dispatch(self) -> None:
        """Send the workers what may begin now."""
        cluster = self._cluster
        waiting = self._tasks(sent=False)
        if cluster is None or not waiting:
            return
        if cluster.starting:
            self._tell_waiting(WORKERS_STARTING)
            return
        try:
            self._send_next(cluster, waiting)
        except EngineError as problem:
            log.warning("%s", problem)  # the next tick tries again

    def _send_next(self, cluster: TrainingCluster, waiting: dict[Task, _Live | Computing]) -> None:
        running = self._tasks(sent=True)
        tasks = [*waiting, *running]
        if len(tasks) > self.n_workers or any(task.kind != "quick" for task in tasks):
            with self._as_engine_error():
                cluster.have_spare_workers()
        with self._as_engine_error():
            places = cluster.places()
        self._tell_waiting("" if places.total else NO_WORKER)
        while (task := self._queue.next(list(waiting), list(running), places)) is not None:
            chosen = running[task] = waiting.pop(task)
            if isinstance(chosen, _Live):
                chosen.sent_as = task.kind
                self._send(cluster, chosen)
            else:
                self._send_computation(cluster, chosen)

    def _tasks(self, *, sent: bool) -> dict[Task, _Live | Computing]:
        """Return what waits here or, ``sent``, is with the workers, oldest first."""
        with self._changed:
            live = [each for each in self._live.values() if each.outcome is None and (sent or not each.stopping)]
        under_way = [*live, *self._computations.under_way()]
        return {each.task: each for each in under_way if (each.future is not None) == sent}

    def _tell_waiting(self, reason: str) -> None:
        for each in self._tasks(sent=False).values():
            if isinstance(each, _Live) and each.reason != reason and each.reason != LOST_WORKER:
                self._show(each, reason=reason)

    def _take_computed(self, computing: Computing, future: Future) -> None:
        if computing.future is not future or not self._computations.holds(computing):
            return  # it was sent again, or stopped
        if future.status in ("lost", "cancelled"):
            computing.future = None  # it waits again
            return
        try:
            ended = Computation("done", result=future.result(timeout=FETCH_SECONDS))
        except (Exception, CancelledError) as error:
            log.error("The computation %s failed: %r", computing.key, error)
            ended = Computation("failed", reason=_reason(error))
        self._computations.end(computing, ended)

    def _take_message(self, live: _Live, message: Mapping[str, Any]) -> None:
        if message.get("started"):
            reason = LOST_WORKER if live.state == "running" else live.reason
            live.unsaved_start = True
            self._save(live)
            self._show(live, state="running", reason=reason)
        epochs = [Epoch(*values) for values in message.get("epochs", ())]
        if epochs:
            live.unsaved = _merged(live.unsaved, epochs)
            self._save(live)
            self._show(live, epochs=_merged(live.epochs, epochs))

    def _take_future(self, live: _Live, future: Future) -> None:
        try:
            # A worker that is lost between the end and this has dask train once more, which nobody may wait for here.
            outcome = future.result(timeout=FETCH_SECONDS)
        except KilledWorker:
            outcome = Outcome(state="failed", reason=KILLED_TOO_OFTEN, epochs=list(live.epochs))
        except (Exception, CancelledError) as error:
            if future.status != "error":  # it is not the training that raised this
                log.warning("Lost the task of run %s: %s", live.spec.digest, error)
                self._restart(live)
                return
            log.exception("Run %s failed", live.spec.digest)
            reason = f"The training failed unexpectedly ({type(error).__name__}: {error}); the server's log says more."
            outcome = Outcome(state="failed", reason=reason, epochs=list(live.epochs))
        self._end(live, outcome)

    def _end(self, live: _Live, outcome: Outcome) -> None:
        live.unsaved = _merged(live.unsaved, outcome.epochs[len(live.epochs) :])
        reason = outcome.reason
        ended = replace(
            live.snapshot(),
            state=outcome.state,
            reason=reason,
            epochs=tuple(outcome.epochs or live.epochs),
            evaluation=outcome.evaluation,
            seconds=outcome.seconds,
        )
        saved = self._save(live, lambda: self.store.finish(ended, outcome.tensors))
        self._trim_due |= saved
        if outcome.state == "cancelled":
            # It may have been stopped as it was being sent: nobody would wait for its end.
            self._stop_task(live.topic, live.future)
        self._forget_task(live)
        with self._changed:
            self._n_ended += not live.background and live.outcome is None
            self._show(live, state=outcome.state, reason=reason, epochs=list(ended.epochs), outcome=outcome)
            # In one step: who sees the end may submit the same spec again, and that run must not be removed here.
            if saved and self._live.get(live.spec.digest) is live:
                del self._live[live.spec.digest]
                self._ended.pop(live.spec.digest, None)

    def _tick(self) -> None:
        with contextlib.suppress(StoreError):
            self.store.heartbeat(self.owner)
            self.store.close_orphans(self.owner_is_alive)
            self._stop_requested()
            self._trim()
        for live in list(self._live.values()):
            if live.outcome is not None:
                self._end(live, live.outcome)
                continue
            if live.stopping:
                self._stop_task(live.topic, live.future)
            if live.problem:
                self._save(live)
        if self._cluster is not None and not self._cluster.alive:
            self._replace_cluster(self._cluster)
        self._dispatch()

    def _replace_cluster(self, dead: TrainingCluster) -> None:
        """Train again, in new workers, what was with those that are gone."""
        self._n_failed_starts = 0 if dead.was_ready else self._n_failed_starts + 1
        under_way = [*self._tasks(sent=True).values(), *self._tasks(sent=False).values()]
        for each in under_way:
            if isinstance(each, Computing):
                each.future = None
            elif each.future is not None:
                self._restart(each)
            elif self._n_failed_starts >= MOST_RESTARTS:
                # Nothing that waits for workers that cannot be started would ever begin.
                self._end(each, Outcome(state="failed", reason=dead.problem))
        if self._tasks(sent=False):
            self._ready_cluster()

    def _restart(self, live: _Live) -> None:
        """Let a run wait again whose worker is gone."""
        if live.stopping:
            self._end(live, Outcome(state="cancelled", epochs=list(live.epochs)))
            return
        if live.restarts >= MOST_RESTARTS:
            self._end(live, Outcome(state="failed", reason=KILLED_TOO_OFTEN, epochs=list(live.epochs)))
            return
        self._forget_task(live)
        live.restarts += 1
        self._show(live, reason=LOST_WORKER)

    def _stop_requested(self) -> None:
        for digest in self.store.requested_stops(self.owner):
            if digest in self._live:
                with contextlib.suppress(EngineError):  # the next tick tries again
                    self.cancel(digest)

    def _trim(self) -> None:
        if self._trim_due and time.monotonic() >= self._trim_again_at:
            self._trim_due, self._trim_again_at = False, time.monotonic() + TRIM_SECONDS
            self.store.trim(self.settings.max_kept_gigabytes * 1e9)

    def _save(self, live: _Live, finish: Callable[[], None] = lambda: None) -> bool:
        """Write to the store what it lacks of a run, and return whether it has all now.

        On failure the user is told and the run stays in memory, until the next message or tick.
        """
        problem = self._write_problem if time.monotonic() < self._write_again_at else self._write(live, finish)
        if problem != live.problem:
            self._show(live, problem=problem)
        return not problem

    def _write(self, live: _Live, finish: Callable[[], None]) -> str:
        """Write what the store lacks of a run, and return the problem, or an empty text if there was none."""
        start = time.monotonic()
        try:
            if live.unsaved_start:
                self.store.mark_running(live.spec.digest)
                live.unsaved_start = False
            if live.unsaved:
                self.store.add_epochs(live.spec.digest, live.unsaved)
                live.unsaved = []
            finish()
        except StoreError as error:
            if time.monotonic() - start > SLOW_SECONDS:
                self._write_again_at, self._write_problem = time.monotonic() + TICK_SECONDS, str(error)
            return str(error)
        return ""

    def _show(self, live: _Live, **changes: Any) -> None:
        with self._changed:
            for name, value in changes.items():
                setattr(live, name, value)
            self._changed.notify_all()

    def _stop_task(self, topic: str, future: Future | None) -> None:
        """Tell a worker to end a run's task; where the scheduler does not answer, the next tick tries again."""
        if future is not None and future.status == "pending":
            with contextlib.suppress(EngineError), self._as_engine_error():
                Event(_stop_name(topic), client=future.client).set()

    def _forget_task(self, live: _Live) -> None:
        if live.future is None:
            return
        client, topic = live.future.client, live.topic
        live.future = live.sent_as = None
        with contextlib.suppress(Exception):  # a dead scheduler has forgotten it already
            client.unsubscribe_topic(topic)

    def owner_is_alive(self, owner: str, beats: int | None) -> bool:
        """Return True if the engine that owns runs or experiments is alive; see :mod:`digitcore.runs.owners`."""
        return self._owners.is_alive(owner, beats)


def _merged(epochs: list[Epoch], more: list[Epoch]) -> list[Epoch]:
    """Return the epochs in order, ``more`` in place of earlier ones of the same numbers."""
    if not epochs or not more or more[0].number > epochs[-1].number:
        return [*epochs, *more]
    by_number = {epoch.number: epoch for epoch in [*epochs, *more]}
    return [by_number[number] for number in sorted(by_number)]


def _stop_name(topic: str) -> str:
    return f"stop-{topic}"


def _reason(error: BaseException) -> str:
    """Return a sentence on why a computation failed."""
    if isinstance(error, DigitcoreError):
        return str(error)
    if isinstance(error, KilledWorker):
        return KILLED_TOO_OFTEN
    return f"The computation failed unexpectedly ({type(error).__name__}); the server's log says more."
