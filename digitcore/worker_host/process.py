"""The server's side of the host: starts it, tells it how many workers to have, hears how many there are."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from distributed import Security

from digitcore.worker_host.private_directory import PrivateDirectory

# Read when a process starts. dask has freed memory given back at every turn; a training step then asks for its buffers
# anew each time, which takes a third of a short training. And a thread of torch that waits for another soon sleeps
# instead of spinning, which keeps a training beside another program's threads from standing still. The workers'
# priority is left alone: at a lower one, a training of two threads beside a busy program takes ten times as long.
WORKER_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 26),
    "GOMP_SPINCOUNT": "10000",
}
# What dask gives its workers unless the server's environment says otherwise, and what keeps libraries from starting
# threads before the workers are forked.
_DEFAULT_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYTHONHASHSEED": "6640",
    "DASK_LOGGING__DISTRIBUTED": "warning",
}
_CLOSE_SECONDS = 5
_CERTIFICATE, _KEY = "certificate.pem", "key.pem"


class HostProcess:
    """The host process, which ends with this one however this one ends.

    Only who has the key that is made here can speak with the scheduler and the workers: it lies in a private directory,
    beside everything that they write.

    Parameters
    ----------
    n_workers : int
        Worker processes.
    memory_bytes : int
        Memory of a worker process.
    on_report : callable
        Called from a thread with each report of the host: ``{"address": ...}`` of the scheduler once, ``{"n_workers":
        ...}`` that are up when their number changes, ``{"problem": ...}`` when a worker cannot be started, and None
        when the host has ended.
    """

    def __init__(self, n_workers: int, memory_bytes: int, on_report: Callable[[dict | None], None]):
        self._directory = PrivateDirectory()
        self._closing, self._closed = threading.Lock(), False
        try:
            self.process = self._start()
            # Made while the host imports dask.
            self._security = _write_keys(self._directory)
            self._send(n_workers=n_workers, memory_bytes=memory_bytes, security=self._security)
        except Exception:
            self.close()
            raise
        threading.Thread(target=self._listen, args=(on_report,), name="worker-host", daemon=True).start()

    @property
    def directory(self) -> Path:
        """Where the cluster's files lie."""
        return self._directory.path

    @property
    def alive(self) -> bool:
        """Whether the host runs."""
        return self.process.poll() is None

    @property
    def security(self) -> Security:
        """What a client needs to be let in."""
        return Security(require_encryption=True, **self._security)

    def scale(self, n_workers: int) -> None:
        """Have more workers.

        Raises
        ------
        OSError
            If the host has ended.
        """
        self._send(n_workers=n_workers)

    def close(self) -> None:
        """End the host and its workers, and remove their files."""
        with self._closing:  # whoever comes second returns when all is done, too
            if not self._closed:
                self._closed = True
                self._end_process()
                self._directory.remove()

    def _end_process(self) -> None:
        process = getattr(self, "process", None)
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()  # which it takes for the end of this process
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_CLOSE_SECONDS)
        # What a killed host left behind. Python's resource tracker among it ignores this signal, and removes the
        # semaphores of the others as soon as they have ended.
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGTERM)
        if process.returncode is None:
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[str]:
        root = str(Path(__file__).parents[2])
        search_path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        return subprocess.Popen(
            # The semaphores of killed processes are removed by the tracker, which need not warn of it.
            [sys.executable, "-W", "ignore:resource_tracker", "-m", __package__, str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**_DEFAULT_ENVIRONMENT, **os.environ, **WORKER_ENVIRONMENT, "PYTHONPATH": search_path}
            | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.directory)),
            **self._own_session(),
        )

    def _own_session(self) -> dict[str, Any]:
        """Return arguments of ``Popen``: Ctrl-C is for the server, who ends the workers when its runs are kept."""
        if sys.platform == "win32":
            return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        return {"start_new_session": True, "pass_fds": (self._directory.lock,)}

    def _send(self, **command) -> None:
        commands = cast(IO[str], self.process.stdin)
        commands.write(json.dumps(command) + "\n")
        commands.flush()

    def _listen(self, on_report: Callable[[dict | None], None]) -> None:
        with cast(IO[str], self.process.stdout) as reports:
            for line in reports:
                on_report(json.loads(line))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_CLOSE_SECONDS)
        on_report(None)


def _write_keys(directory: PrivateDirectory) -> dict[str, str]:
    """Make a key for this start, write it, and return the arguments of a ``Security`` that reads it."""
    made = Security.temporary()
    key = str(directory.write(_KEY, made.tls_client_key))
    certificate = str(directory.write(_CERTIFICATE, made.tls_client_cert))
    files = {"tls_ca_file": certificate}
    for role in ("client", "scheduler", "worker"):
        files |= {f"tls_{role}_key": key, f"tls_{role}_cert": certificate}
    return files
