"""The dask cluster that trains: embedded worker processes, or one that runs elsewhere."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from distributed import Client

from digitcore.errors import EngineError
from digitcore.runs.dispatch import Places, places_of_cluster, places_of_machine
from digitcore.runs.worker import warm_up
from digitcore.worker_host.process import HostProcess

log = logging.getLogger(__name__)

# For a cluster that runs elsewhere to answer.
CONNECT_SECONDS = 30
# A scheduler that says nothing for so long is asked again later: dask itself would wait forever.
ANSWER_SECONDS = 5.0
# For the embedded one, which may start on a busy machine: one that cannot start ends by itself.
START_SECONDS = 600

WORKERS_STARTING = "The training processes are still starting: the training begins when they are up."


class TrainingCluster:
    """A connection to dask workers. It is made in the background: nothing here waits for it but :attr:`client`.

    Parameters
    ----------
    scheduler : str or None
        Address such as ``tcp://host:8786`` or ``tls://host:8786`` of a cluster that runs already, to be reached with
        the keys of dask's own configuration; None starts scheduler and workers as processes of this machine, which end
        with this process.
    n_workers : int
        Worker processes to start, each training one run at a time. Ignored with a ``scheduler``.
    memory_gigabytes : float
        Memory of one of these processes.
    on_change : callable
        Called from another thread whenever workers have come or gone, or the cluster has failed.
    """

    def __init__(
        self,
        scheduler: str | None,
        n_workers: int,
        memory_gigabytes: float = 4.0,
        on_change: Callable[[], None] = lambda: None,
    ):
        self._scheduler, self._n_workers, self._n_started = scheduler, n_workers, n_workers
        self._memory_bytes = int(memory_gigabytes * 1e9)
        self._host: HostProcess | None = None
        self._address = scheduler
        self._n_ready, self._was_ready = 0, False
        self._client: Client | None = None
        self._problem = ""
        self._closed = False
        self._changed = threading.Condition(threading.RLock())
        self._on_change = on_change
        threading.Thread(target=self._connect, name="start-cluster", daemon=True).start()

    @property
    def client(self) -> Client:
        """The connection; see :meth:`wait_until_connected`."""
        self.wait_until_connected()
        return self._client

    def wait_until_connected(self) -> None:
        """Wait for the scheduler, which is up after a second; workers may come later.

        Raises
        ------
        EngineError
            If the cluster cannot be started or reached.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._client is not None or self._problem)
            if self._problem:
                raise EngineError(self._problem)

    @property
    def starting(self) -> bool:
        """Whether no worker can train yet, but some are on their way: what is submitted waits for them."""
        with self._changed:
            if self._problem:
                return False
            return self._client is None or (self._scheduler is None and self._n_ready == 0)

    @property
    def host(self) -> HostProcess | None:
        """The process that hosts scheduler and workers; None before it is started, and for a cluster elsewhere."""
        return self._host

    @property
    def n_ready(self) -> int:
        """Workers that are up and can train at full speed; TimeoutError if a scheduler elsewhere does not answer."""
        if self._scheduler is not None:
            return 0 if self._client is None else len(_threads_of(self._client))
        return self._n_ready

    @property
    def was_ready(self) -> bool:
        """Whether workers have ever been up."""
        return self._was_ready

    @property
    def problem(self) -> str:
        """Why the cluster could not be started or reached, in one sentence; empty otherwise."""
        return self._problem

    @property
    def alive(self) -> bool:
        """Whether scheduler and workers are there or on their way. A worker that is being restarted counts."""
        with self._changed:
            if self._problem or self._closed:
                return False
            if self._client is not None and self._client.status != "running":
                return False
            return self._host is None or self._host.alive

    def places(self) -> Places:
        """Return how many tasks may run at a time, with the workers that are up now.

        Raises
        ------
        OSError or TimeoutError
            If a scheduler elsewhere does not answer.
        """
        with self._changed:
            client = self._client
        if client is None:
            return Places(0, 0, 0)
        if self._host is None:
            return places_of_cluster(sum(_threads_of(client).values()))
        return places_of_machine(self._n_workers).within(self._n_ready)

    def have_spare_workers(self) -> None:
        """Start the workers that are kept free of some kinds of tasks, see :class:`digitcore.runs.dispatch.Places`.

        Not at once: a server on which one visitor trains quick networks never pays for them.
        """
        n_all = places_of_machine(self._n_workers).total
        with self._changed:
            if self._host is None or self._n_started == n_all:
                return
            self._n_started = n_all
        self._host.scale(n_all)

    def close(self) -> None:
        """End the connection, and the processes that were started."""
        with self._changed:
            self._closed = True
            client, host = self._client, self._host
        try:
            if client is not None:
                client.close(timeout=5)
        except Exception as error:  # a half-dead cluster must not keep its successor from starting
            log.warning("While closing the training workers: %s", error)
        if host is not None:
            host.close()
        self._fail("it was closed")

    # The thread that starts, and the one that hears from the host.

    def _connect(self) -> None:
        try:
            security = None
            if self._scheduler is None:
                host = HostProcess(self._n_workers, self._memory_bytes, self._take_report)
                with self._changed:
                    self._host = host
                    self._changed.wait_for(lambda: self._address or self._problem or self._closed, START_SECONDS)
                    if self._address is None:
                        raise TimeoutError(f"their host did not answer within {START_SECONDS} seconds")
                security = host.security
            timeout = START_SECONDS if self._scheduler is None else CONNECT_SECONDS
            client = Client(self._address, timeout=timeout, security=security, set_as_default=False)
        except Exception as error:
            if self._host is not None:
                self._host.close()
            self._fail(str(error))
            return
        with self._changed:
            if not self._closed:
                self._client = client
                self._was_ready |= self._scheduler is not None
            self._changed.notify_all()
        if self._closed:
            client.close(timeout=5)
        elif self._scheduler is not None:
            self._warm_up(client)
        self._on_change()

    def _take_report(self, report: dict[str, Any] | None) -> None:
        if report is None:
            code = self._host.process.returncode if self._host is not None else None
            self._fail(f"their host has ended with code {code}, and the server's log says why")
            return
        if "problem" in report:
            self._fail(report["problem"])
            return
        with self._changed:
            self._address = report.get("address", self._address)
            self._n_ready = report.get("n_workers", self._n_ready)
            self._was_ready |= self._n_ready > 0
            self._changed.notify_all()
        self._on_change()

    def _fail(self, problem: str) -> None:
        with self._changed:
            if not self._problem:
                where = f"at {self._scheduler}" if self._scheduler else "on this machine"
                self._problem = f"The training workers {where} cannot be started or reached: {problem}."
            self._n_ready = 0
            self._changed.notify_all()
        self._on_change()

    def _warm_up(self, client: Client) -> None:
        """Spare the first trainings of a cluster elsewhere the time for imports; embedded workers do so themselves."""
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            client.run(warm_up)
        except Exception as error:  # the first training is merely slower then
            if not self._closed:
                log.warning("The training workers could not be warmed up: %s", error)


def _threads_of(client: Client) -> dict[str, int]:
    """Return the threads of each worker by its address."""
    return client.nthreads(callback_timeout=ANSWER_SECONDS)
