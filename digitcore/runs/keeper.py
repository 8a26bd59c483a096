"""Keeper: the one thread that changes live runs.

It hears from the workers, writes what it hears to the store and shows it afterwards, so that nothing that was seen is
lost with the server. It also sends tasks to the workers, and restarts a training whose worker was lost.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import replace
from datetime import timedelta
from typing import Any

from distributed import Future, KilledWorker

from digitcore.errors import DigitcoreError, EngineError, StoreError
from digitcore.models.epoch import Epoch
from digitcore.runs.cluster import WORKERS_STARTING, TrainingCluster
from digitcore.runs.computations import Computation, Computations, Computing
from digitcore.runs.dispatch import Queue, Task
from digitcore.runs.glimpse import Glimpse
from digitcore.runs.live_runs import Live, LiveRuns
from digitcore.runs.owners import Owners
from digitcore.runs.run_editor import RunEditor
from digitcore.runs.store import Store
from digitcore.runs.training import Outcome
from digitcore.runs.workers import Workers, forget_topic, places_of, send_computation, send_training, stop_task
from digitcore.server_settings import ServerSettings

log = logging.getLogger(__name__)

TICK_SECONDS = 2.0
# The weights directory is measured no more often than this, when runs have ended.
TRIM_SECONDS = 60.0
# Runs that were deleted can be restored for so long, and are removed no more often than this.
UNDO_PERIOD, PURGE_SECONDS = timedelta(days=7), 3600.0
# A store that takes so long to refuse a write is left alone until the next tick: all runs' messages wait for it.
SLOW_SECONDS = 0.5
FETCH_SECONDS = 60
MOST_RESTARTS = 3

NO_WORKER = "The cluster has no worker at the moment: the training begins as soon as one joins."
LOST_WORKER = "The training process was lost, and the training has begun again; the result will be the same."
KILLED_TOO_OFTEN = (
    "The training process was killed again and again, most likely for lack of memory: "
    "try a smaller batch, a smaller model, fewer images, or fewer seeds that vote."
)


class Keeper:
    """Keeps the live runs and the computations of an engine.

    All threads may call the public methods. They put messages into an inbox, which the keeper's own thread works
    through one by one, beside a tick every two seconds.

    Parameters
    ----------
    store : Store
        Where runs are written.
    workers : Workers
        Who trains and computes.
    owners : Owners
        The engine as an owner of runs, and which other owners are alive.
    settings : ServerSettings
        The server's limits.

    Attributes
    ----------
    runs : LiveRuns
        The runs that are queued or training here, or whose end could not be written yet.
    computations : Computations
        The computations that are queued or running, and the results of the last ones.
    """

    def __init__(self, store: Store, workers: Workers, owners: Owners, settings: ServerSettings):
        self.runs, self.computations = LiveRuns(store), Computations()
        self._store, self._workers, self._owners, self._settings = store, workers, owners, settings
        self._queue = Queue(settings.max_running_per_visitor)
        self._inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._write_again_at, self._write_problem = 0.0, ""
        self._send_again_at = 0.0
        self._trim_due, self._trim_again_at = True, 0.0
        self._purge_again_at = 0.0
        self._n_failed_starts = 0
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    # For all threads.

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def request_dispatch(self) -> None:
        """Ask the thread to send waiting tasks to free workers: a task was added or has ended, or workers changed."""
        self._inbox.put(("dispatch",))

    def stop(self, digest: str) -> None:
        """Stop a run that is queued or training here, before it begins or in the middle of an epoch."""
        run = self.runs.mark_to_stop(digest)
        if run is None:
            return
        # One whose worker was lost is shown as running while it waits again.
        if run.state == "queued" or run.future is None:
            self._inbox.put(("outcome", run.topic, digest, Outcome(state="cancelled")))
        self._stop_task(run)

    def close(self) -> None:
        """End the thread after the messages that are in the inbox now, and wait for that."""
        self._inbox.put(("close",))
        self._thread.join()

    # All that follows runs in the keeper's thread.

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

    def _handle(self, kind: str, message: list[Any]) -> None:
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
        live = self.runs.get(digest)
        if live is None or live.topic != topic or live.outcome is not None:
            return
        if kind == "message":
            self._take_message(live, content)
            return
        if kind == "glimpse":
            self.runs.change(live, glimpse=Glimpse.from_bytes(content))
            return
        if kind == "outcome":
            self._end(live, content)
        else:
            self._take_future(live, content)
        self._dispatch()

    # Sending.

    def _dispatch(self) -> None:
        """Send the workers what may begin now."""
        cluster = self._workers.cluster
        waiting = self._tasks(sent=False)
        # What is sent to workers that are gone would be lost at once, and lost a second time when they are replaced.
        if cluster is None or not waiting or not cluster.alive:
            return
        if cluster.starting:
            self._tell_waiting(WORKERS_STARTING)
            return
        if time.monotonic() < self._send_again_at:
            return
        try:
            self._send_next(cluster, waiting)
        except EngineError as problem:
            log.warning("%s", problem)
            # Each message would wait for the same silent scheduler.
            self._send_again_at = time.monotonic() + TICK_SECONDS / 2

    def _send_next(self, cluster: TrainingCluster, waiting: dict[Task, Live | Computing]) -> None:
        running = self._tasks(sent=True)
        tasks = [*waiting, *running]
        spare = len(tasks) > self._workers.n_workers or any(task.kind != "quick" for task in tasks)
        places = places_of(cluster, spare=spare)
        self._tell_waiting("" if places.total else NO_WORKER)
        while (task := self._queue.next(list(waiting), list(running), places)) is not None:
            chosen = running[task] = waiting.pop(task)
            if isinstance(chosen, Live):
                chosen.sent_as = task.kind
                self._send_training(cluster, chosen)
            else:
                self._send_computation(cluster, chosen)

    def _send_training(self, cluster: TrainingCluster, live: Live) -> None:
        topic, digest = live.topic, live.spec.digest
        live.future = send_training(
            cluster.client,
            live,
            on_message=lambda message: self._inbox.put(("message", topic, digest, message)),
            on_glimpse=lambda shown: self._inbox.put(("glimpse", shown["topic"], shown["digest"], shown["glimpse"])),
            on_end=lambda future: self._inbox.put(("done", topic, digest, future)),
        )

    def _send_computation(self, cluster: TrainingCluster, computing: Computing) -> None:
        computing.future = send_computation(
            cluster.client, computing, lambda future: self._inbox.put(("computed", computing, future))
        )
        if not self.computations.holds(computing):  # it was stopped meanwhile
            stop_task(computing.name, computing.future)

    def _tasks(self, *, sent: bool) -> dict[Task, Live | Computing]:
        """Return the tasks that were sent to the workers, or those that wait here to be sent; oldest first."""
        live = [each for each in self.runs.under_way() if sent or not each.stopping]
        under_way = [*live, *self.computations.under_way()]
        return {each.task: each for each in under_way if (each.future is not None) == sent}

    def _tell_waiting(self, reason: str) -> None:
        for each in self._tasks(sent=False).values():
            if isinstance(each, Live) and each.reason != reason and each.reason != LOST_WORKER:
                self.runs.change(each, reason=reason)

    # What the workers say.

    def _take_computed(self, computing: Computing, future: Future[Any]) -> None:
        if computing.future is not future or not self.computations.holds(computing):
            return  # it was sent again, or stopped
        if future.status in ("lost", "cancelled"):
            computing.future = None  # it waits again
            return
        try:
            ended = Computation("done", result=future.result(timeout=FETCH_SECONDS))
        except (Exception, CancelledError) as error:
            log.error("The computation %s failed: %r", computing.key, error)
            ended = Computation("failed", reason=_reason(error))
        if computing.kept_with and ended.state == "done":
            self._keep_finding(computing, ended.result)
        self.computations.end(computing, ended)

    def _keep_finding(self, computing: Computing, table: Any) -> None:
        """Keep a table with the run of which it was found; where that fails, until the server ends."""
        try:
            self._store.keep_finding(computing.key, computing.kept_with, table)
        except StoreError as problem:
            log.warning("What was computed of run %s could not be kept: %s", computing.kept_with, problem)

    def _take_message(self, live: Live, message: Mapping[str, Any]) -> None:
        if message.get("started"):
            reason = LOST_WORKER if live.state == "running" else live.reason
            live.unsaved_start = True
            self._save(live)
            self.runs.change(live, state="running", reason=reason)
        epochs = [Epoch(*values) for values in message.get("epochs", ())]
        if epochs:
            live.unsaved = _merged(live.unsaved, epochs)
            self._save(live)
            self.runs.change(live, epochs=_merged(live.epochs, epochs))

    def _take_future(self, live: Live, future: Future[Any]) -> None:
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

    def _end(self, live: Live, outcome: Outcome) -> None:
        if outcome.state == "cancelled" and not outcome.epochs and live.earlier is not None:
            # It was stopped again before it went on.
            kept = live.earlier
            outcome = Outcome("cancelled", kept.reason, list(kept.epochs), kept.evaluation, seconds=kept.seconds)
        live.unsaved = _merged(live.unsaved, outcome.epochs[len(live.epochs) :])
        ended = replace(
            live.snapshot(),
            state=outcome.state,
            reason=outcome.reason,
            epochs=tuple(outcome.epochs or live.epochs),
            evaluation=outcome.evaluation,
            seconds=outcome.seconds,
            stopping=False,
        )
        saved = self._save(live, lambda: self._store.finish(ended, outcome.tensors))
        self._trim_due |= saved
        if outcome.state == "cancelled":
            # It may have been stopped as it was being sent: nobody would wait for its end.
            self._stop_task(live)
        self._forget_task(live)
        self.runs.end(live, ended, outcome, saved=saved)

    # What the tick does.

    def _tick(self) -> None:
        with contextlib.suppress(StoreError):
            self._store.heartbeat(self._owners.own)
            self._store.close_orphans(self._owners.is_alive)
            for digest in self._store.requested_stops(self._owners.own):
                self.stop(digest)
            self._trim()
            self._purge()
        for live in self.runs.all():
            if live.outcome is not None:
                self._end(live, live.outcome)
                continue
            if live.stopping:
                self._stop_task(live)
            if live.problem:
                self._save(live)
        cluster = self._workers.cluster
        if cluster is not None and not cluster.alive:
            self._replace_cluster(cluster)
        self._dispatch()

    def _trim(self) -> None:
        if self._trim_due and time.monotonic() >= self._trim_again_at:
            self._trim_due, self._trim_again_at = False, time.monotonic() + TRIM_SECONDS
            self._store.trim(self._settings.max_kept_gigabytes * 1e9)

    def _purge(self) -> None:
        if time.monotonic() >= self._purge_again_at:
            self._purge_again_at = time.monotonic() + PURGE_SECONDS
            RunEditor(self._store).purge(UNDO_PERIOD)

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
            self._workers.ready_cluster()

    def _restart(self, live: Live) -> None:
        """Let a run wait again whose worker is gone."""
        if live.stopping:
            self._end(live, Outcome(state="cancelled", epochs=list(live.epochs)))
            return
        if live.restarts >= MOST_RESTARTS:
            self._end(live, Outcome(state="failed", reason=KILLED_TOO_OFTEN, epochs=list(live.epochs)))
            return
        self._forget_task(live)
        live.restarts += 1
        self.runs.change(live, reason=LOST_WORKER)

    # The store.

    def _save(self, live: Live, finish: Callable[[], None] = lambda: None) -> bool:
        """Write a run's unsaved changes to the store; return True if all are saved.

        On failure the user is told and the run stays in memory, until the next message or tick.
        """
        problem = self._write_problem if time.monotonic() < self._write_again_at else self._write(live, finish)
        if problem != live.problem:
            self.runs.change(live, problem=problem)
        return not problem

    def _write(self, live: Live, finish: Callable[[], None]) -> str:
        """Write what the store lacks of a run, and return the problem, or an empty text if there was none."""
        start = time.monotonic()
        try:
            if live.unsaved_start:
                self._store.mark_running(live.spec.digest)
                live.unsaved_start = False
            if live.unsaved:
                self._store.add_epochs(live.spec.digest, live.unsaved)
                live.unsaved = []
            finish()
        except StoreError as error:
            if time.monotonic() - start > SLOW_SECONDS:
                self._write_again_at, self._write_problem = time.monotonic() + TICK_SECONDS, str(error)
            return str(error)
        return ""

    # The worker's task.

    def _stop_task(self, live: Live) -> None:
        """Tell a worker to end a run's task; where the scheduler does not answer, the next tick tries again."""
        if live.future is not None and live.future.status == "pending":
            with contextlib.suppress(EngineError):
                stop_task(live.topic, live.future)

    def _forget_task(self, live: Live) -> None:
        if live.future is None:
            return
        future, live.future, live.sent_as = live.future, None, None
        forget_topic(live.topic, future)


def _merged(epochs: list[Epoch], more: list[Epoch]) -> list[Epoch]:
    """Return the epochs in order, ``more`` in place of earlier ones of the same numbers."""
    if not epochs or not more or more[0].number > epochs[-1].number:
        return [*epochs, *more]
    by_number = {epoch.number: epoch for epoch in [*epochs, *more]}
    return [by_number[number] for number in sorted(by_number)]


def _reason(error: BaseException) -> str:
    """Return a sentence on why a computation failed."""
    if isinstance(error, DigitcoreError):
        return str(error)
    if isinstance(error, KilledWorker):
        return KILLED_TOO_OFTEN
    return f"The computation failed unexpectedly ({type(error).__name__}); the server's log says more."
