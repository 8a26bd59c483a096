"""Loss, gradient and right predictions beside torch's in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from digitcore.models.torch_backend.kernels.cross_entropy import adapt_gradient, cross_entropy


@pytest.mark.parametrize("n_images", [1, 2, 511, 512, 513, 2000])
@pytest.mark.parametrize("spread", [0.01, 3, 60])
@pytest.mark.parametrize("n_classes", [1, 2, 10])
def test_loss_gradient_and_right_predictions_are_torchs(n_images, spread, n_classes, rng):
    logits = (spread * rng.normal(size=(n_classes, n_images))).astype(np.float32)
    y = rng.integers(n_classes, size=n_images)
    plain = torch.from_numpy(logits.T.astype(np.float64)).requires_grad_()
    expected = F.cross_entropy(plain, torch.from_numpy(y), reduction="sum")
    expected.backward()
    gradient = np.full_like(logits, np.nan)
    loss, n_right = cross_entropy(logits, y, gradient)
    assert loss == pytest.approx(expected.item(), rel=1e-6, abs=1e-5)
    np.testing.assert_allclose(gradient.T, plain.grad.numpy(), atol=5e-7)
    assert n_right == (logits.argmax(axis=0) == y).sum()
    assert cross_entropy(logits, y) == (loss, n_right)


def test_small_probabilities_keep_their_digits(rng):
    """The loss of an image that is 80 nats from the truth is 80, not the logarithm of a rounded zero."""
    logits = np.array([[0.0], [80.0]], dtype=np.float32)
    loss, n_right = cross_entropy(logits, np.array([0]))
    assert (loss, n_right) == (pytest.approx(80, rel=1e-6), 0)


def test_of_equal_logits_the_first_class_is_predicted():
    logits = np.zeros((3, 4), dtype=np.float32)
    assert cross_entropy(logits, np.array([0, 0, 1, 2]))[1] == 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [(0, 0), (1, 700), (2, 999)])
def test_a_logit_that_is_no_number_gives_a_loss_that_is_none(value, place, rng):
    logits = rng.normal(size=(3, 1000)).astype(np.float32)
    logits[place] = value
    assert not np.isfinite(cross_entropy(logits, rng.integers(3, size=1000))[0])


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_smoothed_labels_and_weights_give_torchs_gradient_and_errors_are_read_before(label_smoothing, is_weighted, rng):
    logits, y = rng.normal(size=(4, 50)).astype(np.float32), rng.integers(4, size=50)
    weights = rng.random(50, dtype=np.float32) if is_weighted else None
    plain = torch.from_numpy(logits.T.astype(np.float64)).requires_grad_()
    each = F.cross_entropy(plain, torch.from_numpy(y), reduction="none", label_smoothing=label_smoothing)
    (each * torch.from_numpy(np.ones(50) if weights is None else weights)).sum().backward()
    gradient, errors = np.empty_like(logits), np.empty(50, dtype=np.float32)
    cross_entropy(logits, y, gradient)
    adapt_gradient(gradient, y, label_smoothing, weights, errors)
    np.testing.assert_allclose(gradient.T, plain.grad.numpy(), atol=5e-7)
    probabilities = torch.softmax(plain.detach(), dim=1).numpy()
    np.testing.assert_allclose(errors, 1 - probabilities[np.arange(50), y], atol=5e-7)
