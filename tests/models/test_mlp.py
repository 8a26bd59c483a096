from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from digitcore.errors import InvalidSetting
from digitcore.models import MLP, SoftmaxRegression
from digitcore.models.hyperparameters import OPTIMIZERS
from digitcore.models.numpy_optimizers import make_optimizer
from digitcore.models.softmax import cross_entropy, softmax


class PlainMLP:
    """A network with two hidden layers in plain NumPy, float32: what the estimator is held against."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.layers = [
            (weights[f"{name}.weight"].copy(), weights[f"{name}.bias"].copy())
            for name in ("dense_1", "dense_2", "output")
        ]

    def activations(self, X: np.ndarray) -> list[np.ndarray]:
        values = [X]
        for number, (weight, bias) in enumerate(self.layers):
            sums = values[-1] @ weight.T + bias
            values.append(sums if number == 2 else np.maximum(sums, 0))
        return values

    def loss(self, X: np.ndarray, y: np.ndarray) -> float:
        return cross_entropy(self.activations(X)[-1], y)

    def gradients(self, X: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        """Weight and bias of each layer, first to last."""
        values = self.activations(X)
        error = (softmax(values[-1]) - np.eye(10, dtype=X.dtype)[y]) / len(y)
        found = []
        for (weight, _), value in zip(reversed(self.layers), reversed(values[:-1]), strict=True):
            found = [error.T @ value, error.sum(axis=0), *found]
            error = (error @ weight) * (value > 0)
        return found


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ten_steps_are_those_of_plain_numpy(optimizer, digits):
    X, y = digits
    settings = {"learning_rate": 0.01, "momentum": 0.5, "rho": 0.9, "epsilon": 1e-4}
    model = MLP(epochs=10, batch_size=None, optimizer=optimizer, random_state=0, **settings)
    epochs = model.iter_fit(X, y)
    plain = PlainMLP(model.get_weights())
    step = make_optimizer(optimizer, [array for layer in plain.layers for array in layer], **settings).step
    for epoch in epochs:
        assert epoch.train_loss == pytest.approx(plain.loss(X, y), rel=1e-5)
        step(plain.gradients(X, y))
    for name, (weight, bias) in zip(("dense_1", "dense_2", "output"), plain.layers, strict=True):
        np.testing.assert_allclose(model.get_weights()[f"{name}.weight"], weight, atol=1e-5)
        np.testing.assert_allclose(model.get_weights()[f"{name}.bias"], bias, atol=1e-5)
    assert epoch.number == 10


def test_without_hidden_layers_it_is_a_softmax_regression(digits):
    X, y = digits
    mlp = MLP(hidden_units=(), epochs=5, batch_size=None, learning_rate=0.1, random_state=0)
    epochs = mlp.iter_fit(X, y)
    # The same start: the softmax regression's zeros.
    for weights in mlp.module_.parameters():
        weights.data.zero_()
    list(epochs)
    expected = SoftmaxRegression(epochs=5, batch_size=None, learning_rate=0.1).fit(X, y)
    np.testing.assert_allclose(mlp.get_weights()["output.weight"], expected.coef_, atol=1e-6)


def test_initial_bias_is_where_the_biases_start(digits):
    model = MLP(initialization="xavier", initial_bias=0.25)
    model.iter_fit(*digits)
    biases = [array for name, array in model.get_weights().items() if name.endswith("bias")]
    assert [set(array.tolist()) for array in biases] == [{0.25}] * 3


def test_hidden_units_may_be_text(digits):
    model = MLP(hidden_units="20-10", epochs=1).fit(*digits)
    assert model.hidden_units == "20-10"
    assert model.get_weights()["dense_2.weight"].shape == (10, 20)


def test_hidden_layers_learn_what_no_line_separates():
    X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    model = MLP(hidden_units=(16,), epochs=500, batch_size=None, learning_rate=0.5, random_state=0)
    assert model.fit(X, y).predict(X).tolist() == y


def test_published_training_on_the_digits_gets_the_published_accuracy():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=42)
    settings = {"epochs": 1001, "batch_size": None, "learning_rate": 0.01}
    model = MLP(initialization="xavier", initial_bias=0.01, random_state=0, **settings)
    # 94.7 % without a seed; seeds differ by up to three points.
    assert model.fit(X, y).score(X_test, y_test) == pytest.approx(0.947, abs=0.03)


@pytest.mark.parametrize(("scale", "low", "high"), [(0.1, 0.0, 1e-2), (10.0, 1e2, np.inf)])
def test_gradients_vanish_and_explode_with_the_scale_of_the_initial_weights(digits, scale, low, high):
    def first_gradient(**settings):
        model = MLP(hidden_units=(16,) * 4, initialization="he", random_state=0, **settings)
        model.iter_fit(*digits)
        return np.abs(model.weight_gradients(*digits)["dense_1.weight"]).mean()

    assert low < first_gradient(weight_scale=scale) / first_gradient() < high


def test_an_activation_that_is_unknown_is_refused(digits):
    with pytest.raises(InvalidSetting, match=r"activation must be one of 'relu', .* got 'tan'. Did you mean 'tanh'\?"):
        MLP(activation="tan").fit(*digits)
