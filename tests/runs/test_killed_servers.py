"""A server killed at any moment loses no epoch that it has shown, and the next one takes its runs over."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from digitcore.runs import RunSpec, Store
from digitcore.runs.store import SERVER_STOPPED

# Prints how many epochs of its run it shows, whenever there are more.
SERVER = """
import sys
from digitcore.runs import Engine, RunSpec
spec = RunSpec.from_json(sys.argv[1])
engine = Engine(n_workers=1)
engine.submit(spec)
n_shown = 0
while True:
    run = engine.run(spec.digest)
    if len(run.epochs) > n_shown:
        n_shown = len(run.epochs)
        print(n_shown, flush=True)
    engine.wait_for_change(0.05)
"""


def spec(seed):
    parameters = {"epochs": 20_000, "batch_size": 64, "hidden_units": (64,)}
    return RunSpec(dataset="digits", model="mlp", parameters=parameters, random_state=seed)


def killed_after(seconds, seed, environment):
    """Start a server, kill it so long after its first epoch, and return the number of epochs it has shown."""
    command = [sys.executable, "-c", SERVER, spec(seed).canonical_json]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        server.stdout.readline()
        children = psutil.Process(server.pid).children(recursive=True)
        time.sleep(seconds)
        server.send_signal(signal.SIGKILL)
        lines = server.stdout.read().split()
    return int(lines[-1]) if lines else 1, children


def kill_one_after_another(home, n_kills):
    """Return how many epochs each server has shown, and all processes that were started."""
    choose, shown, started = random.Random(str(home)), [], []
    environment = {**os.environ, "DIGITCORE_HOME": str(home)}
    for seed in range(n_kills):
        n_shown, children = killed_after(choose.uniform(0, 0.8), seed, environment)
        shown.append(n_shown)
        started += children
    return shown, started


@pytest.mark.parametrize("n_kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_lose_no_shown_epoch_and_leave_no_process(tmp_path, n_kills):
    homes = [tmp_path / "one", tmp_path / "two"]
    with ThreadPoolExecutor(len(homes)) as threads:  # half the time: a start waits more than it works
        results = list(threads.map(kill_one_after_another, homes, [n_kills // 2] * len(homes)))
    for home, (shown, started) in zip(homes, results, strict=True):
        assert psutil.wait_procs(started, timeout=10)[1] == []
        store = Store(home=home)
        for seed, n_shown in enumerate(shown):
            run = store.load(spec(seed).digest)
            assert [epoch.number for epoch in run.epochs][:n_shown] == list(range(1, n_shown + 1))
            # All but the last have been closed by the server after them.
            if seed < len(shown) - 1:
                assert (run.state, run.reason) == ("failed", SERVER_STOPPED)
