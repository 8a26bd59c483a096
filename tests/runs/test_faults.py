"""What a training survives: real processes that are killed, stopped, or run out of memory."""

import re
import time

import numpy as np
import psutil
import pytest

from digitcore.runs import Engine, RunSpec, Store, train_spec
from digitcore.runs import cluster as cluster_module
from digitcore.runs import keeper as keeper_module
from digitcore.runs.cluster import WORKERS_STARTING
from digitcore.runs.worker import train_in_worker
from digitcore.worker_host.process import HostProcess
from tests.waiting import wait_for

# 190 MB of weights, as much of gradients, and twice as much that the optimizer keeps.
HUGE = RunSpec(
    dataset="digits", model="mlp", parameters={"hidden_units": (6800, 6800), "epochs": 1, "optimizer": "adam"}
)


def for_workers(function):
    """Let a function travel with its code: workers cannot import this module."""
    function.__module__ = "__main__"
    return function


@pytest.fixture
def own_engine(tmp_path):
    with Engine(Store(home=tmp_path), n_workers=2) as engine:
        yield engine


@pytest.fixture
def small_engine(tmp_path, monkeypatch):
    """An engine whose workers may have 1 GB each."""
    monkeypatch.setenv("DIGITCORE_WORKER_MEMORY_GIGABYTES", "1")
    with Engine(Store(home=tmp_path), n_workers=2) as engine:
        yield engine


def host_pid(engine):
    """The host's process id; None while there is none."""
    cluster = engine.workers.cluster
    return None if cluster is None or cluster.host is None else cluster.host.process.pid


def host_of(engine):
    return psutil.Process(engine.workers.cluster.host.process.pid)


def forker_of(engine):
    """The process that workers are forked from."""
    return next(child for child in host_of(engine).children() if "forkserver" in " ".join(child.cmdline()))


def workers_of(engine):
    return forker_of(engine).children()


def begin(engine, spec):
    """Submit a spec and wait for its first epochs."""
    engine.submit(spec)
    wait_for(lambda: len(engine.run(spec.digest).epochs) >= 10, "ten epochs")


def assert_ends_as_if_nothing_had_been(engine, spec):
    run = engine.wait(spec.digest, 120)
    assert run.state == "done"
    assert [epoch.number for epoch in run.epochs] == list(range(1, spec.parameters["epochs"] + 1))
    expected = train_spec(spec).arrays["weights.output.weight"]
    np.testing.assert_array_equal(engine.arrays(spec.digest)["weights.output.weight"], expected)


def test_the_host_killed_twice_is_replaced_and_the_run_ends_as_if_nothing_had_been(own_engine, quick):
    spec = quick(1, epochs=3000)
    begin(own_engine, spec)
    for _ in range(2):
        killed = host_of(own_engine)
        others = killed.children(recursive=True)
        killed.kill()
        _, alive = psutil.wait_procs(others, timeout=5)
        assert alive == []
        wait_for(lambda killed=killed: host_pid(own_engine) not in (None, killed.pid), "another host")
        wait_for(lambda: not own_engine.workers.cluster.starting, "its workers")
    assert_ends_as_if_nothing_had_been(own_engine, spec)


class LateNewsHost(HostProcess):
    """A host whose end is told late, as on a busy machine: the connection to its scheduler breaks before."""

    def __init__(self, n_workers, memory_bytes, on_report):
        super().__init__(n_workers, memory_bytes, lambda report: (report or time.sleep(1), on_report(report)))


@pytest.mark.slow
def test_one_kill_of_the_host_counts_as_one(tmp_path, quick, monkeypatch):
    monkeypatch.setattr(cluster_module, "HostProcess", LateNewsHost)
    monkeypatch.setattr(keeper_module, "MOST_RESTARTS", 1)
    spec = quick(7, epochs=4000)
    with Engine(Store(home=tmp_path), n_workers=2) as engine:
        begin(engine, spec)
        host_of(engine).kill()
        assert_ends_as_if_nothing_had_been(engine, spec)


