import threading
import time

import numpy as np
import pytest

from digitcore.errors import InvalidSetting, StoreError
from digitcore.experiments import Axis, CrossValidation, ExperimentRunner, Sweep
from digitcore.experiments.experiment import expected_experiment_seconds, progress_of_experiment
from digitcore.runs import Engine, RunSpec, Store, train_spec
from digitcore.runs.store import SERVER_STOPPED
from digitcore.specs.recipes import load_recipe
from tests.waiting import wait_for


@pytest.fixture
def runner(experiment_engine):
    with ExperimentRunner(experiment_engine) as runner:
        yield runner
        for experiment in runner.active():
            runner.stop(experiment.digest)


def seeds(spec, numbers):
    return Sweep(spec, (Axis.of("seed", list(numbers)),))


def test_an_experiment_trains_its_members_and_is_kept(runner, quick):
    plan = CrossValidation(quick(10), 3)
    runner.start(plan)
    ended = runner.wait(plan.digest, 120)
    assert ended.state == "done"
    assert ended.n_ended == 3
    assert runner.experiment(plan.digest).plan == plan
    assert [kept.digest for kept in runner.engine.store.recent_experiments(plan.KIND, 1)] == [plan.digest]


def test_members_have_the_bits_of_a_training_alone(runner, quick):
    plan = seeds(quick(split={"validation": "cut"}), [21, 22])
    runner.start(plan)
    runner.wait(plan.digest, 120)
    for member in plan.members:
        here = train_spec(member.spec).arrays
        there = runner.engine.arrays(member.digest)
        assert set(here) == set(there)
        for name, array in here.items():
            np.testing.assert_array_equal(array, there[name])


def test_members_are_normal_runs_but_not_in_the_list_of_runs(runner, quick):
    plan = seeds(quick(), [31, 32])
    runner.start(plan)
    runner.wait(plan.digest, 120)
    first, second = (member.digest for member in plan.members)
    assert runner.engine.run(first).state == "done"
    runner.engine.submit(plan.members[1].spec)
    listed = [run.digest for run in runner.engine.store.recent()]
    assert second in listed
    assert first not in listed


def test_a_trained_member_is_not_trained_again(runner, quick):
    run = runner.engine.wait(runner.engine.submit(quick(41)).digest, 120)
    plan = seeds(quick(), [41, 42])
    runner.start(plan)
    ended = runner.wait(plan.digest, 120)
    assert ended.runs[run.digest].created_at == run.created_at


def test_a_stop_ends_the_members_and_a_start_goes_on(runner, slow):
    plan = seeds(slow(), range(50, 60))
    runner.start(plan)
    wait_for(lambda: any(run.state == "running" for run in runner.experiment(plan.digest).runs.values()))
    runner.stop(plan.digest)
    stopped = runner.experiment(plan.digest)
    assert stopped.state == "stopped"
    wait_for(lambda: not any(run.active for run in runner.experiment(plan.digest).runs.values()))
    assert runner.start(plan).state == "running"
    wait_for(lambda: any(run.active for run in runner.experiment(plan.digest).runs.values()))


def test_a_start_at_once_after_a_stop_leaves_nothing_out(runner, quick):
    plan = seeds(quick(epochs=2000, batch_size=64), [54, 55])
    runner.start(plan)
    wait_for(lambda: any(run.state == "running" for run in runner.experiment(plan.digest).runs.values()))
    runner.stop(plan.digest)
    runner.start(plan)
    ended = runner.wait(plan.digest, 180)
    assert [ended.runs[member.digest].state for member in plan.members] == ["done", "done"]


def test_a_member_that_a_user_waits_for_goes_on_after_a_stop(runner, slow):
    plan = seeds(slow(), [61])
    runner.start(plan)
    digest = plan.members[0].digest
    wait_for(lambda: runner.engine.run(digest) is not None)
    runner.engine.submit(plan.members[0].spec)
    runner.stop(plan.digest)
    time.sleep(0.5)
    assert runner.engine.run(digest).active
    runner.engine.cancel(digest)
    runner.engine.wait(digest, 120)


