import contextlib
import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import psutil
import pytest

from digitcore.errors import EngineError, InvalidSetting, StoreError
from digitcore.insight.projection import principal_components
from digitcore.runs import Engine, RunSpec, Store, train_spec
from digitcore.runs.keeper import LOST_WORKER
from digitcore.runs.robustness import run_robustness
from digitcore.runs.store import SERVER_STOPPED
from digitcore.runs.training import n_threads, split_for
from tests.waiting import wait_for


def wait_for_epochs(engine, digest, n_epochs):
    wait_for(lambda: len(engine.run(digest).epochs) >= n_epochs, what=f"{n_epochs} epochs")


def busy_worker(engine):
    """The worker process that has the task; another may burn as much for its warm-up."""
    client = engine.workers.cluster.client
    address = next(address for address, keys in client.processing().items() if keys)
    return psutil.Process(client.run(os.getpid, workers=[address])[address])


@pytest.fixture
def own_engine(tmp_path):
    with Engine(Store(home=tmp_path)) as engine:
        yield engine


def test_a_run_is_trained_evaluated_and_kept(engine, quick):
    run = engine.wait(engine.submit(quick(1)).digest, 30)
    assert run.state == "done"
    assert [epoch.number for epoch in run.epochs] == [1, 2, 3]
    assert set(run.evaluation.parts) == {"train", "test"}
    assert engine.store.load(run.digest).epochs == run.epochs


def test_the_engine_gives_the_same_bits_as_training_here(engine, quick):
    run = engine.wait(engine.submit(quick(2)).digest, 30)
    here = train_spec(quick(2)).arrays
    there = engine.arrays(run.digest).without_checkpoint()
    assert set(here) == set(there)
    for name, array in here.items():
        np.testing.assert_array_equal(array, there[name])


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_two_busy_workers_give_the_same_bits_as_training_here(engine, model):
    # One that takes turns for two threads, and one of a single thread beside it.
    wide = {"mlp": {"hidden_units": (512, 512)}, "cnn": {"channels": (64,), "hidden_units": (256,)}}[model]
    narrow = {"mlp": {"hidden_units": (8,)}, "cnn": {"channels": (2,), "hidden_units": (4,)}}[model]
    specs = [
        RunSpec(dataset="digits", model=model, parameters={"epochs": 8, "dropout": 0.3, "batch_size": 256, **given})
        for given in (wide, narrow)
    ]
    assert [n_threads(spec) for spec in specs] == [2, 1]
    runs = [engine.submit(spec) for spec in specs]
    for run in runs:
        assert engine.wait(run.digest, 60).state == "done"
    for spec in specs:
        there = engine.arrays(spec.digest)
        for name, array in train_spec(spec).arrays.items():
            np.testing.assert_array_equal(array, there[name])


def test_a_trained_spec_is_not_trained_again(engine, quick):
    first = engine.wait(engine.submit(quick(3)).digest, 30)
    again = engine.submit(quick(3))
    assert again.state == "done"
    assert again.created_at == first.created_at


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_the_model_of_a_run_predicts_what_was_kept(engine, model):
    spec = RunSpec(dataset="digits", model=model, parameters={"epochs": 2}, random_state=50)
    digest = engine.wait(engine.submit(spec).digest, 60).digest
    images = split_for(spec).test.images
    probabilities = engine.model(digest).predict_proba(images)
    kept = engine.arrays(digest).probabilities["test"]
    np.testing.assert_array_equal(probabilities, kept)
    np.testing.assert_array_equal(engine.model(digest).predict(images), kept.argmax(axis=1))


def test_a_run_without_evaluation_has_no_model(engine, slow):
    with pytest.raises(InvalidSetting, match="There is no run 'unknown'"):
        engine.model("unknown")
    digest = engine.submit(slow(50)).digest
    with pytest.raises(InvalidSetting, match=rf"Run {digest} is (queued|running) and was not evaluated: wait for"):
        engine.model(digest)
    engine.cancel(digest)
    engine.wait(digest, 30)


def test_a_run_whose_weights_are_gone_has_no_model(engine, quick):
    digest = engine.wait(engine.submit(quick(51)).digest, 30).digest
    (engine.store.weights_directory / f"{digest}.safetensors").unlink()
    with pytest.raises(StoreError, match=digest):
        engine.model(digest)


