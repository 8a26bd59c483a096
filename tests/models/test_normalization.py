"""Batch normalisation of a CNN: what it keeps, and what it does outside of a step (its steps: test_layers.py)."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from digitcore.insight.surgery import Surgery, operate
from digitcore.models import CNN
from digitcore.models.architecture import layers_table, plan
from digitcore.models.layer_plans import NORM_WEIGHTS, weight_shapes
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.two_lanes import suits_two_lanes
from digitcore.specs.run_spec import RunSpec

NORMALIZED = CNN(
    channels=(4, 6),
    kernel_size=2,
    normalization="batch",
    hidden_units=(9,),
    learning_rate=0.1,
    epochs=3,
    random_state=0,
)


@pytest.fixture(scope="module")
def trained(digits):
    return copy.deepcopy(NORMALIZED).fit(*digits)


def restored(weights):
    return copy.deepcopy(NORMALIZED).restore(weights, classes=range(10), n_features=64)


def test_a_normalised_convolution_has_scales_and_shifts_in_place_of_its_bias():
    settings = {"channels": (4,), "hidden_units": (), "normalization": "batch", "dropout": 0.0}
    table = layers_table("cnn", settings, (8, 8), 10).set_index("layer")["n_parameters"]
    assert table.to_dict() == {
        "Convolution 1 (3 × 3)": 4 * 9,
        "Batch normalisation 1 (ReLU)": 2 * 4,
        "Max-pooling 1 (2 × 2, stride 2)": 0,
        "Flatten": 0,
        "Output (softmax)": 3 * 3 * 4 * 10 + 10,
    }
    shapes = weight_shapes(plan("cnn", settings, (8, 8), 10))
    assert "conv_1.bias" not in shapes
    assert {name: shape for name, shape in shapes.items() if "norm" in name} == {
        f"norm_1.{what}": (4,) for what in NORM_WEIGHTS
    }


def test_without_it_nothing_has_changed():
    assert (
        RunSpec(dataset="digits", model="cnn", parameters={"normalization": "none"}).digest
        == RunSpec(dataset="digits", model="cnn").digest
    )
    assert "normalization" not in RunSpec(dataset="digits", model="cnn").canonical_json
    assert (
        RunSpec(dataset="digits", model="cnn", parameters={"normalization": "batch"}).digest
        != RunSpec(dataset="digits", model="cnn").digest
    )


@pytest.mark.usefixtures("_way")
def test_running_means_are_those_of_the_batches(digits):
    X, y = digits[0][:90], digits[1][:90]
    model = copy.deepcopy(NORMALIZED).set_params(epochs=1, batch_size=None)
    training = model.iter_fit(X, y)
    first = model.get_weights()
    list(training)
    windows = np.lib.stride_tricks.sliding_window_view(X.reshape(-1, 8, 8), (2, 2), axis=(1, 2))
    sums = np.einsum("nijkl,fkl->nijf", windows, first["conv_1.weight"][:, 0]).reshape(-1, 4)
    np.testing.assert_allclose(model.get_weights()["norm_1.mean"], 0.1 * sums.mean(axis=0), atol=1e-5)
    variance = 0.9 + 0.1 * sums.var(axis=0, ddof=1)
    np.testing.assert_allclose(model.get_weights()["norm_1.variance"], variance, rtol=1e-5)


@pytest.mark.usefixtures("_way")
def test_a_single_value_has_no_variance_and_changes_no_running_mean(digits):
    model = CNN(
        channels=(3,), kernel_size=8, pool_size=1, normalization="batch", epochs=2, batch_size=1, random_state=0
    )
    model.fit(digits[0][:10], digits[1][:10])
    weights = model.get_weights()
    assert (weights["norm_1.mean"] == 0).all() and (weights["norm_1.variance"] == 1).all()
    assert all(np.isfinite(values).all() for values in weights.values())


def test_a_prediction_does_not_depend_on_the_other_images(trained, digits):
    X, _ = digits
    np.testing.assert_allclose(trained.predict_proba(X[:1]), trained.predict_proba(X)[:1], atol=1e-6)


def test_weights_and_running_means_are_the_whole_model(trained, digits):
    X, _ = digits
    other = restored(trained.get_weights())
    np.testing.assert_array_equal(other.predict_proba(X), trained.predict_proba(X))
    without_means = {**trained.get_weights(), "norm_1.mean": np.zeros(4, np.float32)}
    assert not np.allclose(restored(without_means).predict_proba(X), trained.predict_proba(X), atol=0.01)


def test_feature_maps_are_those_behind_the_activation(trained, digits):
    values = trained.activations(digits[0][:5])
    assert list(values) == ["conv_1", "pool_1", "conv_2", "pool_2", "dense_1"]
    assert values["conv_1"].shape == (5, 7, 7, 4) and values["conv_1"].min() == 0
    pooled = values["conv_1"][:, :6, :6].reshape(5, 3, 2, 3, 2, 4).max(axis=(2, 4))
    np.testing.assert_array_equal(values["pool_1"], pooled)


def test_a_filter_that_is_off_is_silent_behind_its_normalisation(trained, digits):
    X, _ = digits
    weights = operate(trained.get_weights(), "conv_1.weight", Surgery(units=(2,), scale=0.0))
    values = restored(weights).activations(X)["conv_1"]
    assert (values[..., 2] == 0).all()
    np.testing.assert_array_equal(values[..., 1], trained.activations(X)["conv_1"][..., 1])


def test_pruning_and_noise_leave_normalisations_alone(trained):
    before = trained.get_weights()
    after = operate(before, "conv_1.weight", Surgery(pruned=0.5, noise=0.3))
    for name in before:
        assert np.array_equal(after[name], before[name]) == ("weight" not in name)


def test_the_images_of_two_lanes_would_be_normalised_apart():
    settings = {"channels": (16, 32), "hidden_units": (64,)}
    plain, normalized = (plan("cnn", {**settings, "normalization": kind}, (28, 28), 10) for kind in ("none", "batch"))
    torch.set_num_threads(2)
    try:
        assert suits_two_lanes(plain, 64) and not suits_two_lanes(normalized, 64)
    finally:
        torch.set_num_threads(1)


def test_a_large_batch_is_normalised_in_parts(digits, monkeypatch):
    X, y = digits[0][:90], digits[1][:90]
    settings = {"epochs": 1, "batch_size": None}
    whole = copy.deepcopy(NORMALIZED).set_params(**settings).fit(X, y)
    monkeypatch.setattr(
        torch_network,
        "_VALUES_AT_ONCE",
        40
        * sum(
            [64, *(math.prod(layer.output_shape) for layer in plan("cnn", NORMALIZED._clean_settings(), (8, 8), 10))]
        ),
    )
    parts = copy.deepcopy(NORMALIZED).set_params(**settings).fit(X, y)
    assert not np.array_equal(parts.get_weights()["norm_1.mean"], whole.get_weights()["norm_1.mean"])
    assert parts.history_[0].train_loss == pytest.approx(whole.history_[0].train_loss, abs=0.1)
