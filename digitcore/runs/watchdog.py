"""Dask preload: a scheduler, nanny or worker ends itself when the server that started it is gone.

A killed server (SIGKILL) cannot tell its children; without this they would live on, adopted by process 1.
"""

from __future__ import annotations

import os
import threading

import click
import dask

from digitcore.child import end_with

# dask has freed memory given back at every turn; a training step then asks for its buffers anew each time, which takes
# a third of a short training. And a thread of torch that waits for another soon sleeps instead of spinning, which keeps
# a training beside another program's threads from standing still. Both are read when a process starts. The workers'
# priority is left alone: at a lower one, a training of two threads beside a busy program takes ten times as long.
WORKER_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 26),
    "GOMP_SPINCOUNT": "10000",
}


@click.command()
@click.option("--parent", type=int, default=None, help="Process to watch; default: the parent at the start.")
def dask_setup(server, parent: int | None) -> None:
    """Start watching; dask calls this when the process starts."""
    name = type(server).__name__
    if name == "Scheduler":
        # Its stderr is a pipe that nobody empties: once full, the scheduler would stand still.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if name == "Nanny":
        # The sampling profiler takes the interpreter from the training a hundred times a second.
        dask.config.set({"distributed.worker.profile.enabled": False})
        server.pre_spawn_env.update(WORKER_ENVIRONMENT)
    watched = parent if parent is not None else os.getppid()
    threading.Thread(target=end_with, args=(watched,), name="watchdog", daemon=True).start()
