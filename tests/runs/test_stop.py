"""Stop in the middle of long epochs, evaluations and computations."""

import itertools
import os
import threading
import time

import numpy as np
import pytest
from distributed import Event

from digitcore.errors import EngineError, Interrupted
from digitcore.experiments.lr_range import lr_range_test
from digitcore.insight.projection import tsne_coordinates
from digitcore.models.checkpoint import n_epochs_of
from digitcore.models.pauses import pauses
from digitcore.runs import RunSpec, train_spec
from digitcore.runs import training as training_module
from digitcore.runs.child import run_in_child
from digitcore.runs.out_of_fold import fold_probabilities
from digitcore.runs.training import STOPPED_IN_EVALUATION, STOPPED_IN_FIRST_EPOCH, checkpoint_of, n_threads
from digitcore.runs.worker import compute_in_worker, warm_up
from tests.waiting import wait_for

# Digits whose every epoch takes minutes, in steps of a second and in one step of all images.
HUGE = {"channels": (256, 256, 256), "padding": "same", "kernel_size": 9, "pool_stride": 1, "epochs": 50}


def huge(seed=0, **parameters):
    spec = RunSpec(dataset="digits", model="cnn", parameters={**HUGE, **parameters}, random_state=seed)
    assert n_threads(spec) == 2
    return spec


@pytest.fixture(scope="module", autouse=True)
def warm_workers(engine):
    """Have the workers import now what they need: an epoch soon begins then."""
    client = engine.workers.ready_cluster().client
    client.wait_for_workers(engine.n_workers, timeout=60)
    client.run(warm_up)


@pytest.mark.parametrize("batch_size", [32, None])
def test_a_training_ends_in_the_middle_of_an_epoch(engine, batch_size):
    digest = engine.submit(huge(batch_size=batch_size)).digest
    wait_for(lambda: engine.run(digest).state == "running")
    time.sleep(2)
    engine.cancel(digest)
    run = engine.wait(digest, 60)
    assert (run.state, run.epochs, run.reason) == ("cancelled", (), STOPPED_IN_FIRST_EPOCH)
    assert not run.evaluated


def test_a_quick_training_has_its_result_while_a_huge_one_trains(engine, quick):
    large = engine.submit(huge(10)).digest
    wait_for(lambda: engine.run(large).state == "running")
    for seed in (300, 301, 302):
        assert engine.wait(engine.submit(quick(seed)).digest, 60).state == "done"
    assert engine.run(large).state == "running"
    engine.cancel(large)
    assert engine.wait(large, 60).state == "cancelled"


def test_two_huge_trainings_take_turns_in_their_first_epoch(engine):
    # Each shows that it began; the second could not while turns were passed on at an epoch's end only.
    digests = [engine.submit(huge(seed)).digest for seed in (20, 21)]
    if engine.n_workers > 1:
        for digest in digests:
            wait_for(lambda digest=digest: engine.run(digest).state == "running")
    for digest in digests:
        engine.cancel(digest)
        run = engine.wait(digest, 60)
        assert (run.state, run.epochs) == ("cancelled", ())


@pytest.fixture
def at_once(monkeypatch):
    """Have a stop seen at the next batch, and end there what is under way."""
    monkeypatch.setattr(training_module, "FINISH_SECONDS", 0.0)
    monkeypatch.setattr(training_module, "EVALUATION_SECONDS", 0.0)
    monkeypatch.setattr(training_module, "pauses", lambda action: pauses(action, 0))


def test_a_training_stopped_in_the_middle_of_an_epoch_has_the_whole_epochs_once(at_once, monkeypatch):
    monkeypatch.setattr(training_module, "EVALUATION_SECONDS", 60.0)
    seen, looks = [], itertools.count()

    def should_stop():
        return len(seen) == 2 and next(looks) >= 600  # of the third epoch's 1347 batches

    parameters = {"epochs": 5000, "batch_size": 1, "hidden_units": (100, 100)}
    spec = RunSpec(dataset="digits", model="mlp", parameters=parameters, split={"validation": "test"})
    outcome = train_spec(spec, on_epoch=seen.append, should_stop=should_stop, keep_checkpoint=True)
    assert outcome.state == "cancelled"
    assert outcome.epochs == seen
    assert [epoch.number for epoch in seen] == list(range(1, len(seen) + 1))
    assert outcome.evaluation.n_epochs == len(seen)
    # It is that of the last whole epoch.
    assert n_epochs_of(checkpoint_of(outcome.arrays)) == len(seen)


def test_a_stop_that_comes_shortly_before_an_epochs_end_waits_for_it():
    asked = threading.Event()
    spec = RunSpec(dataset="digits", model="mlp", parameters={"epochs": 100_000, "batch_size": None})
    threading.Timer(0.3, asked.set).start()
    outcome = train_spec(spec, should_stop=asked.is_set, keep_checkpoint=True)
    assert outcome.arrays["snapshots.epochs"][-1] == len(outcome.epochs) > 0
    assert any(name.startswith("checkpoint.") for name in outcome.arrays)


