"""Gradients by the weights, and hidden values, of every model."""

import copy

import numpy as np
import pytest
import torch

from digitcore.errors import InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression

MODELS = {
    "softmax": SoftmaxRegression(epochs=2, learning_rate=0.1),
    "mlp": MLP(hidden_units=(12, 7), dropout=0.3, epochs=2, learning_rate=0.1, random_state=0),
    "cnn": CNN(channels=(4, 3), kernel_size=2, hidden_units=(8,), epochs=2, learning_rate=0.1, random_state=0),
}


def trained(name, digits):
    return copy.deepcopy(MODELS[name]).fit(*digits)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_those_of_finite_differences(name, digits, rng):
    model, X, y = trained(name, digits), digits[0][:50], digits[1][:50]
    gradients, weights = model.weight_gradients(X, y), model.get_weights()
    assert {key: values.shape for key, values in gradients.items()} == {
        key: values.shape for key, values in weights.items()
    }

    def loss(changed):
        other = copy.deepcopy(MODELS[name]).restore(changed, classes=range(10), n_features=64)
        return -np.log(other.predict_proba(X).astype(np.float64)[np.arange(len(y)), y]).mean()

    for key, values in weights.items():
        place, step = tuple(rng.integers(0, side) for side in values.shape), 2e-3
        above, below = ({**weights, key: values.copy()} for _ in range(2))
        above[key][place] += step
        below[key][place] -= step
        assert gradients[key][place] == pytest.approx((loss(above) - loss(below)) / (2 * step), abs=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_looking_changes_nothing(name, digits):
    model = trained(name, digits)
    before = model.get_weights()
    model.weight_gradients(*digits)
    model.activations(digits[0])
    assert all(np.array_equal(values, before[key]) for key, values in model.get_weights().items())
    assert name == "softmax" or all(weights.grad is None for weights in model.module_.parameters())


def test_labels_must_be_known_classes(digits):
    with pytest.raises(InvalidSetting, match="has classes that the training data lacks: 11"):
        trained("softmax", digits).weight_gradients(digits[0][:1], [11])


def test_softmax_regression_has_no_hidden_layer(digits):
    assert trained("softmax", digits).activations(digits[0]) == {}


def test_the_mlps_hidden_values_are_its_formula(digits):
    model, X = trained("mlp", digits), digits[0][:9]
    weights, values = model.get_weights(), model.activations(X)
    first = np.maximum(X @ weights["dense_1.weight"].T + weights["dense_1.bias"], 0)
    second = np.maximum(first @ weights["dense_2.weight"].T + weights["dense_2.bias"], 0)
    assert list(values) == ["dense_1", "dense_2"]
    np.testing.assert_allclose(values["dense_1"], first, atol=1e-5)
    np.testing.assert_allclose(values["dense_2"], second, atol=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_with_another_activation_gradients_and_answers_follow_from_it(name, activation, digits):
    X, y = digits[0][:9], digits[1][:9]
    model = copy.deepcopy(MODELS[name]).set_params(activation=activation).fit(*digits)
    values = model.activations(X)
    assert min(layer.min() for layer in values.values()) < 0
    weights = model.get_weights()
    *_, last = values.values()
    logits = torch.from_numpy(last @ weights["output.weight"].T + weights["output.bias"])
    np.testing.assert_allclose(model.predict_proba(X), logits.softmax(dim=1).numpy(), atol=1e-5)
    # The gradient of the output's bias is the mean of probabilities minus truth.
    expected = (model.predict_proba(X) - np.eye(10)[y]).mean(axis=0)
    np.testing.assert_allclose(model.weight_gradients(X, y)["output.bias"], expected, atol=1e-5)


def test_the_cnns_hidden_values_have_their_channels_last_and_lead_to_its_answer(digits):
    model, X = trained("cnn", digits), digits[0][:9]
    weights, values = model.get_weights(), model.activations(X)
    assert {name: maps.shape for name, maps in values.items()} == {
        "conv_1": (9, 7, 7, 4),
        "pool_1": (9, 3, 3, 4),
        "conv_2": (9, 2, 2, 3),
        "pool_2": (9, 1, 1, 3),
        "dense_1": (9, 8),
    }
    conv = torch.nn.functional.conv2d(
        torch.from_numpy(X.reshape(9, 1, 8, 8).copy()),
        *(torch.from_numpy(weights[f"conv_1.{part}"]) for part in ("weight", "bias")),
    ).relu()
    np.testing.assert_allclose(np.moveaxis(values["conv_1"], -1, 1), conv.numpy(), atol=1e-5)
    logits = values["dense_1"] @ weights["output.weight"].T + weights["output.bias"]
    assert (logits.argmax(axis=1) == model.predict(X)).all()
