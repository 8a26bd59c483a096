"""Workers: the cluster that trains for an engine, a new one when the last has died, and the tasks that it is given."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from typing import Any

from distributed import Client, Future

from digitcore.errors import EngineError
from digitcore.runs.cluster import ANSWER_SECONDS, TrainingCluster
from digitcore.runs.computations import Computing
from digitcore.runs.dispatch import Places, places_of_machine
from digitcore.runs.live_runs import Live
from digitcore.runs.memory import within_memory
from digitcore.runs.worker import GLIMPSES, compute_in_worker, train_in_worker
from digitcore.worker_host.tasks import call, packed

log = logging.getLogger(__name__)


class Workers:
    """The cluster's life: started when it is first needed, replaced when it has died, closed at the end.

    Parameters
    ----------
    scheduler, memory_gigabytes, on_change
        Those of :class:`digitcore.runs.cluster.TrainingCluster`.
    n_workers : int
        Worker processes on this machine.
    """

    def __init__(self, scheduler: str | None, n_workers: int, memory_gigabytes: float, on_change: Callable[[], None]):
        self.n_workers = n_workers
        self._scheduler, self._memory_gigabytes, self._on_change = scheduler, memory_gigabytes, on_change
        self._cluster: TrainingCluster | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def cluster(self) -> TrainingCluster | None:
        """The current cluster, alive or not; None before it is first needed."""
        return self._cluster

    def ready_cluster(self) -> TrainingCluster:
        """Return a living cluster, started again if the last one died; its workers may still be on their way.

        Raises
        ------
        EngineError
            If the workers were closed.
        """
        with self._lock:
            if self._closed:
                raise EngineError("The training engine is closed: make a new one, or start the dashboard again.")
            if self._cluster is None or not self._cluster.alive:
                if self._cluster is not None:
                    log.warning("The training workers are gone; starting new ones.")
                    self._cluster.close()
                    self._cluster = None
                self._cluster = TrainingCluster(
                    self._scheduler, self.n_workers, self._memory_gigabytes, on_change=self._on_change
                )
            return self._cluster

    def reached_cluster(self) -> TrainingCluster:
        """Return a living cluster; one that runs elsewhere has answered.

        Raises
        ------
        EngineError
            If it cannot be reached, or the workers were closed.
        """
        cluster = self.ready_cluster()
        if self._scheduler is not None:
            cluster.wait_until_connected()
        return cluster

    def background_places(self) -> int:
        """Return how many background tasks may run at a time, counting the spare workers that will start.

        Raises
        ------
        EngineError
            If the workers cannot be started or reached.
        """
        cluster = self.reached_cluster()
        if self._scheduler is None:
            return places_of_machine(self.n_workers).background
        with _as_engine_error():
            return cluster.places().background

    def begin_close(self) -> None:
        """Refuse everybody who needs a cluster from now on; who has it already may use it until :meth:`close`."""
        self._closed = True

    def close(self) -> None:
        """End the workers."""
        self.begin_close()
        with self._lock:
            if self._cluster is not None:
                self._cluster.close()


def places_of(cluster: TrainingCluster, *, spare: bool) -> Places:
    """Return how many tasks may run at a time, with the workers that are up now.

    Parameters
    ----------
    cluster : TrainingCluster
        Of the workers.
    spare : bool
        Start the spare workers first, see :meth:`digitcore.runs.cluster.TrainingCluster.have_spare_workers`.

    Raises
    ------
    EngineError
        If the workers do not answer.
    """
    with _as_engine_error():
        if spare:
            cluster.have_spare_workers()
        return cluster.places()


def send_training(
    client: Client,
    live: Live,
    on_message: Callable[[Mapping[str, Any]], None],
    on_glimpse: Callable[[Mapping[str, Any]], None],
    on_end: Callable[[Future[Any]], None],
) -> Future[Any]:
    """Give the workers a run to train.

    Parameters
    ----------
    client : Client
        Of the cluster.
    live : Live
        The run.
    on_message, on_glimpse, on_end : callable
        Called from another thread: with each report of the worker, with each glimpse of any run's model, see
        :class:`digitcore.runs.worker.Reporter`, and with the task when it has ended.

    Raises
    ------
    EngineError
        If the workers do not answer.
    """
    topic = live.topic
    with _as_engine_error():
        client.subscribe_topic(topic, lambda event: on_message(event[1]))
        client.subscribe_topic(GLIMPSES, lambda event: on_glimpse(event[1]))
        # The topic holds digest and attempt: one task however often, by whomever, the same attempt is submitted.
        training = packed(
            train_in_worker,
            live.spec.canonical_json,
            topic,
            _stop_name(topic),
            live.checkpoint,
            live.keep_checkpoint,
            live.background,
        )
        future = client.submit(call, *training, key=topic, pure=False)
        future.add_done_callback(on_end)
    return future


def send_computation(client: Client, computing: Computing, on_end: Callable[[Future[Any]], None]) -> Future[Any]:
    """Give the workers a computation; ``on_end`` is called from another thread with its task when it has ended.

    Raises
    ------
    EngineError
        If the workers do not answer.
    """
    arguments = (computing.function, computing.arguments, _stop_name(computing.name))
    with _as_engine_error():
        computation = packed(within_memory, compute_in_worker, *arguments)
        future = client.submit(call, *computation, key=computing.name, pure=False)
        future.add_done_callback(on_end)
    return future


def stop_task(name: str, future: Future[Any]) -> None:
    """Tell the worker that has a task to end it; a task that has not begun ends when it does.

    Parameters
    ----------
    name : str
        The topic of a training, the name of a computation.
    future : Future
        The task.

    Raises
    ------
    EngineError
        If the workers do not answer.
    """
    with _as_engine_error():
        # As Event.set, which would wait without an end for a scheduler that has just died.
        client = future.client
        client.sync(client.scheduler.event_set, name=_stop_name(name), callback_timeout=ANSWER_SECONDS)


def forget_topic(topic: str, future: Future[Any]) -> None:
    """Listen no more to the reports of a task."""
    with contextlib.suppress(Exception):  # a dead scheduler has forgotten it already
        future.client.unsubscribe_topic(topic)


@contextlib.contextmanager
def _as_engine_error() -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError, CancelledError) as error:
        raise EngineError(f"The training workers do not answer ({error}): try again in a moment.") from error


def _stop_name(name: str) -> str:
    return f"stop-{name}"
