"""Visitors of one server: none holds up or stops what another one trains."""

import os
import signal
import time

import pytest

from digitcore.errors import LimitReached, NotAllowed
from digitcore.experiments import ExperimentRunner, Sweep
from digitcore.experiments.axes import Axis
from digitcore.runs import Engine, Run, RunSpec, Store
from digitcore.runs.limits import check_experiment, check_minutes
from digitcore.runs.run import Evaluation
from digitcore.server_settings import ServerSettings
from tests.waiting import wait_for


def states(engine, specs):
    return [engine.run(spec.digest).state for spec in specs]


@pytest.fixture
def served(tmp_path):
    """Return a function that makes an engine of two workers with some settings."""
    engines = []

    def make(**settings):
        engines.append(Engine(Store(home=tmp_path), n_workers=2, settings=ServerSettings(**settings)))
        engines[-1].start()
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture(scope="module")
def large():
    """Return a factory of specs that train on two threads for minutes."""

    def make(seed=0):
        parameters = {"epochs": 5000, "batch_size": 256, "hidden_units": (2048, 2048)}
        return RunSpec(dataset="digits", model="mlp", parameters=parameters, random_state=seed)

    return make


def test_one_visitors_queue_does_not_hold_up_anothers_first_training(served, slow, quick):
    engine = served()
    queue = [slow(seed) for seed in range(6)]
    for spec in queue:
        engine.submit(spec, visitor="ann")
    wait_for(lambda: states(engine, queue).count("running") == 2)
    engine.submit(quick(1), visitor="bob")
    assert engine.wait(quick(1).digest, 30).state == "done"
    assert states(engine, queue).count("running") == 2
    assert states(engine, queue).count("queued") == 4


@pytest.mark.slow
def test_large_trainings_of_many_leave_a_place_for_a_quick_one(served, large, quick):
    engine = served()
    for number in range(4):
        engine.submit(large(number), visitor=f"visitor {number}")
    wait_for(lambda: "running" in states(engine, [large(number) for number in range(4)]))
    engine.submit(quick(2), visitor="bob")
    assert engine.wait(quick(2).digest, 30).state == "done"


def test_computations_never_hold_the_last_worker_and_can_be_stopped(served, quick):
    engine = served()
    keys = [f"sleep {number}" for number in range(6)]
    for key in keys:
        engine.compute(key, time.sleep, 600, visitor="ann")
    engine.submit(quick(3), visitor="bob")
    assert engine.wait(quick(3).digest, 30).state == "done"
    for key in keys[1:]:
        engine.cancel_computation(key, "ann")
    assert [each.key for each in engine.computations.under_way()] == keys[:1]


def test_a_computation_goes_on_while_another_visitor_waits_for_it(served):
    engine = served()
    for visitor in ("ann", "bob"):
        engine.compute("number", int, "7", visitor=visitor)
    engine.cancel_computation("number", "ann")
    wait_for(lambda: engine.compute("number", int, "7", visitor="bob").state == "done")
    engine.compute("sleep", time.sleep, 600, visitor="ann")
    engine.cancel_computation("sleep", "ann")
    assert engine.computations.under_way() == []


def test_who_has_started_a_training_may_stop_it_and_nobody_else(served, slow):
    engine = served()
    digest = engine.submit(slow(1), visitor="ann").digest
    engine.submit(slow(1), visitor="bob")  # looks on
    assert (engine.may_stop(digest, "ann"), engine.may_stop(digest, "bob")) == (True, False)
    with pytest.raises(NotAllowed, match="Another visitor started this"):
        engine.cancel(digest, "bob")
    engine.cancel(digest, "ann")
    assert engine.wait(digest, 30).state == "cancelled"


def test_anyone_may_stop_a_training_in_a_shared_space(served, slow):
    engine = served(stop="anyone")
    digest = engine.submit(slow(2), visitor="ann").digest
    engine.cancel(digest, "bob")
    assert engine.wait(digest, 30).state == "cancelled"


def test_a_queued_training_is_stopped_at_once(served, slow):
    engine = served(max_running_per_visitor=1)
    first, second = (engine.submit(slow(seed), visitor="ann").digest for seed in (3, 4))
    engine.cancel(second, "ann")
    assert engine.wait(second, 10).state == "cancelled"
    assert engine.run(first).active


