"""warm_start and partial_fit: several calls that together are one training."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from digitcore.errors import DivergedError, InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.base import EpochClassifier
from digitcore.models.torch_backend.autograd import AcceleratorTraining
from digitcore.models.torch_backend.network import NetworkTraining

SETTINGS = dict(optimizer="adam", learning_rate=0.01, batch_size=50, random_state=0)
MODELS = {
    "softmax": SoftmaxRegression(**SETTINGS),
    "mlp": MLP(hidden_units=(20, 12), dropout=0.3, **SETTINGS),
    "cnn": CNN(channels=(4,), hidden_units=(9,), **SETTINGS),
}


@pytest.fixture(params=MODELS)
def model(request) -> EpochClassifier:
    return copy.deepcopy(MODELS[request.param])


def fresh(model: EpochClassifier, **settings) -> EpochClassifier:
    return copy.deepcopy(model).set_params(**settings)


def assert_same(one: EpochClassifier, other: EpochClassifier) -> None:
    assert [epoch.train_loss for epoch in one.history_] == [epoch.train_loss for epoch in other.history_]
    assert [epoch.number for epoch in one.history_] == [epoch.number for epoch in other.history_]
    assert one.n_iter_ == other.n_iter_
    others = other.get_weights()
    for name, weights in one.get_weights().items():
        np.testing.assert_array_equal(weights, others[name], err_msg=name, strict=True)


# --- warm_start


@pytest.mark.parametrize(
    "optimizer", [{"optimizer": "sgd"}, {"optimizer": "sgd", "momentum": 0.9}, {}, {"patience": 9}]
)
def test_two_fits_with_warm_start_are_one_longer_fit(model, digits, optimizer):
    straight = fresh(model, epochs=5, **optimizer).fit(*digits)
    warm = fresh(model, warm_start=True, epochs=2, **optimizer).fit(*digits)
    assert warm.set_params(epochs=3).fit(*digits) is warm
    assert_same(warm, straight)


def test_without_warm_start_the_next_fit_starts_anew(model, digits):
    model.set_params(epochs=2).fit(*digits)
    first = model.get_weights()
    assert model.fit(*digits).n_iter_ == 2
    assert all(np.array_equal(first[name], weights) for name, weights in model.get_weights().items())


def test_warm_start_survives_a_pickle(model, digits):
    straight = fresh(model, epochs=4).fit(*digits)
    warm = fresh(model, warm_start=True, epochs=2).fit(*digits)
    assert_same(pickle.loads(pickle.dumps(warm)).fit(*digits), straight)


def test_warm_start_goes_on_with_another_optimizer_and_learning_rate(model, digits):
    model.set_params(warm_start=True, epochs=3).fit(*digits)
    loss = model.history_[-1].train_loss
    model.set_params(optimizer="sgd", momentum=0.5, learning_rate=1e-4, epochs=1).fit(*digits)
    assert model.history_[-1].train_loss == pytest.approx(loss, rel=0.1)


def test_patience_counts_the_epochs_of_the_last_fit_alone(digits):
    X, y = digits
    model = fresh(MODELS["softmax"], warm_start=True, epochs=300, patience=2, learning_rate=0.05)
    for n_before in (0, model.fit(X[:300], y[:300], (X[400:], y[400:])).n_iter_):
        model.fit(X[:300], y[:300], (X[400:], y[400:]))
        assert n_before < model.best_epoch_ == model.n_iter_ - 2
        assert model.score(X[400:], y[400:]) == model.history_[model.best_epoch_ - 1].validation_accuracy


def test_restored_weights_are_trained_on_with_warm_start(model, digits):
    trained = fresh(model, epochs=3).fit(*digits)
    restored = fresh(model, warm_start=True, epochs=1)
    restored.restore(trained.get_weights(), classes=trained.classes_, n_features=64)
    restored.fit(*digits)
    assert restored.n_iter_ == 1
    assert restored.history_[0].train_loss < trained.history_[0].train_loss


def test_layers_of_another_size_cannot_go_on_and_leave_the_estimator_as_it_was(digits):
    model = fresh(MODELS["mlp"], warm_start=True, epochs=1).fit(*digits)
    before = model.predict_proba(digits[0])
    with pytest.raises(
        InvalidSetting,
        match=r"cannot go on \(.*shape \(7, 64\), got \(20, 64\)\): set them back, or .*warm_start=False",
    ):
        model.set_params(hidden_units=(7, 12)).fit(*digits)
    np.testing.assert_array_equal(model.set_params(hidden_units=(20, 12)).predict_proba(digits[0]), before)


def test_data_that_a_warm_start_refuses_leaves_the_estimator_as_it_was(model, digits):
    X, y = digits
    model.set_params(warm_start=True, epochs=1).fit(X, y)
    before = model.predict_proba(X)
    for images, labels in ((X[:, 1:], y), (X, y + 1), (X * np.nan, y)):
        with pytest.raises(ValueError):
            model.fit(images, labels)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.n_iter_ == 1


def test_labels_that_the_first_training_lacked_are_named(model, digits):
    model.set_params(warm_start=True, epochs=1).fit(*digits)
    with pytest.raises(
        InvalidSetting, match="y has classes that the training data lacks: 10; leave these out, or train"
    ):
        model.fit(digits[0], digits[1] + 1)


def test_warm_start_must_be_true_or_false(model, digits):
    with pytest.raises(InvalidSetting, match="warm_start must be True or False, got 'yes'"):
        model.set_params(warm_start="yes").fit(*digits)


def test_a_warm_started_training_has_no_checkpoint(model, digits):
    model.set_params(warm_start=True, epochs=1).fit(*digits)
    epochs = model.iter_fit(*digits)
    next(epochs)
    with pytest.raises(InvalidSetting, match="goes on from an earlier one has no checkpoints: set warm_start to False"):
        model.checkpoint()


# --- partial_fit


def test_calls_of_partial_fit_are_the_epochs_of_a_fit(model, digits):
    X, y = digits
    straight = fresh(model, epochs=3).fit(X, y)
    model.partial_fit(X, y, classes=straight.classes_).partial_fit(X, y).partial_fit(X, y, straight.classes_)
    assert_same(model, straight)


def test_partial_fit_learns_from_parts_of_the_images_in_turn(model, digits):
    X, y = digits
    model.set_params(learning_rate=0.02, batch_size=20)
    for number in range(30):
        rows = slice(300 * (number % 2), 300 * (number % 2) + 300)
        model.partial_fit(X[rows], y[rows], classes=range(10))
    assert model.n_iter_ == 30
    assert model.score(X, y) > 0.8


def test_partial_fit_knows_classes_that_come_later(digits):
    X, y = digits
    model = fresh(MODELS["softmax"]).partial_fit(X[y < 5], y[y < 5], classes=np.arange(10))
    assert model.predict_proba(X).shape == (600, 10)
    for _ in range(20):
        model.partial_fit(X[y >= 5], y[y >= 5])
    assert set(model.predict(X)) >= set(range(5, 10))


def test_partial_fit_goes_on_from_a_fit(model, digits):
    model.set_params(epochs=5).fit(*digits)
    loss = model.history_[-1].train_loss
    model.partial_fit(*digits)
    assert model.n_iter_ == len(model.history_) == model.best_epoch_ == 6
    assert model.history_[-1].train_loss < 1.1 * loss


def test_partial_fit_does_not_stop_early_or_hold_images_out(model, digits):
    model.set_params(patience=1, validation_fraction=0.5)
    for _ in range(3):
        model.partial_fit(*digits, classes=range(10))
    assert model.n_iter_ == 3
    assert model.history_[-1].validation_accuracy is None


def test_the_first_call_needs_the_classes(model, digits):
    with pytest.raises(
        InvalidSetting, match=r"first call of partial_fit needs every label as classes, such as np.unique"
    ):
        model.partial_fit(*digits)


def test_later_calls_may_not_change_the_classes(model, digits):
    model.partial_fit(*digits, classes=range(10))
    with pytest.raises(
        InvalidSetting, match=r"classes must be those of the first call, \[0, .*9\], or None, got \[0, 1\]"
    ):
        model.partial_fit(*digits, classes=[0, 1])


def test_labels_beside_the_classes_are_named(model, digits):
    with pytest.raises(InvalidSetting, match="y has classes that the training data lacks: 8, 9; leave these out"):
        model.partial_fit(*digits, classes=range(8))


def test_a_diverged_call_leaves_no_weights_and_the_next_is_a_first_one(model, digits):
    X, y = digits
    model.set_params(optimizer="sgd").partial_fit(X, y, classes=range(10))
    with pytest.raises(DivergedError, match="epoch 2"):
        model.set_params(learning_rate=1000.0).partial_fit((X - 0.5) * np.float32(1e37), y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(InvalidSetting, match="first call"):
        model.partial_fit(X, y)
    assert model.set_params(learning_rate=0.1).partial_fit(X, y, classes=range(10)).n_iter_ == 1


@pytest.mark.parametrize("settings", [{"warm_start": True}, {}])
def test_an_accelerator_is_refused_before_anything_is_trained(settings, digits, monkeypatch):
    def on_accelerator(self, layers, train, held_out, settings, random_state):
        self._build(layers)
        return object.__new__(AcceleratorTraining)

    monkeypatch.setattr(MLP, "_start_training", on_accelerator)
    model = MLP(**settings)
    with pytest.raises(InvalidSetting, match='set device to "cpu"'):
        model.fit(*digits) if settings else model.partial_fit(*digits, classes=range(10))
    assert not hasattr(model, "module_")


@pytest.mark.parametrize("settings", [{"warm_start": True}, {}])
def test_a_model_whose_training_cannot_go_on_says_what_it_lacks(digits, settings, monkeypatch):
    monkeypatch.delattr(NetworkTraining, "state")
    model = MLP(epochs=1, random_state=0, **settings)
    train = model.fit if settings else model.partial_fit
    more = {} if settings else {"classes": np.unique(digits[1])}
    with pytest.raises(InvalidSetting, match=r"NetworkTraining has no methods state\(\) and load_state\(\)") as told:
        train(*digits, **more)
    assert "device" not in str(told.value)
