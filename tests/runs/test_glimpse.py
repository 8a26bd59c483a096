"""What a training shows of its model between two epochs."""

import itertools
import time

import numpy as np
import pytest

from digitcore.datasets import Dataset, load_dataset
from digitcore.evaluation import confusion_counts
from digitcore.runs import Engine, RunSpec, training
from digitcore.runs.glimpse import MOST_IMAGES, Glimpse, Watcher
from digitcore.runs.training import model_for, split_for, train_spec

SPEC = RunSpec(dataset="digits", model="mlp", split={"validation": "cut"}, parameters={"epochs": 6})


@pytest.fixture(scope="module")
def seen():
    """Return an outcome and the glimpses after each of its epochs."""
    glimpses = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "GLIMPSE_SECONDS", 0.0)
        patch.setattr(training, "MOST_GLIMPSE_SHARE", 1e9)
        outcome = train_spec(SPEC, on_glimpse=glimpses.append)
    return outcome, glimpses


def test_the_last_glimpse_agrees_with_the_evaluation(seen):
    outcome, glimpses = seen
    part = split_for(SPEC).validation
    prediction = outcome.arrays.probabilities["validation"].argmax(axis=1)
    last = glimpses[-1]
    assert [glimpse.epoch for glimpse in glimpses] == [1, 2, 3, 4, 5, 6]
    assert (last.part, last.n_part, last.n_images) == ("validation", 135, 135)
    assert np.array_equal(last.confusion, confusion_counts(part.labels, prediction, 10))
    weights = outcome.arrays.weights["dense_1.weight"][:24].reshape(-1, 8, 8)
    assert np.abs(last.first_layer - weights).max() == 0
    accuracies = [np.trace(glimpse.confusion) / 135 for glimpse in glimpses]
    assert accuracies == pytest.approx([epoch.validation_accuracy for epoch in outcome.epochs])


def test_images_shown_as_wrong_are_wrong_and_those_shown_as_learned_were(seen):
    _, glimpses = seen
    labels = load_dataset("digits").labels
    n_learned = 0
    for before, after in itertools.pairwise(glimpses):
        positions, predicted, times = after.wrong.T
        assert (labels[positions] != predicted).all()
        assert (np.diff(times) <= 0).all() and times.min(initial=1) >= 1
        assert set(after.learned[:, 0]).isdisjoint(positions)
        assert (labels[after.learned[:, 0]] != after.learned[:, 1]).all()
        n_learned += len(after.learned)
        assert before.epoch + 1 == after.epoch
    assert n_learned > 0 and len(glimpses[-1].wrong) > 0


def test_looking_changes_nothing_of_the_training(seen):
    outcome, _ = seen
    plain = train_spec(SPEC)
    for name, weights in plain.arrays.weights.items():
        assert np.array_equal(weights, outcome.arrays.weights[name])


def test_a_glimpse_survives_the_way_to_the_server(seen):
    _, glimpses = seen
    content = glimpses[-1].to_bytes()
    arrived = Glimpse.from_bytes(content)
    tolerance = np.abs(glimpses[-1].first_layer).max() / 127
    assert np.abs(arrived.first_layer - glimpses[-1].first_layer).max() <= tolerance
    assert arrived == Glimpse.from_bytes(arrived.to_bytes())
    assert np.array_equal(arrived.confusion, glimpses[-1].confusion)
    assert len(content) < 4_000


def test_large_data_and_large_images_are_thinned(rng):
    images = rng.integers(0, 256, (5_000, 64, 48), dtype=np.uint8)
    large = Dataset("digits", images, rng.integers(0, 10, 5_000), tuple("0123456789"), 255)
    spec = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 1}, split={"test_size": 0.5})
    data = split_for(spec, large)
    model = model_for(spec, large).fit(data.train.features("unit")[:200], data.train.labels[:200])
    glimpse = Watcher(data, "unit").look(model)
    # Without validation images the training part is looked at.
    assert (glimpse.part, glimpse.n_part, glimpse.n_images) == ("train", 2_500, MOST_IMAGES)
    assert glimpse.first_layer.shape == (10, 32, 24)
    assert len(glimpse.to_bytes()) < 20_000


def test_the_engine_shows_the_model_of_a_training_while_it_lasts():
    spec = RunSpec(dataset="digits", model="softmax", split={"validation": "cut"}, parameters={"epochs": 400})
    with Engine() as engine:
        run = engine.submit(spec)
        deadline = time.monotonic() + 60
        while engine.glimpse(run.digest) is None and engine.run(run.digest).active and time.monotonic() < deadline:
            time.sleep(0.005)
        glimpse = engine.glimpse(run.digest)
        ended = engine.wait(run.digest, 60)
        assert ended.state == "done"
        assert glimpse is not None and glimpse.n_images == 135
        assert engine.glimpse(run.digest) is None
