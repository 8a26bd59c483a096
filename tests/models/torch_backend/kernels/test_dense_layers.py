"""The dense layers in products of matrices beside torch's modules and automatic differentiation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from digitcore.models.torch_backend.kernels.dense_layers import DenseLayers

SIZES = [(7, 3), (7, 5, 3), (4, 9, 6, 10)]


def module_of(sizes) -> nn.Sequential:
    layers = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def flat(arrays) -> np.ndarray:
    return np.concatenate([each.detach().numpy().ravel() for each in arrays])


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sizes", SIZES)
def test_logits_and_gradients_are_torchs(sizes, kept, rng):
    module = module_of(sizes)
    x = torch.from_numpy(rng.normal(size=(6, sizes[0])).astype(np.float32)).requires_grad_()
    logits = module(x)
    d_logits = rng.normal(size=logits.shape).astype(np.float32)
    logits.backward(torch.from_numpy(d_logits))
    weights = flat(module.parameters())
    before = np.full_like(weights, np.nan if kept == 0 else 2.0)  # what is not kept may be anything
    sums = before.copy()
    layers = DenseLayers(sizes, weights, sums, most_images=8)
    for _ in range(2):  # with memory that was used before
        sums[:] = before
        found, d_x = np.empty((sizes[-1], 6), dtype=np.float32), np.full((6, sizes[0]), np.nan, dtype=np.float32)
        layers.forward(x.detach().numpy(), found)
        layers.backward(np.ascontiguousarray(d_logits.T), 0.1, kept, d_x)
        np.testing.assert_allclose(found.T, logits.detach().numpy(), atol=1e-5)
        expected = 2.0 * kept + 0.1 * flat(each.grad for each in module.parameters())
        np.testing.assert_allclose(sums, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(d_x, x.grad.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sizes", SIZES)
def test_sums_that_are_the_weights_themselves_get_a_step_of_plain_descent(sizes, rng):
    module = module_of(sizes)
    x = rng.normal(size=(6, sizes[0])).astype(np.float32)
    weights = flat(module.parameters())
    d_logits = rng.normal(size=(6, sizes[-1])).astype(np.float32)
    module(torch.from_numpy(x)).backward(torch.from_numpy(d_logits))
    layers = DenseLayers(sizes, weights, weights, most_images=6)
    layers.forward(x, np.empty((sizes[-1], 6), dtype=np.float32))
    layers.backward(np.ascontiguousarray(d_logits.T), -0.3, 1.0, np.empty_like(x))
    expected = flat(module.parameters()) - 0.3 * flat(each.grad for each in module.parameters())
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)


def test_an_input_that_is_no_number_gives_logits_that_are_none(rng):
    weights = rng.normal(size=5 * 8 + 3 * 6).astype(np.float32)
    layers = DenseLayers((7, 5, 3), weights, np.zeros_like(weights), most_images=2)
    x, logits = np.zeros((2, 7), dtype=np.float32), np.zeros((3, 2), dtype=np.float32)
    x[1, 0] = np.nan
    layers.forward(x, logits)
    assert np.isnan(logits).tolist() == [[False, True]] * 3
