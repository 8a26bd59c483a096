from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from digitcore.errors import DivergedError
from digitcore.models import SoftmaxRegression
from digitcore.models.hyperparameters import OPTIMIZERS
from digitcore.models.softmax import cross_entropy, gradient, softmax


def test_softmax_of_a_row_worked_out_by_hand():
    assert softmax(np.log([[1.0, 2.0, 5.0]])) == pytest.approx(np.array([[0.125, 0.25, 0.625]]))


def test_softmax_of_huge_logits_is_finite():
    assert softmax(np.array([[1e4, 1e4, -1e4]])).tolist() == [[0.5, 0.5, 0.0]]


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_number_of_classes():
    assert cross_entropy(np.zeros((4, 10)), np.array([0, 3, 9, 9])) == pytest.approx(math.log(10))


def test_cross_entropy_of_logits_worked_out_by_hand():
    logits = np.log([[1.0, 3.0], [4.0, 1.0]])
    assert cross_entropy(logits, np.array([0, 0])) == pytest.approx((math.log(4) + math.log(5 / 4)) / 2)


def test_cross_entropy_of_huge_logits_is_finite():
    assert cross_entropy(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4)


@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_gradient_is_that_of_finite_differences(n_classes, rng):
    X, y = rng.normal(size=(7, 4)), rng.integers(n_classes, size=7)
    coef, intercept = rng.normal(size=(n_classes, 4)), rng.normal(size=n_classes)

    def loss() -> float:
        return cross_entropy(X @ coef.T + intercept, y)

    for array, exact in zip((coef, intercept), gradient(coef, intercept, X, y), strict=True):
        assert exact.shape == array.shape
        for place in np.ndindex(array.shape):
            assert exact[place] == pytest.approx(_central_difference(loss, array, place), abs=1e-8)


def _central_difference(loss, array: np.ndarray, place: tuple[int, ...], step: float = 1e-5) -> float:
    before = array[place]
    array[place] = before + step
    above = loss()
    array[place] = before - step
    below = loss()
    array[place] = before
    return (above - below) / (2 * step)


def test_optimum_is_that_of_logistic_regression(rng):
    y = np.arange(150) % 3
    # Classes that overlap: otherwise the weights of the optimum would be infinite.
    X = rng.normal(size=(150, 2)) + np.array([[0, 0], [1, 1], [2, -1]])[y]
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(X, y)
    model = SoftmaxRegression(epochs=1000, batch_size=None, learning_rate=0.5, momentum=0.9).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    coef = expected.coef_ - expected.coef_.mean(axis=0)
    np.testing.assert_allclose(model.coef_ - model.coef_.mean(axis=0), coef, atol=1e-4)


def test_first_full_batch_step_from_zero_is_the_one_worked_out_by_hand():
    model = SoftmaxRegression(epochs=1, batch_size=None, learning_rate=0.5).fit([[2.0], [4.0]], [0, 1])
    # All probabilities are 1/2: class 0 has the gradient (-1/2 * 2 + 1/2 * 4) / 2 = 1/2 in its weight, 0 in its bias.
    assert model.coef_.tolist() == [[-0.25], [0.25]]
    assert model.intercept_.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_that_of_the_images(dtype, digits):
    X, y = digits
    model = SoftmaxRegression(epochs=1, random_state=0).fit(X.astype(dtype), y)
    assert {model.coef_.dtype, model.intercept_.dtype, model.predict_proba(X.astype(dtype)).dtype} == {np.dtype(dtype)}


def test_epoch_tells_of_all_training_images_after_its_updates(digits):
    X, y = digits
    model = SoftmaxRegression(epochs=3, random_state=0)
    for epoch in model.iter_fit(X, y, (X[:50], y[:50])):
        truth = model.predict_proba(X)[np.arange(len(y)), y].astype(float)
        assert epoch.train_loss == pytest.approx(-np.log(truth).mean(), rel=1e-5)
        assert epoch.train_accuracy == pytest.approx(model.score(X, y))
        assert epoch.validation_loss == pytest.approx(-np.log(truth[:50]).mean(), rel=1e-5)
        assert epoch.validation_accuracy == pytest.approx(model.score(X[:50], y[:50]))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns_the_digits(optimizer, digits):
    X, y = digits
    rate = {"sgd": 0.1, "adagrad": 0.1}.get(optimizer, 0.02)
    model = SoftmaxRegression(epochs=10, learning_rate=rate, optimizer=optimizer, random_state=0)
    assert model.fit(X[:450], y[:450]).score(X[450:], y[450:]) > 0.8


def test_momentum_changes_the_training(digits):
    X, y = digits
    losses = [
        SoftmaxRegression(epochs=3, momentum=momentum, random_state=0).fit(X, y).history_[-1].train_loss
        for momentum in (0.0, 0.9)
    ]
    assert losses[1] < losses[0] - 0.1


def test_two_classes_have_two_rows_of_weights():
    model = SoftmaxRegression(epochs=50, batch_size=None, learning_rate=1.0).fit([[0.0], [1.0]], ["no", "yes"])
    assert model.coef_.shape == (2, 1)
    assert model.predict([[0.0], [1.0]]).tolist() == ["no", "yes"]


def test_one_class_is_certain():
    model = SoftmaxRegression(epochs=2).fit([[0.0], [1.0]], [7, 7])
    assert model.predict_proba([[5.0]]).tolist() == [[1.0]]
    assert model.predict([[5.0]]).tolist() == [7]


def test_last_smaller_batch_is_used(rng):
    X, y = rng.normal(size=(5, 2)), np.array([0, 1, 0, 1, 1])
    model = SoftmaxRegression(epochs=1, batch_size=2, learning_rate=0.1, random_state=4).fit(X, y)
    order = np.random.RandomState(4).permutation(5)
    coef, intercept = np.zeros((2, 2)), np.zeros(2)
    for rows in (order[:2], order[2:4], order[4:]):
        steps = gradient(coef, intercept, X[rows], y[rows])
        coef, intercept = coef - 0.1 * steps[0], intercept - 0.1 * steps[1]
    np.testing.assert_allclose(model.coef_, coef, atol=1e-14)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-14)


def test_batch_above_the_number_of_images_is_the_full_batch(digits):
    weights = [SoftmaxRegression(epochs=2, batch_size=size).fit(*digits).coef_ for size in (None, 600, 1000)]
    assert np.array_equal(weights[0], weights[1])
    assert np.array_equal(weights[0], weights[2])


def test_same_seed_gives_the_same_bits(digits):
    first, second, other = (SoftmaxRegression(epochs=2, random_state=seed).fit(*digits).coef_ for seed in (5, 5, 6))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.filterwarnings("error")
def test_overflow_is_a_diverged_training_without_warnings():
    X = np.array([[1e200], [-2e200]])
    with pytest.raises(DivergedError, match="diverged in epoch 1"):
        SoftmaxRegression(epochs=5, batch_size=None).fit(X, [0, 1])
