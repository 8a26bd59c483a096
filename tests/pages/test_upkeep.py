"""What the server does for its own memory."""

import os
import subprocess
import sys

import pytest

# Allocates in twelve threads at a time, and prints for each arena of the heap what glibc tells of it.
ALLOCATE = """
import ctypes, sys, threading
import numpy as np
from pages.parts import upkeep
if sys.argv[1] == "bounded":
    upkeep.bound_fragmentation()
together = threading.Barrier(12)
def allocate():
    together.wait()
    kept = [np.ones(5_000, dtype=np.uint8) for _ in range(100)]
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def n_arenas(how):
    # Libraries with threads of their own would add arenas before anything is bounded.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ALLOCATE, how]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return printed.count("<heap ")


@pytest.mark.skipif(sys.platform != "linux", reason="the heap of glibc")
def test_threads_share_two_arenas():
    assert n_arenas("unbounded") > 4
    assert n_arenas("bounded") <= 2
