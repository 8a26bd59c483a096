"""Epochs that train on the hardest images only, beside a ranking of all images by torch's own modules."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from digitcore.errors import InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.hard_examples import HardExamples, images_per_epoch, updates_per_epoch
from digitcore.runs.progress import expected_seconds
from digitcore.specs.run_spec import RunSpec

N_IMAGES, N_PER_EPOCH, N_HARDEST = 200, 50, 40
MINED = {"hard_fraction": N_PER_EPOCH / N_IMAGES, "epochs": 12, "batch_size": 8, "learning_rate": 0.1}
NETWORKS = {
    "mlp": MLP(hidden_units=(20, 12), random_state=0),
    "wide mlp": MLP(hidden_units=(300,), random_state=0),
    "cnn": CNN(channels=(4, 3), kernel_size=2, dropout=0.0, hidden_units=(9,), random_state=0),
}


@pytest.fixture
def few(digits):
    X, y = digits
    assert len(np.unique(X[:N_IMAGES], axis=0)) == N_IMAGES
    return np.ascontiguousarray(X[:N_IMAGES] / X.max(), dtype=np.float32), y[:N_IMAGES]


def rows_of(images, X):
    """Return the positions of images in ``X``, whose rows are all different."""
    return [int(np.flatnonzero((image == X).all(axis=1))[0]) for image in images]


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("network", NETWORKS)
def test_an_epoch_trains_on_the_hardest_images_and_some_others(network, few, batches):
    X, y = few
    model = copy.deepcopy(NETWORKS[network]).set_params(**MINED)
    training = model.iter_fit(X, y)
    plain = copy.deepcopy(model.module_).train().requires_grad_(True)
    list(training)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    errors, n_batches = np.full(N_IMAGES, np.inf), -(-N_PER_EPOCH // 8)
    assert len(batches) == 12 * n_batches == 12 * updates_per_epoch(MINED, N_IMAGES)
    for epoch, figures in enumerate(model.history_):
        before, trained, losses = errors.copy(), [], []
        for images, classes in batches[epoch * n_batches : (epoch + 1) * n_batches]:
            rows = rows_of(images, X)
            trained += rows
            optimizer.zero_grad()
            logits, labels = plain(torch.from_numpy(images)), torch.from_numpy(classes)
            loss = F.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item() * len(rows))
            errors[rows] = 1 - logits.detach().softmax(dim=1)[range(len(rows)), labels].numpy()
        assert len(set(trained)) == N_PER_EPOCH
        others = np.setdiff1d(np.arange(N_IMAGES), trained)
        # Of what was trained, so many were at least as hard as all that was not; rounding may swap two.
        hardest_left_out = before[others].max()
        assert (before[trained] >= hardest_left_out - 1e-5).sum() >= N_HARDEST
        assert figures.train_loss == pytest.approx(sum(losses) / N_PER_EPOCH, abs=1e-5)
    for name, weights in plain.state_dict().items():
        np.testing.assert_allclose(model.get_weights()[name], weights.numpy(), atol=1e-4, err_msg=name)


def test_softmax_regression_picks_its_images_in_the_same_way(few, monkeypatch):
    X, y = few
    picked, noted = [], []
    for method, seen in (("pick", picked), ("note", noted)):
        original = getattr(HardExamples, method)

        def watched(self, values, *others, original=original, seen=seen):
            result = original(self, values, *others)
            seen.append(np.array(values if result is None else result))
            return result

        monkeypatch.setattr(HardExamples, method, watched)
    model = SoftmaxRegression(random_state=0, **MINED | {"batch_size": None}).fit(X, y)
    assert [len(rows) for rows in picked] == [N_PER_EPOCH] * 12 == [len(errors) for errors in noted]
    # The weights before the last update, by going back the whole way: gradient descent in one batch per epoch.
    before = SoftmaxRegression(random_state=0, **MINED | {"batch_size": None, "epochs": 11}).fit(X, y)
    expected = 1 - before.predict_proba(X[picked[11]])[np.arange(N_PER_EPOCH), y[picked[11]]]
    np.testing.assert_allclose(noted[11], expected, atol=1e-6)
    # The figures of an epoch are those of all training images, as without it.
    assert model.history_[-1].train_accuracy == pytest.approx(model.score(X, y))


def test_all_images_come_before_one_comes_again_as_one_of_the_hardest():
    hard = HardExamples({"hard_fraction": 0.2}, 100)
    shuffle, seen = np.random.RandomState(0), set()
    for _ in range(6):
        seen.update(hard.pick(shuffle.permutation(100)).tolist())
        hard.note(shuffle.rand(12))
        hard.note(shuffle.rand(8))
    assert seen == set(range(100))


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("model", [SoftmaxRegression(), MLP(hidden_units=(20,))], ids=["softmax", "mlp"])
def test_an_image_that_does_not_count_is_not_among_the_hardest(model, few, monkeypatch):
    X, y = few
    picked, pick = [], HardExamples.pick

    def watched(self, order):
        picked.append(pick(self, order))
        return picked[-1]

    monkeypatch.setattr(HardExamples, "pick", watched)
    counts = np.arange(N_IMAGES) % 2 == 0
    # Labels that cannot be learned make the other images the hardest ones.
    labels = np.where(counts, y, (y + np.arange(N_IMAGES)) % 10)
    copy.deepcopy(model).set_params(random_state=0, **MINED).fit(X, labels, sample_weight=counts.astype(float))
    for rows in picked[6:]:
        assert counts[rows].sum() >= N_HARDEST


def test_equally_hard_images_come_in_random_order():
    """Data sets are often sorted by class: the first epoch must not see the first class alone."""
    first = HardExamples({"hard_fraction": 0.2}, 100).pick(np.random.RandomState(0).permutation(100))
    assert len(first) == 20
    assert first.max() > 80
    assert first.min() < 20


def test_a_whole_epoch_trains_on_all_images(few):
    X, y = few
    settings = {"epochs": 2, "learning_rate": 0.1, "random_state": 0}
    whole = MLP(hidden_units=(20,), **settings).fit(X, y)
    picked = MLP(hidden_units=(20,), hard_fraction=1.0, **settings).fit(X, y)
    for name, weights in whole.get_weights().items():
        np.testing.assert_array_equal(picked.get_weights()[name], weights)


def test_without_it_specs_are_what_they_were():
    plain = RunSpec(dataset="digits", model="mlp")
    assert RunSpec(dataset="digits", model="mlp", parameters={"hard_fraction": None}).digest == plain.digest
    assert RunSpec(dataset="digits", model="mlp", parameters={"hard_fraction": 0.5}).digest != plain.digest


def test_sizes_of_an_epoch():
    assert [images_per_epoch({"hard_fraction": fraction}, 54_000) for fraction in (None, 0.33, 1.0)] == [
        54_000,
        17_820,
        54_000,
    ]
    assert images_per_epoch({"hard_fraction": 0.01}, 10) == 1
    assert updates_per_epoch({"batch_size": None, "hard_fraction": 0.5}, 100) == 1
    assert updates_per_epoch({"batch_size": 96}, 54_000) == 563


def test_a_training_is_expected_to_take_that_much_less_time():
    plain = RunSpec(dataset="mnist", model="cnn", parameters={"epochs": 5})
    mined = plain.with_changes(parameters={"epochs": 5, "hard_fraction": 0.25})
    whole, part = expected_seconds([plain, mined])
    # What the validation images take stays.
    assert 0.25 < part / whole < 0.4


@pytest.mark.parametrize("fraction", [0, 0.001, 1.5, float("nan"), "some"])
def test_other_values_are_refused(fraction, few):
    with pytest.raises(InvalidSetting, match="hard_fraction must be a number from 0.01 to 1, or None"):
        MLP(hard_fraction=fraction).fit(*few)
