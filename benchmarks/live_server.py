"""A real server: `streamlit run dashboard.py` in a process, a home and a temporary folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
START_SECONDS = 60


class LiveServer:
    """A server that is up.

    Parameters
    ----------
    folder : Path
        Where its log and temporary files go, and its home unless ``environment`` names another one.
    **environment : str
        Further variables of its environment.

    Attributes
    ----------
    url : str
        Such as ``"http://127.0.0.1:40123"``.
    process : psutil.Popen
        The server's own process; its workers are children of it.
    home, temporary : Path
        Where it keeps runs, and where it puts temporary files.
    """

    def __init__(self, folder, **environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.home, self.temporary = Path(environment.get("DIGITCORE_HOME", folder)), Path(folder, "tmp")
        self.temporary.mkdir(exist_ok=True)
        self._log_path = Path(folder, "server.log")
        command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port", str(self.port)]
        own = {"DIGITCORE_HOME": str(self.home), "TMPDIR": str(self.temporary)}
        with self._log_path.open("w") as log:
            self.process = psutil.Popen(
                [*command, "--server.address", "127.0.0.1"],
                cwd=ROOT,
                env={**os.environ, **own, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_up()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def cpu_seconds(self):
        """Processor time of the server's own process so far."""
        return sum(self.process.cpu_times()[:2])

    def read_log(self):
        """Return all that the server has said."""
        return self._log_path.read_text()

    def children(self):
        """Return its workers and what they started."""
        return self.process.children(recursive=True)

    def stop(self, how=signal.SIGTERM):
        """End it, if it has not ended; return the seconds until it had."""
        start = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)
        return time.monotonic() - start

    def _wait_until_up(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop(signal.SIGKILL)
                    raise RuntimeError(f"The server did not come up:\n{self.read_log()}") from None
                time.sleep(0.01)