@pytest.mark.slow
def test_all_workers_killed_at_once_are_replaced(own_engine, quick):
    spec = quick(2, epochs=3000)
    begin(own_engine, spec)
    for worker in workers_of(own_engine):
        worker.kill()
    assert_ends_as_if_nothing_had_been(own_engine, spec)


@pytest.mark.slow
def test_what_workers_are_forked_from_killed_is_replaced(own_engine, quick):
    spec = quick(3, epochs=3000)
    begin(own_engine, spec)
    old = workers_of(own_engine)
    forker_of(own_engine).kill()
    assert_ends_as_if_nothing_had_been(own_engine, spec)
    _, alive = psutil.wait_procs(old, timeout=20)
    assert alive == []


def test_a_training_that_needs_too_much_memory_fails_at_once_and_the_next_one_trains(small_engine, quick):
    failed = small_engine.wait(small_engine.submit(HUGE).digest, 60)
    assert failed.state == "failed"
    assert failed.reason.startswith("The training process ran out of memory (limit 1 GB): try a smaller batch")
    host = host_of(small_engine)
    for seed in range(4):
        assert small_engine.wait(small_engine.submit(quick(seed)).digest, 60).state == "done"
    assert host.is_running()


@for_workers
def hoard():
    """Take memory in small pieces, as fast as can be."""
    kept = []
    while True:
        kept.append(bytearray(1000))


@pytest.mark.slow
def test_a_computation_that_needs_too_much_memory_fails_with_a_sentence(small_engine):
    small_engine.start()
    wait_for(lambda: small_engine.workers.cluster.n_ready == 2, "both workers")
    before = set(workers_of(small_engine))
    wait_for(lambda: small_engine.compute("hoard", hoard).state == "failed", "the failure")
    assert "ran out of memory (limit 1 GB)" in small_engine.compute("hoard", hoard).reason
    wait_for(lambda: len(before & set(workers_of(small_engine))) == 1, "a fresh process in the place of the full one")


@pytest.mark.slow
def test_a_run_waits_for_workers_that_are_slow_to_start(own_engine, quick):
    own_engine.start()
    forker = forker_of(own_engine)
    forker.suspend()
    own_engine.submit(quick(4))
    time.sleep(0.3)
    run = own_engine.run(quick(4).digest)
    assert (run.state, run.reason) == ("queued", WORKERS_STARTING)
    forker.resume()
    run = own_engine.wait(run.digest, 60)
    assert (run.state, run.reason) == ("done", "")


@for_workers
def without_answers(*arguments):
    """Train while every question whether to stop times out."""
    from digitcore.runs import worker

    class Silent:
        def __init__(self, name):
            pass

        def is_set(self):
            raise TimeoutError("No answer in time")

    answering, worker.Event = worker.Event, Silent
    try:
        return train_in_worker(*arguments)
    finally:
        worker.Event = answering


@pytest.mark.slow
def test_a_question_whether_to_stop_that_times_out_does_not_disturb_the_training(engine, quick, monkeypatch):
    monkeypatch.setattr("digitcore.runs.workers.train_in_worker", without_answers)
    run = engine.wait(engine.submit(quick(5, epochs=500)).digest, 60)
    assert (run.state, run.reason, len(run.epochs)) == ("done", "", 500)


@for_workers
def failing(spec, topic, *_):
    # The topic ends with the number of times that the training was begun again.
    raise TimeoutError(f"a mirror did not answer {topic}")


def test_a_training_that_itself_raises_a_timeout_fails_and_is_not_begun_again(engine, quick, monkeypatch):
    monkeypatch.setattr("digitcore.runs.workers.train_in_worker", failing)
    run = engine.wait(engine.submit(quick(6)).digest, 60)
    assert run.state == "failed"
    assert re.search(rf"TimeoutError: a mirror did not answer digitcore-{run.digest}-\d+-0\)", run.reason)
