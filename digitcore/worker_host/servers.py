"""The host's scheduler and nannies, and the workers that the nannies start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import multiprocessing.resource_tracker
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import distributed.utils
import psutil
from distributed import Nanny, Scheduler, SchedulerPlugin, Security, Worker
from distributed.core import Status

log = logging.getLogger(__name__)

# A training that asks for more than its memory is refused it. What is not counted there (mapped files, shared memory)
# may come on top before its process is ended.
_TERMINATE_FRACTION = 1.25
# Room for a training in any case, whatever limit is set: with less, none could even begin.
_LEAST_ROOM = 256 << 20
_REPLACE_SECONDS = 120
_HEARTBEAT_SECONDS = 5.0
_LOOPBACK: dict[str, Any] = {"host": "127.0.0.1", "protocol": "tls"}


class _WithoutPages:
    """dask's own pages would stand open to every account of the machine, and nobody looks at them."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Start none."""


class TrainingScheduler(_WithoutPages, Scheduler):
    """A scheduler without pages that forgets topics without subscribers and requests fewer heartbeats."""

    def heartbeat_worker(self, **known: Any) -> dict[str, Any]:
        """Process a heartbeat and set the time to the next one; a lost worker is detected by its closed connection."""
        return {**super().heartbeat_worker(**known), "heartbeat-interval": _HEARTBEAT_SECONDS}

    def unsubscribe_topic(self, topic: str, client: str) -> None:
        """End a client's subscription; dask would keep the topic, and its last message, for as long as it runs."""
        super().unsubscribe_topic(topic, client)
        topics = self._broker._topics
        if topic in topics and not topics[topic].subscribers:
            del topics[topic]


class TrainingWorker(_WithoutPages, Worker):
    """A worker without pages and with a memory limit, which registers when it is ready to train at full speed."""

    async def start_unsafe(self):
        """Prepare the process, then start as any worker."""
        from digitcore.runs.worker import warm_up

        os.umask(int(os.environ["DIGITCORE_UMASK"]))
        _prefer_to_be_killed()
        _let_others_go_first()
        warm_up()
        self.data_limit = self._data_limit()
        return await super().start_unsafe()

    def replace_soon(self) -> None:
        """End this process when the results of its task have been fetched; the nanny starts another."""
        self.loop.add_callback(self._replace)

    def _data_limit(self) -> int | None:
        """Return how much a task may have this process allocate, see :mod:`digitcore.runs.memory`; None for any."""
        if not _system_limits_data() or self.memory_manager.memory_limit is None:
            return None
        return max(self.memory_manager.memory_limit, psutil.Process().memory_info().data + _LEAST_ROOM)

    async def _replace(self) -> None:
        self.status = Status.paused  # nothing new begins here
        for _ in range(_REPLACE_SECONDS * 10):
            await asyncio.sleep(0.1)
            if not self.data and not self.state.executing:
                break
        await asyncio.sleep(0.1)  # for the last message to leave
        os._exit(0)


def _system_limits_data() -> bool:
    """Return True if the system can limit a process's data; an accelerator's driver maps memory in ways of its own."""
    return sys.platform == "linux" and not Path("/dev/nvidiactl").exists()


class _Count(SchedulerPlugin):
    """Reports how many workers are up."""

    def __init__(self, report: Callable[..., None]):
        self._report = report

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        self._report(n_workers=len(scheduler.workers))

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: object) -> None:
        self._report(n_workers=len(scheduler.workers))


def host(directory: Path, start_method: str, commands: int, reports: int) -> None:
    """Run the cluster until the server closes ``commands``; then end all processes and remove the directory.

    Parameters
    ----------
    directory : Path
        For the files of all processes.
    start_method : str
        How workers are started, as multiprocessing names it.
    commands, reports : int
        Descriptors of the two pipes, a JSON object a line. The first command has ``n_workers``, ``memory_bytes`` and
        ``security``; later ones have more ``n_workers``. For the reports see :class:`digitcore.worker_host.process`.
    """
    dask.config.set(
        {
            "temporary-directory": str(directory),
            "distributed.worker.multiprocessing-method": start_method,
            # Pausing or spilling at a part of the limit would stop a training that fits.
            "distributed.worker.memory.target": False,
            "distributed.worker.memory.spill": False,
            "distributed.worker.memory.pause": False,
            "distributed.worker.memory.terminate": _TERMINATE_FRACTION,
            # The sampling profiler takes the interpreter from the training a hundred times a second.
            "distributed.worker.profile.enabled": False,
            # The scheduler would keep the last thousand messages of each training for ever.
            "distributed.admin.low-level-log-length": 1,
            # Dask measures these for its own dashboard, many times a second even when idle. The tick must stay below
            # dask's limit of 3 s, above which it logs a warning.
            "distributed.admin.tick.interval": "2s",
            "distributed.admin.tick.cycle": "10s",
            "distributed.admin.system-monitor.interval": "30s",
            # Where the system limits a task's data, the nanny only has to catch mapped files and shared memory.
            "distributed.worker.memory.monitor-interval": "500ms" if _system_limits_data() else "100ms",
        }
    )
    # Else dask imports pandas here, and names the modules to import before the fork anew.
    distributed.utils._forkserver_preload_set = True
    asyncio.run(_serve(directory, commands, reports))