def test_another_engine_on_the_same_store_finds_the_run(engine, quick):
    first = engine.wait(engine.submit(quick(4)).digest, 30)
    with Engine(Store(home=engine.store.home)) as later:
        found = later.run(first.digest)
        assert found.state == "done"
        assert found.epochs == first.epochs
        np.testing.assert_array_equal(
            later.arrays(first.digest)["weights.output.weight"], engine.arrays(first.digest)["weights.output.weight"]
        )


def test_a_run_whose_weights_are_gone_is_trained_again(engine, quick):
    run = engine.wait(engine.submit(quick(5)).digest, 30)
    (engine.store.weights_directory / f"{run.digest}.safetensors").unlink()
    assert engine.submit(quick(5)).active
    assert engine.wait(run.digest, 30).state == "done"
    assert engine.store.has_tensors(run.digest)


def test_the_same_spec_submitted_at_once_trains_once(engine, quick):
    spec, runs = quick(6, epochs=200), []
    threads = [threading.Thread(target=lambda: runs.append(engine.submit(spec))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.wait(spec.digest, 30)
    with engine.store.database.transaction("read") as connection:
        attempt = connection.exec_driver_sql("SELECT attempt FROM runs WHERE digest = ?", (spec.digest,)).scalar()
    assert len(runs) == 4
    assert attempt == 1


def test_epochs_are_in_the_store_before_they_are_shown(engine, slow):
    digest = engine.submit(slow(1)).digest
    wait_for_epochs(engine, digest, 5)
    shown = len(engine.run(digest).epochs)
    assert len(engine.store.load(digest).epochs) >= shown
    engine.cancel(digest)
    engine.wait(digest, 20)


def test_a_cancelled_run_keeps_its_epochs_and_what_it_learned(engine, slow):
    digest = engine.submit(slow(2)).digest
    wait_for_epochs(engine, digest, 3)
    seen = engine.run(digest).epochs
    engine.cancel(digest)
    run = engine.wait(digest, 20)
    assert run.state == "cancelled"
    assert run.epochs[: len(seen)] == seen
    assert len(run.epochs) < 20_000
    assert run.evaluation.parts["test"].n_images == 450
    assert engine.store.load(digest).state == "cancelled"


def test_a_cancelled_run_can_be_trained_again(engine, slow):
    spec = slow(3)
    engine.submit(spec)
    wait_for_epochs(engine, spec.digest, 1)
    engine.cancel(spec.digest)
    engine.wait(spec.digest, 20)
    assert engine.submit(spec).active
    wait_for_epochs(engine, spec.digest, 1)
    engine.cancel(spec.digest)
    assert engine.wait(spec.digest, 20).state == "cancelled"


def test_a_waiting_run_can_be_cancelled_before_it_begins(engine, slow):
    specs = [slow(seed) for seed in range(10, 10 + (os.cpu_count() or 1) + 1)]
    for spec in specs:
        engine.submit(spec)
    waiting = specs[-1].digest
    assert engine.run(waiting).state == "queued"
    engine.cancel(waiting)
    assert engine.wait(waiting, 10).state == "cancelled"
    assert engine.run(waiting).epochs == ()
    for spec in specs[:-1]:
        engine.cancel(spec.digest)
    for spec in specs[:-1]:
        assert engine.wait(spec.digest, 20).state == "cancelled"


def test_a_diverged_run_fails_with_a_reason_and_keeps_its_finite_epochs(engine):
    steep = {"hidden_units": (32,) * 10, "optimizer": "adam", "learning_rate": 1000.0, "batch_size": None}
    spec = RunSpec(dataset="digits", model="mlp", scaling="raw", parameters={**steep, "epochs": 50})
    run = engine.wait(engine.submit(spec).digest, 30)
    assert run.state == "failed"
    assert "diverged in epoch" in run.reason
    assert "learning rate well below 1000" in run.reason
    assert len(run.epochs) < 50


def test_waiting_for_an_unknown_run_is_refused(engine):
    with pytest.raises(InvalidSetting, match="There is no run"):
        engine.wait("0" * 20)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_the_run_ends_as_if_nothing_had_been(own_engine, quick):
    own_engine.start()
    spec = quick(7, epochs=6000)
    own_engine.submit(spec)
    wait_for_epochs(own_engine, spec.digest, 10)
    busy_worker(own_engine).send_signal(signal.SIGKILL)
    wait_for(lambda: own_engine.run(spec.digest).reason == LOST_WORKER, what="the notice")
    run = own_engine.wait(spec.digest, 60)
    assert run.state == "done"
    assert [epoch.number for epoch in run.epochs] == list(range(1, 6001))
    expected = train_spec(spec)
    np.testing.assert_array_equal(
        own_engine.arrays(spec.digest)["weights.output.weight"], expected.arrays["weights.output.weight"]
    )


@pytest.mark.slow
def test_a_killed_scheduler_is_replaced_and_the_run_goes_on(own_engine, quick):
    own_engine.start()
    spec = quick(8, epochs=6000)
    own_engine.submit(spec)
    wait_for_epochs(own_engine, spec.digest, 10)
    scheduler = next(p for p in psutil.Process().children() if "digitcore.worker_host" in " ".join(p.cmdline()))
    scheduler.kill()
    run = own_engine.wait(spec.digest, 60)
    assert run.state == "done"
    assert len(run.epochs) == 6000


def test_a_closed_engine_leaves_no_process_and_marks_its_runs(tmp_path, slow):
    engine = Engine(Store(home=tmp_path))
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    engine.submit(slow(4))
    wait_for_epochs(engine, slow(4).digest, 2)
    started = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    started = [p for p in started if "resource_tracker" not in " ".join(p.cmdline())]
    engine.close()
    _, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []
    kept = Store(home=tmp_path).load(slow(4).digest)
    assert (kept.state, kept.reason) == ("failed", SERVER_STOPPED)
    assert len(kept.epochs) >= 2
    with pytest.raises(EngineError, match="closed"):
        engine.submit(slow(4))


def test_runs_of_a_dead_server_are_closed_at_the_start(tmp_path, slow):
    store = Store(home=tmp_path)
    store.begin(slow(5), f"{os.uname().nodename}|999999|0.0")
    with Engine(store) as engine:
        assert engine.run(slow(5).digest).reason == SERVER_STOPPED


def test_a_store_that_fails_meanwhile_loses_nothing(own_engine, slow, monkeypatch):
    own_engine.start()
    spec = slow(6)
    own_engine.submit(spec)
    wait_for_epochs(own_engine, spec.digest, 2)
    works = own_engine.store.database.transaction

    @contextlib.contextmanager
    def full(action):
        if action == "write":
            raise StoreError("The disk is full")
        with works(action) as connection:
            yield connection

    monkeypatch.setattr(own_engine.store.database, "transaction", full)
    shown = len(own_engine.run(spec.digest).epochs)
    wait_for_epochs(own_engine, spec.digest, shown + 5)
    assert "The disk is full" in own_engine.run(spec.digest).reason
    own_engine.cancel(spec.digest)
    run = own_engine.wait(spec.digest, 20)
    assert run.state == "cancelled"
    assert own_engine.arrays(spec.digest)
    monkeypatch.undo()
    wait_for(lambda: own_engine.store.load(spec.digest).state == "cancelled", what="the run in the store")
    assert own_engine.store.load(spec.digest).epochs == run.epochs
    assert own_engine.run(spec.digest).reason == ""


def test_a_scheduler_that_is_not_there_is_named(tmp_path, quick, monkeypatch):
    monkeypatch.setattr("digitcore.runs.cluster.CONNECT_SECONDS", 1)
    with (
        Engine(Store(home=tmp_path), scheduler="tcp://127.0.0.1:9") as engine,
        pytest.raises(EngineError, match=r"tcp://127\.0\.0\.1:9 cannot be started or reached"),
    ):
        engine.submit(quick())


def test_a_computation_runs_in_a_worker_and_is_kept(engine):
    assert engine.compute("process", os.getpid).state in ("running", "done")
    done = computed(engine, "process", os.getpid)
    assert done.result != os.getpid()
    assert engine.compute("process", os.getpid) is done


def test_a_computation_that_fails_says_so_until_it_is_tried_again(engine):
    for _ in range(2):
        failed = computed(engine, "failing", int, "seven")
        assert failed.state == "failed"
        assert "failed unexpectedly (ValueError)" in failed.reason
    engine.forget_computation("failing")
    assert computed(engine, "failing", int, "7").result == 7


def test_a_failure_that_digitcore_foresaw_keeps_its_sentence(engine):
    assert "A map needs finite values" in computed(engine, "foreseen", principal_components, np.ones((1, 3))).reason


def test_the_process_that_hosts_the_scheduler_imports_nothing_that_trains(engine, quick):
    run = engine.wait(engine.submit(quick(1)).digest, 30)
    assert len(computed(engine, "host", run_robustness, run, engine.arrays(run.digest).weights, "test").result) > 1
    host = psutil.Process(engine.workers.cluster.host.process.pid)
    libraries = "\n".join(entry.path for entry in host.memory_maps())
    assert "psutil" in libraries
    assert "libtorch" not in libraries and "pandas" not in libraries


def test_a_table_is_kept_with_its_run_and_not_computed_again(own_engine, tmp_path, quick):
    run = own_engine.wait(own_engine.submit(quick(1)).digest, 30)
    weights = own_engine.arrays(run.digest).weights
    work = ("noise", run_robustness, run, weights, "test")
    assert not own_engine.knows_computation("noise")
    found = computed(own_engine, *work, kept_with=run.digest).result
    assert len(found) > 1
    own_engine.close()
    with Engine(Store(home=tmp_path)) as later:
        assert later.knows_computation("noise")
        again = later.compute(*work, kept_with=run.digest)
        assert again.state == "done"
        pd.testing.assert_frame_equal(again.result, found, check_exact=True)
        later.store.begin(quick(1), later.owner)
        later.forget_computation("noise")
        assert not later.knows_computation("noise")


def test_a_finding_that_cannot_be_kept_is_shown_all_the_same(own_engine, quick, monkeypatch, caplog):
    def full(*arguments):
        raise StoreError("The disk is full.")

    monkeypatch.setattr(own_engine.store, "keep_finding", full)
    run = own_engine.wait(own_engine.submit(quick(2)).digest, 30)
    work = (run_robustness, run, own_engine.arrays(run.digest).weights, "test")
    assert computed(own_engine, "unkept", *work, kept_with=run.digest).state == "done"
    assert "could not be kept: The disk is full." in caplog.text


def test_old_results_are_let_go(engine, monkeypatch):
    monkeypatch.setattr("digitcore.runs.computations.MAX_KEPT", 4)
    for number in range(7):
        assert computed(engine, f"number-{number}", int, number).result == number
    assert [engine.computations.knows(f"number-{number}") for number in range(7)] == [False] * 3 + [True] * 4


def test_what_still_runs_is_not_let_go(engine, monkeypatch):
    monkeypatch.setattr("digitcore.runs.computations.MAX_KEPT", 1)
    keys = [f"many-{number}" for number in range(5)]
    for key in keys:
        engine.compute(key, time.sleep, 0.3)
    assert {each.key for each in engine.computations.under_way()} == set(keys)
    assert [computed(engine, key, time.sleep, 0.3).state for key in keys] == ["done"] * 5


def test_a_computation_survives_the_death_of_its_worker(engine):
    engine.compute("slow", time.sleep, 2)
    wait_for(lambda: any(engine.workers.cluster.client.processing().values()), what="a worker at the computation")
    busy_worker(engine).kill()
    assert computed(engine, "slow", time.sleep, 2).state == "done"


def computed(engine, key, function, *arguments, **options):
    """Wait for a computation's end."""
    deadline = time.monotonic() + 20
    while (computation := engine.compute(key, function, *arguments, **options)).state == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return computation


def test_nobody_waits_for_a_run_of_an_engine_that_is_closed(tmp_path, slow):
    engine = Engine(Store(f"sqlite:///{tmp_path / 'runs.db'}", tmp_path), n_workers=1)
    digest = engine.submit(slow()).digest
    engine.close()
    with pytest.raises(EngineError, match="is closed"):
        engine.wait(digest)