def test_a_failed_member_fails_alone_with_its_reason(runner, quick):
    spec = quick(epochs=50).with_changes(model="mlp", scaling="raw")
    plan = Sweep(spec, (Axis.of("learning_rate", [0.001, 1000.0]),))
    runner.start(plan)
    ended = runner.wait(plan.digest, 120)
    good, bad = (ended.runs[member.digest] for member in plan.members)
    assert (ended.state, good.state, bad.state) == ("done", "done", "failed")
    assert "diverged" in bad.reason


def test_a_sweep_of_a_hundred_does_not_hold_up_a_single_training(runner, slow, quick):
    plan = seeds(slow(), range(1000, 1100))
    runner.start(plan)
    places = runner.engine.background_places()
    wait_for(lambda: sum(run.state == "running" for run in runner.experiment(plan.digest).runs.values()) == places)
    # The members at work would take minutes each; the other user's training is over while they all go on.
    single = runner.engine.submit(quick(7777, epochs=30))
    assert runner.engine.wait(single.digest, 20).state == "done"
    experiment = runner.experiment(plan.digest)
    assert sum(run.state == "running" for run in experiment.runs.values()) == places
    assert experiment.n_ended == 0


@pytest.mark.slow
def test_two_experiments_share_the_places(runner, quick):
    # Longer than the start of an experiment takes on a busy machine.
    spec = quick(epochs=1000, batch_size=64)
    one, other = seeds(spec, range(200, 210)), seeds(spec, range(300, 310))
    runner.start(one)
    runner.start(other)
    began = {plan: [run.created_at for run in runner.wait(plan.digest, 180).runs.values()] for plan in (one, other)}
    # Neither has begun its last member before the other was half through.
    assert sorted(began[one])[5] < max(began[other])
    assert sorted(began[other])[5] < max(began[one])


@pytest.mark.slow
def test_another_server_goes_on_where_a_killed_one_stood(tmp_path, quick, slow):
    store = Store(home=tmp_path)
    plan = seeds(quick(), range(70, 76))
    trained = {}
    with Engine(store) as engine:
        for member in plan.members[:3]:
            trained[member.digest] = engine.wait(engine.submit(member.spec, background=True).digest, 120)
        # As a killed server leaves it: running, its owner no more; a member stood in the middle.
        dead = f"{engine.owner.split('|')[0]}|1999999|1.000"
        store.begin_experiment(plan.digest, plan.KIND, plan.canonical_json, dead)
        store.begin(plan.members[3].spec, dead, background=True)
    with Engine(Store(home=tmp_path)) as engine, ExperimentRunner(engine) as runner:
        assert engine.run(plan.members[3].digest).reason == SERVER_STOPPED
        ended = runner.wait(plan.digest, 180)
        assert ended.state == "done"
        assert [run.state for run in ended.runs.values()] == ["done"] * 6
        for digest, run in trained.items():
            assert ended.runs[digest].created_at == run.created_at


def test_a_takeover_finds_the_orphans_whoever_looks_first(tmp_path, quick):
    store, plan = Store(home=tmp_path), seeds(quick(), [76, 77])
    with Engine(store) as engine, ExperimentRunner(engine) as runner:
        dead = f"{engine.owner.split('|')[0]}|1999999|1.000"
        store.begin(plan.members[0].spec, dead, background=True)
        store.begin_experiment(plan.digest, plan.KIND, plan.canonical_json, dead)
        runner._next_tick = 0  # before the engine's own
        runner._wake.set()
        wait_for(lambda: runner.experiment(plan.digest).state == "done")
        assert [run.state for run in runner.experiment(plan.digest).runs.values()] == ["done", "done"]


def test_the_next_runner_of_a_process_goes_on_where_a_closed_one_stood(experiment_engine, quick):
    plan = seeds(quick(epochs=2000, batch_size=64), [78, 79])
    with ExperimentRunner(experiment_engine) as first:
        first.start(plan)
    with ExperimentRunner(experiment_engine) as second:
        assert second.wait(plan.digest, 180).n_ended == 2


