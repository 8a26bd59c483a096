"""Images that do not count alike: sample_weight and class_weight, with scikit-learn's meaning."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.ensemble import AdaBoostClassifier
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import has_fit_parameter

from digitcore.errors import InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression, load_model
from digitcore.models.inputs import (
    LabelledImages,
    WeightedImages,
    check_sample_weight,
    class_weights_of,
    hold_out,
    relative_weights,
)
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.autograd import AcceleratorTraining

SETTINGS = {"epochs": 3, "learning_rate": 0.1, "batch_size": None, "random_state": 0}
MODELS = {
    "softmax": SoftmaxRegression(**SETTINGS),
    "mlp": MLP(hidden_units=(20, 12), **SETTINGS),
    "wide mlp": MLP(hidden_units=(300,), optimizer="adam", epsilon=1e-4, **SETTINGS),
    "cnn": CNN(channels=(4,), hidden_units=(9,), dropout=0.0, **SETTINGS),
}


@pytest.fixture(params=MODELS)
def model(request):
    """An estimator that sees all images at once."""
    return copy.deepcopy(MODELS[request.param])


@pytest.fixture
def weights(rng):
    """How often each of 600 images is there: 0 to 3 times."""
    return rng.integers(0, 4, size=600)


def assert_alike(one, other, atol=1e-5):
    others = other.get_weights()
    for name, array in one.get_weights().items():
        np.testing.assert_allclose(array, others[name], atol=atol, err_msg=name)


def test_weights_mean_copies_of_an_image(model, digits, weights):
    X, y = digits
    copies = np.repeat(np.arange(600), weights)
    assert_alike(copy.deepcopy(model).fit(X, y, sample_weight=weights), copy.deepcopy(model).fit(X[copies], y[copies]))


@pytest.mark.parametrize("settings", [{"batch_size": 50}, {"batch_size": None}])
def test_equal_weights_are_no_weights(model, settings, digits):
    model.set_params(**settings)
    assert_alike(copy.deepcopy(model).fit(*digits, sample_weight=np.full(600, 7.0)), copy.deepcopy(model).fit(*digits))


@pytest.mark.parametrize("batch_size", [50, None])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_figures_count_all_images_alike(name, batch_size, digits, weights):
    model = copy.deepcopy(MODELS[name]).set_params(learning_rate=1e-8, epochs=1, batch_size=batch_size)
    weighted, plain = (copy.deepcopy(model).fit(*digits, sample_weight=each) for each in (weights, None))
    assert weighted.history_[0].train_loss == pytest.approx(plain.history_[0].train_loss, rel=1e-5)
    assert weighted.history_[0].train_accuracy == plain.history_[0].train_accuracy


def test_ten_steps_with_weights_are_pytorchs(digits, rng):
    X, y, weights = digits[0][:40].astype(np.float64), digits[1][:40], rng.random(40)
    settings = {"batch_size": None, "epochs": 10, "learning_rate": 0.1, "label_smoothing": 0.1}
    model = SoftmaxRegression(**settings).fit(X, y, sample_weight=weights)
    plain = torch.nn.Linear(64, 10, dtype=torch.float64)
    torch.nn.init.zeros_(plain.weight), torch.nn.init.zeros_(plain.bias)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for _ in range(10):
        optimizer.zero_grad()
        losses = F.cross_entropy(plain(torch.from_numpy(X)), torch.from_numpy(y), reduction="none", label_smoothing=0.1)
        (losses * torch.from_numpy(weights / weights.sum())).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(model.coef_, plain.weight.detach().numpy(), atol=1e-10)


@pytest.mark.parametrize("batch_size", [50, None])
@pytest.mark.parametrize("name", ["mlp", "wide mlp", "cnn"])
def test_both_ways_of_training_heed_weights(name, batch_size, digits, weights, monkeypatch):
    model = copy.deepcopy(MODELS[name]).set_params(batch_size=batch_size, label_smoothing=0.1, learning_rate=0.01)
    fast = copy.deepcopy(model).fit(*digits, sample_weight=weights)
    assert np.abs(fast.get_weights()["output.weight"] - model.fit(*digits).get_weights()["output.weight"]).max() > 1e-4

    def start(module, layers, make_network, at_once, *others):
        return AcceleratorTraining(module, torch.device("cpu"), at_once, *others)

    monkeypatch.setattr(torch_network, "NetworkTraining", start)
    assert_alike(copy.deepcopy(model).fit(*digits, sample_weight=weights), fast)


def test_weights_of_a_batch_in_several_blocks(digits, weights, monkeypatch):
    whole = copy.deepcopy(MODELS["mlp"]).fit(*digits, sample_weight=weights)
    monkeypatch.setattr(torch_network, "_VALUES_AT_ONCE", 37 * (64 + 20 + 12 + 10))
    assert_alike(copy.deepcopy(MODELS["mlp"]).fit(*digits, sample_weight=weights), whole)


# --- By class


@pytest.mark.parametrize("sample_weight", [None, "given"])
def test_balanced_weights_are_scikit_learns(sample_weight, digits, weights):
    given = weights.astype(float) if sample_weight else None
    own = class_weights_of("balanced", np.arange(10), digits[1], given)
    theirs = compute_class_weight("balanced", classes=np.arange(10), y=digits[1], sample_weight=given)
    np.testing.assert_allclose(own, theirs)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 5.0, 3: 0.0}])
def test_weights_of_classes_are_those_of_their_images(model, class_weight, digits, weights):
    y = digits[1]
    by_class = class_weights_of(class_weight, np.arange(10), y, weights.astype(float))
    weighted = copy.deepcopy(model).set_params(class_weight=class_weight).fit(*digits, sample_weight=weights)
    assert_alike(weighted, copy.deepcopy(model).fit(*digits, sample_weight=weights * by_class[y]))


def test_a_class_that_counts_for_nothing_is_never_predicted(digits):
    model = MLP(epochs=60, random_state=0, learning_rate=0.1, class_weight={4: 0}).fit(*digits)
    assert set(model.predict(digits[0])) == set(range(10)) - {4}


@pytest.mark.parametrize("labels", [np.array([*"abcdefghij"]), 3 * np.arange(10)])
def test_classes_are_named_by_their_labels_and_survive_a_file(labels, digits, tmp_path):
    label = labels.tolist()[2]
    model = MLP(epochs=1, class_weight={label: 2.0}).fit(digits[0], labels[digits[1]])
    model.save(tmp_path / "model")
    assert load_model(tmp_path / "model").class_weight == {label: 2.0}


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("balance", "class_weight must be None, 'balanced' or a weight for each class, got 'balance'"),
        (3, "class_weight must be None, 'balanced' or a weight for each class, got 3"),
        ({11: 1.0}, "class_weight has a class that the training data lacks: 11"),
        ({1: -1.0}, "a weight of class_weight must be a number from 0 to 1e[+]12, got -1.0"),
        ({1: float("nan")}, "a weight of class_weight must be a number from 0 to 1e[+]12, got nan"),
        (dict.fromkeys(range(10), 0), "weights of the images that are trained on are all 0: give some of them more"),
    ],
)
def test_weights_of_classes_that_are_not_valid_are_named(model, class_weight, message, digits):
    with pytest.raises(InvalidSetting, match=message):
        model.set_params(class_weight=class_weight).fit(*digits)


# --- Where weights may be given


@pytest.mark.parametrize("bad", [np.ones(599), np.full(600, np.nan), -np.ones(600), np.zeros(600), np.ones((600, 2))])
def test_weights_that_are_not_valid_are_refused(model, bad, digits):
    with pytest.raises(ValueError, match="weight"):
        model.fit(*digits, sample_weight=bad)


def test_a_part_that_is_held_out_takes_its_weights_along(model, digits, weights):
    model.set_params(validation_fraction=0.25)
    other = copy.deepcopy(model).fit(*digits, sample_weight=weights)
    images = WeightedImages(*digits, weights.astype(float))
    kept, held_out = hold_out(images, 0.25, np.random.RandomState(0))
    assert isinstance(kept, WeightedImages)
    pairs = {(image.tobytes(), weight) for image, weight in zip(digits[0], weights.tolist(), strict=True)}
    assert {(image.tobytes(), weight) for image, weight in zip(kept.X, kept.weights, strict=True)} <= pairs
    assert not isinstance(held_out, WeightedImages)
    assert len(other.history_) == 3


def test_partial_fit_and_warm_start_heed_weights(model, digits, weights):
    straight = copy.deepcopy(model).set_params(epochs=2).fit(*digits, sample_weight=weights)
    warm = copy.deepcopy(model).set_params(epochs=1, warm_start=True)
    assert_alike(warm.fit(*digits, sample_weight=weights).fit(*digits, sample_weight=weights), straight)
    model.partial_fit(*digits, classes=range(10), sample_weight=weights).partial_fit(*digits, sample_weight=weights)
    assert_alike(model, straight)


def test_partial_fit_cannot_balance_classes(model, digits):
    with pytest.raises(InvalidSetting, match="partial_fit cannot balance the classes, .*set class_weight"):
        model.set_params(class_weight="balanced").partial_fit(*digits, classes=range(10))


def test_the_range_test_heeds_weights_of_classes(model, digits):
    ends = [model.set_params(class_weight=each).learning_rate_range(*digits, n_steps=20) for each in (None, {0: 50.0})]
    assert ends[0].losses[0] == pytest.approx(ends[1].losses[0], rel=1e-5)
    assert ends[0].losses[:20].tolist() != ends[1].losses[:20].tolist()


def test_a_model_that_cannot_weight_images_says_so(digits, monkeypatch):
    monkeypatch.setattr(MLP, "_TAKES_WEIGHTS", False)
    with pytest.raises(InvalidSetting, match="MLP cannot weight images: leave out sample_weight, class_weight"):
        MLP().fit(*digits, sample_weight=np.ones(600))


def test_relative_weights_have_a_mean_of_one():
    X, y = np.zeros((3, 1)), np.zeros(3, dtype=np.int64)
    assert relative_weights(LabelledImages(X, y)) is None
    assert relative_weights(WeightedImages(X, y, np.array([1.0, 2.0, 6.0]))).tolist() == pytest.approx(
        [1 / 3, 2 / 3, 2]
    )
    assert check_sample_weight(None, X) is None


def test_adaboost_boosts_the_estimators(digits):
    X, y = digits
    weak = MLP(hidden_units=(6,), epochs=12, learning_rate=0.05, momentum=0.9, random_state=0)
    assert has_fit_parameter(weak, "sample_weight")
    boosted = AdaBoostClassifier(weak, n_estimators=5, random_state=0).fit(X[:450], y[:450])
    assert len(boosted.estimators_) == 5
    assert boosted.score(X[450:], y[450:]) > weak.fit(X[:450], y[:450]).score(X[450:], y[450:])
