import numpy as np
import pytest

from digitcore.insight.weighted_sums import layer_sums, softmax_table
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.softmax import cross_entropy


def sums_of(model, x):
    hidden = (
        {name: values[0] for name, values in model.activations(x[None]).items()}
        if model.MODEL_NAME != "softmax"
        else {}
    )
    return layer_sums(model.get_weights(), hidden, model.predict_proba(x[None])[0], x)


@pytest.fixture(scope="module")
def images(digits):
    X, y = digits
    return X[:200].astype(np.float32), y[:200]


def test_each_layer_is_the_activation_of_its_weighted_sums(images):
    X, y = images
    model = MLP(hidden_units=(12, 7), epochs=2, random_state=0, device="cpu").fit(X, y)
    first, second, output = sums_of(model, X[3])
    assert [first.layer, second.layer, output.layer] == ["dense_1", "dense_2", "output"]
    assert [first.before, second.before, output.before] == ["", "dense_1", "dense_2"]
    for each in (first, second):
        np.testing.assert_allclose(np.maximum(each.sums, 0), each.values, atol=1e-5)
    np.testing.assert_array_equal(first.inputs, X[3])
    np.testing.assert_array_equal(second.inputs, first.values)
    probabilities = softmax_table(output.sums, range(10))["probability"]
    np.testing.assert_allclose(probabilities, model.predict_proba(X[3:4])[0], atol=1e-5)


def test_softmax_regression_has_one_layer(images):
    X, y = images
    (output,) = sums_of(SoftmaxRegression(epochs=1, random_state=0).fit(X, y), X[0])
    assert output.weights.shape == (10, 64)


def test_of_a_network_of_filters_there_are_the_dense_layers_behind_the_first(images):
    X, y = images
    settings = {"epochs": 1, "random_state": 0, "device": "cpu", "image_shape": (8, 8)}
    model = CNN(hidden_units=(12,), **settings).fit(X.reshape(-1, 8, 8), y)
    (output,) = sums_of(model, X[0])
    assert output.before == "dense_1"
    np.testing.assert_allclose(softmax_table(output.sums, range(10))["probability"], output.values, atol=1e-5)
    assert sums_of(CNN(hidden_units=(), **settings).fit(X.reshape(-1, 8, 8), y), X[0]) == []


def test_products_and_bias_add_up_to_the_sum(images):
    X, y = images
    layer = sums_of(SoftmaxRegression(epochs=1, random_state=0).fit(X, y), X[0])[0]
    table = layer.products_table(4)
    assert table["product"].sum() + layer.bias[4] == pytest.approx(layer.sums[4])
    assert table["product"].abs().is_monotonic_decreasing
    assert (table["value"] * table["weight"]).tolist() == pytest.approx(table["product"].tolist())
    assert sorted(table["input"]) == list(range(64))


def test_the_softmax_in_three_steps():
    table = softmax_table(np.array([1.0, 3.0, 2.0]), ["a", "b", "c"])
    assert table["exponential"].tolist() == pytest.approx([np.exp(-2), 1, np.exp(-1)])
    assert table["probability"].tolist() == pytest.approx([0.09003057, 0.66524096, 0.24472847])
    assert table["name"].tolist() == ["a", "b", "c"]


def test_the_loss_is_minus_the_logarithm_of_the_share():
    assert cross_entropy(np.array([[1.0, 3.0, 2.0]]), np.array([1])) == pytest.approx(-np.log(0.66524096))
    assert cross_entropy(np.array([[1e4, -1e4]]), np.array([1])) == pytest.approx(2e4)


def test_scores_of_any_size_have_finite_shares():
    assert softmax_table(np.array([1e4, -1e4]), "ab")["probability"].tolist() == [1.0, 0.0]
