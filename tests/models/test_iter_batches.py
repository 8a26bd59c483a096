"""A training that is followed batch by batch is the one that fit does."""

import numpy as np
import pytest

from digitcore.errors import DivergedError, InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression

SETTINGS = [
    (SoftmaxRegression, {"learning_rate": 0.1}),
    (SoftmaxRegression, {"learning_rate": 0.1, "optimizer": "adam", "schedule": "one_cycle", "max_norm": 0.5}),
    (SoftmaxRegression, {"batch_size": None, "label_smoothing": 0.1}),
    (SoftmaxRegression, {"augment_shift": 0.1}),
    (MLP, {"hidden_units": (16,), "momentum": 0.9}),
    (MLP, {"hidden_units": (300, 16), "dropout": 0.25, "optimizer": "rmsprop", "schedule": "cosine"}),
    (MLP, {"hidden_units": (16,), "activation": "tanh", "augment_rotation": 10.0}),
    (SoftmaxRegression, {"hard_fraction": 0.3}),
    (MLP, {"hidden_units": (300,), "hard_fraction": 0.3, "augment_shift": 0.1}),
    (CNN, {"learning_rate": 0.05, "dropout": 0.1}),
]


@pytest.fixture(scope="module")
def images(digits):
    X, y = digits
    return X[:250].astype(np.float32), y[:250]


def made(kind, settings, **others):
    given = {"epochs": 3, "random_state": 5, **settings, **others}
    return kind(**given) if kind is SoftmaxRegression else kind(device="cpu", **given)


def shaped(kind, X):
    return X.reshape(-1, 8, 8) if kind is CNN else X


@pytest.mark.parametrize(("kind", "settings"), SETTINGS)
def test_the_weights_are_those_of_fit_bit_by_bit(images, kind, settings):
    X, y = images
    whole = made(kind, settings).fit(shaped(kind, X), y)
    stepped = made(kind, settings)
    for batch in stepped.iter_batches(shaped(kind, X), y):
        # Looking at the model on its way changes nothing.
        stepped.predict_proba(batch.X)
        stepped.weight_gradients(batch.X, batch.y)
    for name, weights in whole.get_weights().items():
        np.testing.assert_array_equal(stepped.get_weights()[name], weights)


def test_the_first_batch_comes_before_any_update(images):
    model = SoftmaxRegression(epochs=1, random_state=0)
    batches = model.iter_batches(*images)
    next(batches)
    assert not model.get_weights()["output.weight"].any()
    next(batches)
    assert model.get_weights()["output.weight"].any()


def test_an_update_of_plain_gradient_descent_is_the_rate_times_the_gradient(images):
    model = MLP(hidden_units=(8,), epochs=1, learning_rate=0.3, random_state=1, device="cpu")
    batches = model.iter_batches(*images)
    for _ in range(3):
        batch = next(batches)
        gradients = model.weight_gradients(batch.X, batch.y)
        before = model.get_weights()
        next_batch = next(batches)
        after = model.get_weights()
        for name, gradient in gradients.items():
            np.testing.assert_allclose(after[name], before[name] - 0.3 * gradient, atol=1e-6)
        assert next_batch.number == batch.number + 1


def test_every_image_is_in_one_batch_of_each_epoch_and_the_batches_are_counted(images):
    X, y = images
    batches = [
        (batch.epoch, batch.number, batch.n_batches, batch.X.copy(), batch.y.copy())
        for batch in SoftmaxRegression(epochs=2, batch_size=100, random_state=0).iter_batches(X, y)
    ]
    assert [each[:3] for each in batches] == [(1, 1, 3), (1, 2, 3), (1, 3, 3), (2, 1, 3), (2, 2, 3), (2, 3, 3)]
    for epoch in (batches[:3], batches[3:]):
        seen = np.concatenate([each[3] for each in epoch])
        labels = np.concatenate([each[4] for each in epoch])
        order, expected = np.lexsort(seen.T), np.lexsort(X.T)
        np.testing.assert_array_equal(seen[order], X[expected])
        assert sorted(labels) == sorted(y)


def test_the_learning_rate_is_the_schedules(images):
    model = SoftmaxRegression(epochs=4, batch_size=125, schedule="step", step_epochs=2, learning_rate=1.0)
    rates = [batch.learning_rate for batch in model.iter_batches(*images)]
    assert rates == pytest.approx([1.0] * 4 + [0.1] * 4)


def test_labels_may_be_of_any_kind(images):
    X, y = images
    names = np.array([f"digit {label}" for label in y])
    batch = next(SoftmaxRegression(epochs=1).iter_batches(X, names))
    assert set(batch.y) <= set(names)


def test_weights_that_are_not_finite_end_it(images):
    X, y = images
    model = SoftmaxRegression(learning_rate=1000.0, epochs=20, random_state=0)
    with pytest.raises(DivergedError):
        list(model.iter_batches(np.float32(1e37) * X, y))
    assert not model.__sklearn_is_fitted__()


def test_a_training_without_batches_says_so(images):
    class Other(SoftmaxRegression):
        def _start_training(self, *given):
            training = super()._start_training(*given)
            training.batches = super(type(training), training).batches
            return training

    with pytest.raises(InvalidSetting, match="not batch by batch: SoftmaxTraining has no"):
        Other().iter_batches(*images)
