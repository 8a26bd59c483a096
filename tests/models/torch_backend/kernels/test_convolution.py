"""The compiled convolution blocks beside torch's layers and automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from digitcore.models.torch_backend.kernels import convolution as filters_together
from digitcore.models.torch_backend.kernels import planes
from digitcore.models.torch_backend.kernels.convolution import (
    Choices,
    Pooling,
    add_channels_gradients,
    all_kept,
    convolve_channels_and_pool,
    pool,
    unpool,
)
from digitcore.models.torch_backend.kernels.planes import suits_planes

POOLINGS = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (2, 3), (4, 3)]


def channels_first(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).clone().requires_grad_()


def channels_last(images: torch.Tensor) -> np.ndarray:
    return images.detach().permute(0, 2, 3, 1).contiguous().numpy()


def results_like(pooled: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    shape = channels_last(pooled).shape
    return np.full(shape, np.nan, dtype=np.float32), np.full(shape, 77, dtype=np.uint8)


@pytest.mark.parametrize("n_channels", [1, 5, 32])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_and_its_gradient_are_torchs_also_between_equal_values(pooling, n_channels, rng):
    # Few different values, so that most windows have several maxima.
    images = rng.integers(-2, 3, (5, 9, 8, n_channels)).astype(np.float32)
    x = channels_first(images)
    expected = F.relu(F.max_pool2d(x, *pooling))
    gradient = rng.random(channels_last(expected).shape, dtype=np.float32)
    expected.backward(torch.from_numpy(gradient).permute(0, 3, 1, 2))
    pooled, origins = results_like(expected)
    pool(images, Pooling(*pooling), all_kept(pooled[0].size), pooled, origins)
    assert np.array_equal(pooled, channels_last(expected))
    d_images = np.full_like(images, np.nan)
    unpool(gradient, origins, Pooling(*pooling), 1.0, d_images)
    np.testing.assert_allclose(d_images, channels_last(x.grad), atol=1e-6)


@pytest.mark.parametrize("pooling", [(2, 1), (3, 2)])
def test_dropped_values_are_zero_and_send_nothing_back(pooling, rng):
    images = rng.random((3, 7, 7, 4), dtype=np.float32) + 0.1
    pooled, origins = results_like(F.max_pool2d(channels_first(images), *pooling))
    levels = rng.integers(0, 2**16, pooled.size).astype(np.uint16)
    pool(images, Pooling(*pooling), Choices(levels, np.uint16(40_000), np.float32(1.5)), pooled, origins)
    kept = (levels <= 40_000).reshape(pooled.shape)
    every = channels_last(F.max_pool2d(channels_first(images), *pooling))
    np.testing.assert_allclose(pooled, np.where(kept, 1.5 * every, 0), rtol=1e-6)
    d_images = np.empty_like(images)
    unpool(np.ones_like(pooled), origins, Pooling(*pooling), 1.5, d_images)
    assert d_images.sum() == pytest.approx(1.5 * kept.sum())


# Each kind of loops, with the poolings that it is for.
KINDS = [(filters_together, pooling) for pooling in ((1, 1), (2, 1), (2, 2), (3, 2))] + [(planes, (2, 2))]


@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize(("kernels", "pooling"), KINDS)
def test_convolution_of_one_channel_and_its_gradients_are_torchs(kernels, window, pooling, rng):
    # Mostly zero, as digits are.
    images = (rng.random((6, 12, 11)) * (rng.random((6, 12, 11)) < 0.2)).astype(np.float32)
    weight = torch.from_numpy(rng.normal(size=(7, 1, window, window)).astype(np.float32)).requires_grad_()
    bias = torch.from_numpy(rng.normal(size=7).astype(np.float32)).requires_grad_()
    expected = F.relu(F.max_pool2d(F.conv2d(torch.from_numpy(images)[:, None], weight, bias), *pooling))
    gradient = rng.random(channels_last(expected).shape, dtype=np.float32)
    expected.backward(torch.from_numpy(gradient).permute(0, 3, 1, 2))
    out = results_like(expected)
    rows = weight.detach().numpy().reshape(7, -1)
    kernels.convolve_and_pool(images, (rows, bias.detach().numpy()), Pooling(*pooling), all_kept(out[0][0].size), out)
    np.testing.assert_allclose(out[0], channels_last(expected), atol=1e-5)
    d_weight, d_bias = kernels.filters_gradients(images, window, (gradient, out[1]), Pooling(*pooling), 1.0)
    np.testing.assert_allclose(d_weight.reshape(weight.shape), weight.grad.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(d_bias, bias.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_plane_by_plane_drops_and_goes_back_as_all_filters_together(rng):
    images = (rng.random((5, 10, 9)) * (rng.random((5, 10, 9)) < 0.4)).astype(np.float32)
    filters = rng.normal(size=(6, 9)).astype(np.float32), rng.normal(size=6).astype(np.float32)
    halving, found = Pooling(2, 2), {}
    gradient = rng.random((5, 4, 3, 6), dtype=np.float32)
    for n_levels in (gradient.size, gradient[0].size):  # for all images, and one image's for each
        choices = Choices(rng.integers(0, 2**16, n_levels).astype(np.uint16), np.uint16(40_000), np.float32(1.5))
        for kernels in (filters_together, planes):
            out = np.empty_like(gradient), np.empty(gradient.shape, dtype=np.uint8)
            kernels.convolve_and_pool(images, filters, halving, choices, out)
            found[kernels] = (*out, *kernels.filters_gradients(images, 3, (gradient, out[1]), halving, 1.5))
        for one, other in zip(found[filters_together], found[planes], strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)
        assert 0.2 < (found[planes][0] == 0).mean() < 0.9


def test_planes_are_for_few_filters_and_for_large_windows():
    halving = Pooling(2, 2)
    assert [suits_planes(3, n_filters, halving) for n_filters in (8, 16, 17)] == [True, True, False]
    assert suits_planes(5, 64, halving)
    assert not suits_planes(3, 8, Pooling(2, 1))


@pytest.mark.parametrize(
    ("kernels", "pooling"),
    [(filters_together, (1, 1)), (filters_together, (2, 1)), (filters_together, (3, 2)), (planes, (2, 2))],
)
def test_weights_that_are_no_numbers_give_results_that_are_none(kernels, pooling, rng):
    images = rng.random((2, 8, 8), dtype=np.float32)
    weight, bias = np.full((3, 9), np.nan, dtype=np.float32), np.zeros(3, dtype=np.float32)
    out = results_like(F.max_pool2d(torch.zeros(2, 3, 6, 6), *pooling))
    out[0][:] = 0
    kernels.convolve_and_pool(images, (weight, bias), Pooling(*pooling), all_kept(out[0][0].size), out)
    assert np.isnan(out[0]).all()


@pytest.mark.parametrize("values_at_once", [1, 2**18])
@pytest.mark.parametrize("window", [1, 2, 3])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_convolution_of_channels_and_its_gradients_are_torchs(pooling, window, values_at_once, rng, monkeypatch):
    monkeypatch.setattr(filters_together, "_PATCH_VALUES", values_at_once)
    images = rng.normal(size=(4, 9, 8, 3)).astype(np.float32)
    x = channels_first(images)
    weight = torch.from_numpy(rng.normal(size=(5, 3, window, window)).astype(np.float32)).requires_grad_()
    bias = torch.from_numpy(rng.normal(size=5).astype(np.float32)).requires_grad_()
    expected = F.relu(F.max_pool2d(F.conv2d(x, weight, bias), *pooling))
    out = results_like(expected)
    levels = rng.integers(0, 2**16, out[0].size).astype(np.uint16)
    kept = torch.from_numpy(levels <= 40_000).reshape(out[0].shape).permute(0, 3, 1, 2)
    gradient = rng.normal(size=out[0].shape).astype(np.float32)
    (1.5 * expected * kept).backward(torch.from_numpy(gradient).permute(0, 3, 1, 2))

    rows, pooling = channels_last(weight), Pooling(*pooling)
    choices = Choices(levels, np.uint16(40_000), np.float32(1.5))
    convolve_channels_and_pool(images, (rows, bias.detach().numpy()), pooling, choices, out)
    np.testing.assert_allclose(out[0], channels_last(1.5 * expected * kept), atol=1e-5)
    sums = np.ones_like(rows), np.ones(5, dtype=np.float32)
    d_images = np.full_like(images, np.nan)
    add_channels_gradients(images, rows, (gradient, out[1]), pooling, (1.5, 0.1), sums, d_images)
    np.testing.assert_allclose(sums[0], 1 + 0.1 * channels_last(weight.grad), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sums[1], 1 + 0.1 * bias.grad.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(d_images, channels_last(x.grad), rtol=1e-4, atol=1e-5)
    again = np.ones_like(rows), np.ones(5, dtype=np.float32)
    add_channels_gradients(images, rows, (gradient, out[1]), pooling, (1.5, 0.1), again, None)
    assert all(map(np.array_equal, again, sums))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pixels_of_channels_that_are_no_numbers_give_results_that_are_none(pooling, rng):
    images = np.full((2, 8, 8, 2), np.nan, dtype=np.float32)
    filters = rng.random((3, 3, 3, 2), dtype=np.float32), np.zeros(3, dtype=np.float32)
    out = results_like(F.max_pool2d(torch.zeros(2, 3, 6, 6), *pooling))
    convolve_channels_and_pool(images, filters, Pooling(*pooling), all_kept(out[0][0].size), out)
    assert np.isnan(out[0]).all()
