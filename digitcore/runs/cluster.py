"""The dask cluster that trains: embedded worker processes, or one that runs elsewhere."""

from __future__ import annotations

import logging
import os
import threading

from distributed import Client
from distributed.deploy.subprocess import SubprocessCluster

from digitcore.errors import EngineError
from digitcore.runs.worker import warm_up

log = logging.getLogger(__name__)

START_SECONDS = 30
_WATCHDOG = "digitcore.runs.watchdog"


class TrainingCluster:
    """A connection to dask workers.

    Parameters
    ----------
    scheduler : str or None
        Address such as ``tcp://host:8786`` of a cluster that runs already; None starts scheduler and workers as
        processes of this machine, which end with this process.
    n_workers : int
        Worker processes to start, each training one run at a time. Ignored with a ``scheduler``.

    Raises
    ------
    EngineError
        If the cluster cannot be started or reached.
    """

    def __init__(self, scheduler: str | None, n_workers: int):
        self._processes, self._n_workers = None, n_workers
        try:
            if scheduler is None:
                self._processes = _start_processes(n_workers)
            self.client = Client(self._processes or scheduler, timeout=START_SECONDS, set_as_default=False)
        except Exception as error:
            if self._processes is not None:
                self._processes.close()
            where = f"at {scheduler}" if scheduler else "on this machine"
            raise EngineError(f"The training workers {where} cannot be started or reached: {error}.") from error
        self._warm: set[str] = set()
        self._start_warm_up()

    @property
    def alive(self) -> bool:
        """Whether scheduler and workers are there. A worker that is being restarted by its nanny counts."""
        if self.client.status != "running":
            return False
        if self._processes is None:
            return True
        started = [self._processes.scheduler, *self._processes.workers.values()]
        return all(part.process is not None and part.process.returncode is None for part in started)

    def spare_one(self) -> int:
        """Keep a worker free of trainings in the background, and return how many of those may be at work at a time."""
        if self._processes is None:
            n_threads = sum(self.client.nthreads().values())
            return n_threads - 1 if n_threads > 2 else n_threads
        if len(self._processes.worker_spec) == self._n_workers:
            # Started late: a server without experiments never pays for it.
            self._processes.scale(self._n_workers + 1)
            self._start_warm_up()
        return self._n_workers

    def close(self) -> None:
        """End the connection, and the processes that were started."""
        for closing in (self.client, self._processes):
            try:
                if closing is not None:
                    closing.close(timeout=5)
            except Exception as error:  # a half-dead cluster must not keep its successor from starting
                log.warning("While closing the training workers: %s", error)

    def _start_warm_up(self) -> None:
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        try:
            started = len(self._processes.worker_spec) if self._processes is not None else 1
            self.client.wait_for_workers(started, timeout=START_SECONDS)
            cold = set(self.client.nthreads()) - self._warm
            self.client.run(warm_up, workers=list(cold))
            self._warm |= cold
        except Exception as error:  # the first training is merely slower then
            if self.client.status == "running":  # else it was closed before the workers had come
                log.warning("The training workers could not be warmed up: %s", error)


def _start_processes(n_workers: int) -> SubprocessCluster:
    parent = str(os.getpid())
    return SubprocessCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        dashboard_address=None,
        scheduler_kwargs={"preload": [_WATCHDOG], "preload_argv": ["--parent", parent]},
        worker_kwargs={
            "preload": [_WATCHDOG],
            "preload_nanny": [_WATCHDOG],
            "preload_nanny_argv": ["--parent", parent],
            "dashboard": False,
        },
    )
