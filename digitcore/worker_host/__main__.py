"""Host the embedded cluster in the directory that is given, told what to do through stdin: see ``servers``."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

# Forked, a worker is there in a moment, and all share the memory of what they import. Elsewhere than on Linux a process
# that has loaded the system's libraries must not be forked.
_CAN_FORK = sys.platform == "linux" and "forkserver" in multiprocessing.get_all_start_methods()
START_METHOD = "forkserver" if _CAN_FORK else "spawn"
_IMPORTS = "digitcore.worker_host.imports"


def main(directory: Path) -> None:
    """Start what workers are forked from, and then the cluster."""
    commands, reports = _take_pipes()
    # The host's own files; workers get back what the server had, see TrainingWorker.
    os.environ["DIGITCORE_UMASK"] = str(os.umask(0o077))
    if START_METHOD == "forkserver":
        from multiprocessing import forkserver

        # At once: its imports take longest of all.
        multiprocessing.set_forkserver_preload([_IMPORTS])
        forkserver.ensure_running()
    from digitcore.worker_host.servers import host

    host(directory, START_METHOD, commands, reports)


def _take_pipes() -> tuple[int, int]:
    """Return stdin and stdout as descriptors that no child inherits; in their places put what does no harm."""
    taken = os.dup(0), os.dup(1)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return taken


if __name__ == "__main__":
    main(Path(sys.argv[1]))