def test_trainings_are_limited_for_each_visitor_and_in_all(served, slow, quick):
    engine = served(max_active_runs_per_visitor=2, max_active_runs=3)
    for seed in (5, 6):
        engine.submit(slow(seed), visitor="ann")
    with pytest.raises(LimitReached, match="You have 2 trainings queued or running"):
        engine.submit(slow(7), visitor="ann")
    assert engine.run(slow(7).digest) is None
    engine.submit(slow(5), visitor="ann")  # the same once more is no other one
    engine.submit(slow(8), visitor="bob")
    with pytest.raises(LimitReached, match="This server has 3 trainings queued or running"):
        engine.submit(quick(9), visitor="cat")
    engine.submit(quick(9))  # from Python


def test_a_training_that_would_take_too_long_is_refused(served):
    engine = served()
    parameters = {"epochs": 20_000, "channels": (256, 256)}
    spec = RunSpec(dataset="mnist", model="cnn", parameters=parameters)
    with pytest.raises(LimitReached, match=r"would take about .*, at most 2 h are allowed here: try fewer epochs"):
        engine.submit(spec, visitor="ann")
    assert engine.run(spec.digest) is None


def test_a_run_that_took_long_by_accident_refuses_no_small_training(served, quick):
    engine = served(max_training_minutes=1)
    spoiled = quick(31)
    engine.store.begin(spoiled, engine.owner)
    engine.store.finish(Run(spoiled, "done", evaluation=Evaluation(n_epochs=1), seconds=1e6))
    check_minutes([quick(32)], engine.settings)
    assert engine.submit(quick(32), visitor="ann").active


def test_experiments_are_limited_in_size_in_number_and_in_minutes(quick):
    settings = ServerSettings(max_experiment_runs=10, max_experiments_per_visitor=1, max_training_minutes=1)
    specs = [quick(seed) for seed in range(11)]
    check_experiment(specs, 10, 0, settings)
    with pytest.raises(LimitReached, match="This experiment has 11 trainings, at most 10 are allowed here"):
        check_experiment(specs, 11, 0, settings)
    with pytest.raises(LimitReached, match="You have 1 experiments running"):
        check_experiment(specs, 1, 1, settings)
    with pytest.raises(LimitReached, match="would take about"):
        check_minutes([RunSpec(dataset="mnist", model="cnn", parameters={"epochs": 1000})], settings)


@pytest.mark.slow
def test_spare_workers_are_started_when_they_are_needed(served, quick):
    engine = served()
    engine.submit(quick(10), visitor="ann")
    engine.wait(quick(10).digest, 30)
    assert engine.workers.cluster.n_ready <= 2
    engine.compute("process", os.getpid)
    wait_for(lambda: engine.workers.cluster.n_ready == 4)


def test_computations_are_limited_for_each_visitor(served):
    engine = served(max_active_runs_per_visitor=2)
    for number in range(2):
        engine.compute(f"sleep {number}", time.sleep, 600, visitor="ann")
    with pytest.raises(LimitReached, match="2 computations of yours and 2 in all are queued or running"):
        engine.compute("sleep 2", time.sleep, 600, visitor="ann")
    engine.compute("sleep 1", time.sleep, 600, visitor="ann")  # the same once more is no other one
    engine.compute("sleep 2", time.sleep, 600, visitor="bob")


def test_a_sweep_whose_last_rung_would_take_too_long_is_refused(served, quick):
    engine = served(max_training_minutes=0.05)
    spec = quick(epochs=20_000).with_changes(parameters={"batch_size": 32})
    plan = Sweep(spec, (Axis.of("seed", list(range(9))),), factor=3)
    with ExperimentRunner(engine) as runner, pytest.raises(LimitReached, match="would take about"):
        runner.start(plan, "ann")


def test_a_run_whose_workers_were_lost_can_be_stopped_while_it_waits(served, slow):
    engine = served()
    digest = engine.submit(slow(11), visitor="ann").digest
    wait_for(lambda: engine.run(digest).state == "running")
    engine.workers.cluster.host.process.kill()
    engine.cancel(digest, "ann")
    assert engine.wait(digest, 30).state == "cancelled"


@pytest.mark.timeout(60)
def test_stop_does_not_wait_for_a_scheduler_that_does_not_answer(served, slow):
    engine = served()
    digest = engine.submit(slow(12), visitor="ann").digest
    wait_for(lambda: engine.run(digest).state == "running")
    host = engine.workers.cluster.host.process
    host.send_signal(signal.SIGSTOP)
    try:
        engine.cancel(digest, "ann")
    finally:
        host.send_signal(signal.SIGCONT)
    assert engine.wait(digest, 30).state == "cancelled"