async def _serve(directory: Path, commands: int, reports: int) -> None:
    loop = asyncio.get_running_loop()
    terminated = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # on Windows, where nobody sends it
        loop.add_signal_handler(signal.SIGTERM, terminated.set)
    lines = _lines_of(commands, loop)

    def report(**content: object) -> None:
        with contextlib.suppress(OSError):  # the server is gone, and the end of the commands says so
            os.write(reports, (json.dumps(content) + "\n").encode())

    serving = asyncio.create_task(_obey(lines, report))
    ending = asyncio.create_task(terminated.wait())
    await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done() and serving.exception() is not None:
        log.error("The host of the training workers ends", exc_info=serving.exception())
    # Here and now: scheduler and workers would complain at length while their loop is taken from them.
    _end(directory)


def _lines_of(pipe: int, loop: asyncio.AbstractEventLoop) -> asyncio.StreamReader:
    """Return a reader of a pipe; a thread fills it, because on Windows a loop cannot wait for such a pipe."""
    reader = asyncio.StreamReader(loop=loop)

    def read() -> None:
        with open(pipe, "rb") as file:
            for line in file:
                loop.call_soon_threadsafe(reader.feed_data, line)
        loop.call_soon_threadsafe(reader.feed_eof)

    threading.Thread(target=read, name="commands", daemon=True).start()
    return reader


async def _obey(lines: asyncio.StreamReader, report: Callable[..., None]) -> None:
    first = json.loads(await lines.readline() or "{}")
    if not first:
        return
    security = Security(require_encryption=True, **first["security"])
    scheduler = await TrainingScheduler(port=0, dashboard=False, security=security, **_LOOPBACK)
    scheduler.add_plugin(_Count(report))
    report(address=scheduler.address)

    async def keep_worker(number: int) -> None:
        nanny = Nanny(
            scheduler.address,
            name=number,
            nthreads=1,
            memory_limit=first["memory_bytes"],
            worker_class=TrainingWorker,
            dashboard=False,
            security=security,
            **_LOOPBACK,
        )
        await nanny
        await nanny.finished()

    workers: set[asyncio.Task] = set()
    command = first
    while command:
        workers |= {asyncio.create_task(keep_worker(n)) for n in range(len(workers), command["n_workers"])}
        reading = asyncio.create_task(lines.readline())
        await asyncio.wait({reading, *workers}, return_when=asyncio.FIRST_COMPLETED)
        lost = [worker for worker in workers if worker.done()]
        if lost:
            # A worker that was killed is started again by its nanny; this one cannot be started at all.
            report(problem=f"{lost[0].exception() or 'a nanny has ended'}")
            return
        command = json.loads(reading.result() or "{}")


def _end(directory: Path) -> None:
    # Python's resource tracker ends by itself, and removes the semaphores of the others.
    tracker = getattr(multiprocessing.resource_tracker._resource_tracker, "_pid", None)
    others = [child for child in psutil.Process().children(recursive=True) if child.pid != tracker]
    for child in others:
        with contextlib.suppress(psutil.Error):
            child.kill()
    deadline = time.monotonic() + 2
    while any(map(_runs, others)) and time.monotonic() < deadline:
        time.sleep(0.01)
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE  # that of a killed process may take the system a while to clear
    except psutil.Error:
        return False


def _let_others_go_first() -> None:
    """Have what wakes up, the server for a visitor above all, interrupt a training; its share of the cores is the same.

    At a lower priority, a training of two threads beside a busy program would take ten times as long.
    """
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _prefer_to_be_killed() -> None:
    """Let the system, when its memory is spent, end a training rather than the server."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
