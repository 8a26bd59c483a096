"""Processor time and memory of an idle engine, beside dask's own cluster.

    python benchmarks/idle.py

Starts an engine with two workers and dask's LocalCluster with two single-threaded workers and no dashboard, both with
their defaults. Prints the processor time that starting took, the memory (PSS) of all processes, and the share of a core
that each used over the same 30 idle seconds, in total and per process; the first process of the engine is the server.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
# Seconds until start-up work has finished, and seconds of the measurement.
SETTLE_SECONDS, SECONDS = 10, 30
ENGINE = """
import sys, time
from pathlib import Path
from digitcore.runs import Engine, Store
with Engine(Store(home=Path(sys.argv[1])), n_workers=2) as engine:
    engine.start()
    while engine.workers.cluster is None or engine.workers.cluster.n_ready < 2:
        time.sleep(0.05)
    print("ready", flush=True)
    sys.stdin.read()
"""
LOCAL_CLUSTER = """
import sys
from distributed import Client, LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.wait_for_workers(2)
        print("ready", flush=True)
        sys.stdin.read()
"""


def main():
    with tempfile.TemporaryDirectory() as home:
        codes = {"engine": ENGINE, "LocalCluster": LOCAL_CLUSTER}
        servers = {name: start(name, code, Path(home)) for name, code in codes.items()}
        for server in servers.values():
            server.stdout.readline()
        trees = {name: tree(server) for name, server in servers.items()}
        started = {name: [seconds(process) for process in each] for name, each in trees.items()}
        time.sleep(SETTLE_SECONDS)
        before = {name: [seconds(process) for process in each] for name, each in trees.items()}
        time.sleep(SECONDS)
        print("| | s to start | MB | % of a core, idle |\n|---|---|---|---|")
        for name, each in trees.items():
            used = [100 * (seconds(process) - past) / SECONDS for process, past in zip(each, before[name], strict=True)]
            memory = sum(process.memory_full_info().pss for process in each) / 1e6
            shares = " + ".join(f"{share:.1f}" for share in used if share >= 0.05)
            print(f"| {name} | {sum(started[name]):.1f} | {memory:.0f} | {sum(used):.1f} = {shares} |", flush=True)
        for server in servers.values():
            server.communicate(timeout=20)


def start(name, code, home):
    """Start one contestant in a process of its own."""
    script = home / f"{name}.py"
    script.write_text(code)
    command = [sys.executable, script, home / "store"]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def tree(server):
    """Return a process and its descendants."""
    process = psutil.Process(server.pid)
    return [process, *process.children(recursive=True)]


def seconds(process):
    """Return the processor time of a process so far, in seconds."""
    return sum(process.cpu_times()[:2])


if __name__ == "__main__":
    main()
