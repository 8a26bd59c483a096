"""The same experiments on a dask cluster that runs elsewhere: a real scheduler and real workers on loopback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from digitcore.errors import EngineError
from digitcore.experiments import Axis, ExperimentRunner, Sweep
from digitcore.experiments.runner import NO_WORKER
from digitcore.runs import Engine, RunSpec, Store, train_spec
from tests.waiting import wait_for

SPEC = RunSpec(dataset="digits", model="mlp", parameters={"epochs": 600, "hidden_units": (24,), "optimizer": "adam"})
SECONDS = 120


class Cluster:
    """`dask scheduler` and `dask worker` processes, as an administrator would start them."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "scheduler.json"
        self.processes = [self._dask("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", self.file)]
        deadline = time.monotonic() + SECONDS
        while not self.file.exists() or not self.file.read_text().endswith("}"):
            assert time.monotonic() < deadline, "the scheduler did not come up"
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]

    def add_worker(self):
        worker = self._dask("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        self.processes.append(worker)
        return worker

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def _dask(self, *arguments):
        environment = {**os.environ, "DIGITCORE_HOME": str(self.folder / f"home-{len(arguments)}")}
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, arguments)],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


@pytest.mark.slow
def test_a_sweep_survives_a_killed_worker_and_uses_a_new_one(cluster, tmp_path, monkeypatch):
    workers = [cluster.add_worker(), cluster.add_worker()]
    monkeypatch.setenv("DIGITCORE_SCHEDULER", cluster.address)
    plan = Sweep(SPEC, (Axis.of("seed", list(range(8))),))
    with Engine(Store(home=tmp_path / "home")) as engine, ExperimentRunner(engine) as runner:
        engine.start()
        client = engine.workers.cluster.client
        client.wait_for_workers(2, timeout=SECONDS)
        first = set(client.run(os.getpid).values())
        assert first == {worker.pid for worker in workers}
        runner.start(plan)
        wait_for(lambda: runner.experiment(plan.digest).n_ended >= 2, "a quarter of the sweep")
        busy = []
        wait_for(lambda: busy.extend(a for a, keys in client.processing().items() if keys) or busy, "a busy worker")
        at_work = busy[0]
        victim = client.run(os.getpid, workers=[at_work])[at_work]
        os.kill(victim, signal.SIGKILL)
        added = cluster.add_worker()
        ended = runner.wait(plan.digest, SECONDS)
        assert [run.state for run in ended.runs.values()] == ["done"] * 8
        assert added.pid in client.run(os.getpid).values()
        assert victim not in client.run(os.getpid).values()
        for member in plan.members:
            here, there = train_spec(member.spec).arrays, engine.arrays(member.digest)
            assert set(here) == set(there)
            for name, array in here.items():
                np.testing.assert_array_equal(array, there[name])


def test_without_workers_the_experiment_waits_for_the_first(cluster, tmp_path):
    plan = Sweep(SPEC, (Axis.of("seed", [100]),))
    with Engine(Store(home=tmp_path / "home"), scheduler=cluster.address) as engine, ExperimentRunner(engine) as runner:
        runner.start(plan)
        wait_for(lambda: runner.experiment(plan.digest).reason == NO_WORKER, "a word on the missing worker")
        cluster.add_worker()
        ended = runner.wait(plan.digest, SECONDS)
        assert (ended.n_ended, ended.reason) == (1, "")


def test_a_cluster_of_three_keeps_one_place_free(cluster, tmp_path):
    for _ in range(3):
        cluster.add_worker()
    assert Path(cluster.file).exists()
    with Engine(Store(home=tmp_path / "home"), scheduler=cluster.address) as engine:
        engine.start()
        engine.workers.cluster.client.wait_for_workers(3, timeout=SECONDS)
        assert engine.background_places() == 2


@pytest.mark.timeout(90)
def test_a_scheduler_that_does_not_answer_is_an_error_and_asked_again_later(cluster, tmp_path):
    cluster.add_worker()
    scheduler = cluster.processes[0]
    with Engine(Store(home=tmp_path / "home"), scheduler=cluster.address) as engine:
        engine.start()
        engine.workers.cluster.client.wait_for_workers(1, timeout=SECONDS)
        scheduler.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(EngineError, match="do not answer"):
                engine.background_places()
        finally:
            scheduler.send_signal(signal.SIGCONT)
        run = engine.wait(engine.submit(SPEC.with_changes(random_state=998)).digest, SECONDS)
        assert run.state == "done"


def test_a_single_training_goes_before_the_members_of_a_sweep(cluster, tmp_path):
    cluster.add_worker()
    plan = Sweep(SPEC, (Axis.of("seed", list(range(200, 240))),))
    with Engine(Store(home=tmp_path / "home"), scheduler=cluster.address) as engine, ExperimentRunner(engine) as runner:
        runner.start(plan)
        wait_for(lambda: runner.experiment(plan.digest).n_ended >= 1, "the first member")
        # The only worker is at work on a member; 38 more wait.
        before = runner.experiment(plan.digest).n_ended
        single = engine.submit(SPEC.with_changes(random_state=999))
        assert engine.wait(single.digest, SECONDS).state == "done"
        assert runner.experiment(plan.digest).n_ended <= before + 3
        runner.stop(plan.digest)
