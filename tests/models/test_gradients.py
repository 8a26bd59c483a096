"""What is done to gradients before an update, beside PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from digitcore.errors import DivergedError, InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.gradients import clip, smooth
from digitcore.models.softmax import softmax


@pytest.mark.parametrize("label_smoothing", [0.1, 0.95])
def test_smoothed_labels_have_pytorchs_gradient(label_smoothing, rng):
    logits, y = rng.normal(size=(7, 4)), rng.integers(0, 4, size=7)
    error = softmax(logits).T.copy()
    error[y, np.arange(7)] -= 1
    smooth(error, y, label_smoothing)
    variable = torch.tensor(logits, requires_grad=True)
    F.cross_entropy(variable, torch.from_numpy(y), label_smoothing=label_smoothing, reduction="sum").backward()
    np.testing.assert_allclose(error.T, variable.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("max_norm", [0.5, 4.0, 1e3])
def test_gradients_are_clipped_as_by_pytorch(max_norm, rng):
    gradients = [rng.normal(size=(3, 4)), rng.normal(size=3)]
    parameters = [torch.nn.Parameter(torch.zeros(each.shape, dtype=torch.float64)) for each in gradients]
    for parameter, each in zip(parameters, gradients, strict=True):
        parameter.grad = torch.tensor(each)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    clip(gradients, max_norm)
    for parameter, each in zip(parameters, gradients, strict=True):
        np.testing.assert_allclose(each, parameter.grad.numpy(), rtol=1e-12)


def test_large_gradients_in_single_precision_are_clipped_not_lost():
    gradient = np.full(4, 1e30, dtype=np.float32)
    clip([gradient], 1.0)
    assert gradient.tolist() == pytest.approx([0.5] * 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_not_hidden(bad):
    gradient = np.array([1.0, bad])
    with np.errstate(invalid="ignore"):
        clip([gradient], 1.0)
    assert np.isnan(gradient).any()


def test_clipping_keeps_a_training_from_blowing_up(digits):
    X, y = digits[0] * np.float32(1e12), digits[1]
    model = MLP(epochs=3, learning_rate=0.1, random_state=0)
    with pytest.raises(DivergedError):
        model.fit(X, y)
    assert len(model.set_params(max_norm=1e-3).fit(X, y).history_) == 3


def test_large_gradients_of_a_network_are_clipped_not_lost(digits):
    X, y = digits[0] * np.float32(1e30), digits[1]
    model = MLP(hidden_units=(), epochs=1, batch_size=None, learning_rate=1.0, max_norm=1.0, random_state=0)
    model.iter_fit(X, y)
    before = model.get_weights()
    model.fit(X, y)
    steps = [weights - before[name] for name, weights in model.get_weights().items()]
    assert np.sqrt(sum(np.square(step).sum() for step in steps)) == pytest.approx(1.0, rel=1e-3)


def test_smoothed_labels_make_the_model_less_sure(digits):
    model = MLP(epochs=40, learning_rate=0.01, optimizer="adam", random_state=0)
    plain = model.fit(*digits).predict_proba(digits[0]).max(axis=1).mean()
    smoothed = model.set_params(label_smoothing=0.3).fit(*digits).predict_proba(digits[0]).max(axis=1).mean()
    # The truth of an image is 0.7 + 0.3 / 10.
    assert plain > 0.97
    assert smoothed == pytest.approx(0.73, abs=0.06)


@pytest.mark.parametrize("model", [SoftmaxRegression, MLP, CNN])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_norm": 0}, "max_norm must be a number from 1e-08 to 1e[+]08, or None .no clipping., got 0"),
        ({"label_smoothing": 1.0}, "label_smoothing must be a number from 0 to 0.95, got 1.0"),
        ({"weight_decay": float("inf")}, "weight_decay must be a number from 0 to 100, got inf"),
        ({"momentum_kind": "heavy"}, "momentum_kind must be one of 'classical', 'nesterov', got 'heavy'"),
        ({"schedule": "cosinus"}, "schedule must be one of .*got 'cosinus'. Did you mean 'cosine'"),
        ({"warm_up": float("nan")}, "warm_up must be a number from 0 to 0.95, got nan"),
        ({"step_factor": 0}, "step_factor must be a number from 1e-06 to 1, got 0"),
        ({"step_epochs": 0.5}, "step_epochs must be a whole number from 1 to 100000, got 0.5"),
    ],
)
def test_settings_that_are_not_valid_are_named(model, settings, message, digits):
    with pytest.raises(InvalidSetting, match=message):
        model(**settings).fit(*digits)