def train_and_stop_while_evaluating(monkeypatch, spec):
    asked = threading.Event()
    predicts = training_module.all_classes
    monkeypatch.setattr(training_module, "all_classes", lambda *given: (asked.set(), predicts(*given))[1])
    return train_spec(spec, should_stop=asked.is_set)


def test_a_stop_while_evaluating_keeps_epochs_and_weights(at_once, monkeypatch):
    spec = RunSpec(dataset="digits", model="mlp", parameters={"epochs": 3, "batch_size": None})
    outcome = train_and_stop_while_evaluating(monkeypatch, spec)
    assert (outcome.state, outcome.reason, outcome.evaluation) == ("cancelled", STOPPED_IN_EVALUATION, None)
    assert len(outcome.epochs) == 3
    whole = train_spec(spec)
    for name, array in whole.arrays.items():
        if name.startswith("weights."):
            np.testing.assert_array_equal(outcome.arrays[name], array)
    assert not any(name.startswith("probabilities.") for name in outcome.arrays)


def test_a_stop_while_evaluating_that_is_quick_takes_nothing_away(monkeypatch):
    spec = RunSpec(dataset="digits", model="mlp", parameters={"epochs": 3, "batch_size": None})
    outcome = train_and_stop_while_evaluating(monkeypatch, spec)
    assert (outcome.state, outcome.reason) == ("done", "")
    assert outcome.tensors == train_spec(spec).tensors


def test_a_stop_while_data_is_loaded_is_seen_before_the_first_epoch(monkeypatch):
    asked = threading.Event()
    loads = training_module.load_dataset
    monkeypatch.setattr(training_module, "load_dataset", lambda name: (asked.set(), loads(name))[1])
    outcome = train_spec(RunSpec(dataset="digits", model="softmax"), should_stop=asked.is_set)
    assert (outcome.state, outcome.epochs, outcome.tensors) == ("cancelled", [], None)


@pytest.mark.slow
def test_a_run_stopped_in_mid_epoch_is_trained_again_with_the_same_bits(engine):
    parameters = {"epochs": 2, "batch_size": 1, "hidden_units": (400, 300)}
    spec = RunSpec(dataset="digits", model="mlp", parameters=parameters)
    digest = engine.submit(spec).digest
    wait_for(lambda: engine.run(digest).state == "running")
    engine.cancel(digest)
    assert engine.wait(digest, 60).state == "cancelled"
    engine.submit(spec)
    run = engine.wait(digest, 120)
    assert (run.state, [epoch.number for epoch in run.epochs]) == ("done", [1, 2])
    expected = train_spec(spec).arrays
    for name, array in engine.arrays(digest).without_checkpoint().items():
        np.testing.assert_array_equal(array, expected[name])


# --- Computations


@pytest.fixture
def in_worker(engine):
    """Start a computation in a worker; return its future and what stops it."""
    client = engine.workers.ready_cluster().client
    started = []

    def start(function, *arguments):
        name = f"stop-computation-{len(started)}-{time.monotonic_ns()}"
        future = client.submit(compute_in_worker, function, arguments, name, pure=False)
        started.append(name)
        return future, Event(name, client=client).set

    yield start
    for name in started:
        Event(name, client=client).set()


def test_a_computation_returns_what_its_function_returns(in_worker):
    spec = RunSpec(dataset="digits", model="softmax")
    future, _ = in_worker(lr_range_test, spec.canonical_json, 1e-4, 1.0, 20)
    assert future.result(timeout=60).equals(lr_range_test(spec, 1e-4, 1.0, 20))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (lr_range_test, (huge().canonical_json,)),
        (fold_probabilities, (huge().canonical_json, 0)),
        (tsne_coordinates, (np.random.default_rng(0).normal(size=(1797, 20)).astype(np.float32),)),
    ],
    ids=["range test", "label search", "t-SNE"],
)
def test_a_long_computation_is_stopped(in_worker, function, arguments):
    future, stop = in_worker(function, *arguments)
    time.sleep(2)
    assert future.status == "pending"
    stop()
    with pytest.raises(Interrupted):
        future.result(timeout=30)


@pytest.mark.slow
def test_a_child_gives_the_same_coordinates(rng):
    X = rng.normal(size=(40, 5)).astype(np.float32)
    np.testing.assert_array_equal(run_in_child(tsne_coordinates, (X,)), tsne_coordinates(X))


@pytest.mark.slow
def test_what_a_child_raises_is_raised_here():
    with pytest.raises(ValueError, match="invalid literal"):
        run_in_child(int, ("seven",))


def test_a_child_that_dies_is_told():
    with pytest.raises(EngineError, match="ended too early"):
        run_in_child(os._exit, (9,))