def test_a_plan_that_cannot_be_begun_leaves_nothing_behind(runner, quick, monkeypatch):
    plan = seeds(quick(), [85])
    monkeypatch.setattr(runner.engine, "runs", failing_runs)
    with pytest.raises(StoreError):
        runner.start(plan)
    monkeypatch.undo()
    assert runner.experiment(plan.digest) is None


def failing_runs(digests):
    raise StoreError("The disk is full: free some space.")


def test_a_stopped_experiment_is_not_taken_over(tmp_path, quick):
    store = Store(home=tmp_path)
    plan = seeds(quick(), [80])
    store.begin_experiment(plan.digest, plan.KIND, plan.canonical_json, "elsewhere|1|1")
    store.save_experiment(plan.digest, state="stopped", seconds=1.0)
    with Engine(Store(home=tmp_path), n_workers=1) as engine, ExperimentRunner(engine) as runner:
        assert runner.active() == []
        assert runner.experiment(plan.digest).state == "stopped"


def test_a_store_that_fails_is_told_and_tried_again(runner, quick, monkeypatch):
    store, begin = runner.engine.store, runner.engine.store.begin
    failing = threading.Event()
    failing.set()

    def full(*args, **options):
        if failing.is_set():
            raise StoreError("The disk is full: free some space.")
        return begin(*args, **options)

    monkeypatch.setattr(store, "begin", full)
    plan = seeds(quick(), [91, 92])
    runner.start(plan)
    wait_for(lambda: "The disk is full" in runner.experiment(plan.digest).reason)
    failing.clear()
    ended = runner.wait(plan.digest, 120)
    assert [run.state for run in ended.runs.values()] == ["done", "done"]
    assert ended.reason == ""


def test_waiting_for_what_is_not_there_is_refused(runner):
    assert runner.experiment("0" * 20) is None
    with pytest.raises(InvalidSetting, match="There is no experiment"):
        runner.wait("0" * 20)


def test_waiting_has_an_end(runner, slow):
    plan = seeds(slow(), [95])
    runner.start(plan)
    with pytest.raises(TimeoutError, match="has not ended after 0.2 seconds"):
        runner.wait(plan.digest, 0.2)


def test_progress_counts_members_and_their_epochs(runner, quick):
    plan = seeds(quick(), [96, 97])
    runner.start(plan)
    progress = progress_of_experiment(runner.wait(plan.digest, 120))
    assert (progress.n_ended, progress.n_trainings, progress.fraction, progress.seconds_left) == (2, 2, 1.0, 0.0)


def test_workers_share_trainings_but_no_single_one():
    plan = CrossValidation(RunSpec(dataset="digits", model="mlp"), 4)
    alone = expected_experiment_seconds(plan)
    assert expected_experiment_seconds(plan, 2) == pytest.approx(alone / 2)
    assert expected_experiment_seconds(plan, 100) == pytest.approx(alone / 4)


def test_trainings_with_two_threads_take_turns_on_two_cores():
    plan = CrossValidation(load_recipe("mnist-cnn").spec, 5)
    alone = expected_experiment_seconds(plan)
    assert expected_experiment_seconds(plan, 2) == pytest.approx(alone)
    assert expected_experiment_seconds(plan, 4) == pytest.approx(alone / 2)


def test_each_worker_reads_the_data_once(runner, quick):
    # Inside the test, so that they travel to the workers as they are.
    def count_loads():
        from dataclasses import replace

        from digitcore.datasets import registry

        entry, registry.n_loads = registry.DATASETS["digits"], 0

        def load(progress):
            registry.n_loads += 1
            return entry.load(progress)

        registry._loaded.clear()
        registry._entries["digits"] = replace(entry, load=load)

    def loads():
        from digitcore.datasets import registry

        return registry.n_loads

    client = runner.engine.workers.cluster.client
    client.run(count_loads)
    plan = seeds(quick(), range(400, 412))
    runner.start(plan)
    runner.wait(plan.digest, 120)
    counts = client.run(loads).values()
    assert sum(counts) >= 1
    assert max(counts) == 1
