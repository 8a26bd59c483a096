"""Convolution of one channel with few filters, 2x2 max-pooling, ReLU and dropout, a filter at a time, and the way back.

A filter's sums at all places of an image, a plane, stand side by side in memory: the loops are long also where filters
are few, for which :mod:`digitcore.models.torch_backend.kernels.convolution` takes 1.3 to 2.6 times as long. With more
than 16 filters of 3x3 that is the quicker one.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from digitcore.models.torch_backend.kernels.convolution import NOWHERE, Choices, Pooling
from digitcore.models.torch_backend.kernels.kernel import kernel

_HALVING = Pooling(2, 2)
_FEW_FILTERS, _SMALL_WINDOW = 16, 3


def suits_planes(window: int, n_filters: int, pooling: Pooling) -> bool:
    """Return True if a first convolution is quicker with these functions than with those of ``convolution``."""
    return pooling == _HALVING and (n_filters <= _FEW_FILTERS or window > _SMALL_WINDOW)


def convolve_and_pool(
    images: np.ndarray,
    filters: tuple[np.ndarray, np.ndarray],
    pooling: Pooling,
    choices: Choices,
    out: tuple[np.ndarray, np.ndarray],
) -> None:
    """Do what ``convolve_and_pool`` of ``convolution`` does, for a pooling of 2 and 2."""
    weight, bias = filters
    places = _places(math.isqrt(weight.shape[1]), images.shape[2])
    # Two filters at a time: a last odd one gets a companion of zeros.
    filled = np.zeros((_even(len(weight)), len(places)), dtype=np.float32)
    filled[: len(weight), : weight.shape[1]] = weight
    _convolve_and_pool(images, filled, bias, places, tuple(choices), *out)


def filters_gradients(
    images: np.ndarray, window: int, results: tuple[np.ndarray, np.ndarray], pooling: Pooling, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return what ``filters_gradients`` of ``convolution`` does, for a pooling of 2 and 2."""
    gradient, origins = results
    places = _places(window, images.shape[2])
    d_weight = np.zeros((_even(gradient.shape[3]), len(places)), dtype=np.float32)
    d_bias = np.zeros(gradient.shape[3], dtype=np.float32)
    _add_filters_gradients(images, gradient, origins, places, np.float32(scale), d_weight, d_bias)
    return d_weight[: len(d_bias), : window * window], d_bias


def _even(number: int) -> int:
    return number + number % 2


@cache
def _places(window: int, width: int) -> np.ndarray:
    """Return the offsets of a window's pixels in a flat image, filled up with zeros to a multiple of three."""
    places = [number // window * width + number % window for number in range(window * window)]
    return np.array(places + [0] * (-len(places) % 3), dtype=np.int64)


@kernel()
def _convolve_and_pool(images, weight, bias, places, choices, pooled, origins):
    n_images, height, width = images.shape
    rows, columns, n_filters = pooled.shape[1], pooled.shape[2], pooled.shape[3]
    levels, highest, scale = choices
    # They also hold the sums of windows that wrap into the next row, which are never read.
    size = height * width - places.max()
    plane, other = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.float32)
    # Of a window for every two pixels in a row: those that begin in the right half of an image are never read.
    n_windows = (rows - 1) * width + columns
    tops = np.empty((weight.shape[0], n_windows), dtype=np.float32)
    numbers = np.empty((weight.shape[0], n_windows), dtype=np.uint8)
    for image in range(n_images):
        pixels = images[image].reshape(-1)
        for j in range(0, n_filters, 2):
            plane[:], other[:] = bias[j], bias[min(j + 1, n_filters - 1)]
            _add_sums(pixels, places, weight[j], weight[j + 1], plane, other)
            _pool(plane, plane[width:], tops[j], numbers[j])
            _pool(other, other[width:], tops[j + 1], numbers[j + 1])
        best, origin = pooled[image].reshape(-1), origins[image].reshape(-1)
        start = (image * best.shape[0]) % levels.shape[0]
        _place(tops[:n_filters], numbers, width, columns, best, origin)
        _rectify(levels[start : start + best.shape[0]], highest, scale, best, origin)


@kernel()
def _add_sums(pixels, places, weight, other_weight, plane, other):
    size = plane.shape[0]
    for p in range(0, places.shape[0], 3):
        first, second, third = places[p], places[p + 1], places[p + 2]
        _add_three(
            pixels[first : first + size],
            pixels[second : second + size],
            pixels[third : third + size],
            weight[p : p + 3],
            other_weight[p : p + 3],
            plane,
            other,
        )


@kernel()
def _add_three(first, second, third, weight, other_weight, plane, other):
    """Add three pixels' products to the sums of two filters, so that each pixel is read once for both."""
    a, b, c = weight[0], weight[1], weight[2]
    d, e, f = other_weight[0], other_weight[1], other_weight[2]
    for q in range(plane.shape[0]):
        x, y, z = first[q], second[q], third[q]
        plane[q] += (a * x + b * y) + c * z
        other[q] += (d * x + e * y) + f * z


@kernel()
def _pool(plane, row_below, tops, numbers):
    for q in range(tops.shape[0]):
        first, second, third, fourth = plane[2 * q], plane[2 * q + 1], row_below[2 * q], row_below[2 * q + 1]
        right, lower_right = second > first, fourth > third
        upper, lower = second if right else first, fourth if lower_right else third
        below = lower > upper
        tops[q] = lower if below else upper
        numbers[q] = np.uint8(2) + np.uint8(lower_right) if below else np.uint8(right)


@kernel()
def _place(tops, numbers, width, columns, best, origin):
    """Write the planes' values side by side, filter by filter at each place."""
    n_filters, rows = tops.shape[0], best.shape[0] // (columns * tops.shape[0])
    for j in range(n_filters):
        for row in range(rows):
            first, start = row * width, row * columns * n_filters + j
            top, number = tops[j, first : first + columns], numbers[j, first : first + columns]
            into, origin_into = best[start:], origin[start:]
            for column in range(columns):
                into[column * n_filters], origin_into[column * n_filters] = top[column], number[column]


@kernel()
def _rectify(levels, highest, scale, best, origin):
    """Set what is not above zero, or dropped, to zero; also in ``convolution``."""
    # In one loop with _place it would be branches, which could not be foreseen, and take six times as long.
    for at in range(best.shape[0]):
        # Not "above zero": a NaN must stay one.
        dropped = (best[at] <= 0) | (levels[at] > highest)
        best[at] = np.float32(0) if dropped else best[at] * scale
        origin[at] = NOWHERE if dropped else origin[at]


@kernel()
def _add_filters_gradients(images, gradient, origins, places, scale, d_weight, d_bias):
    n_images, height, width = images.shape
    planes = np.empty((d_weight.shape[0], height * width - places.max()), dtype=np.float32)
    for image in range(n_images):
        planes[:] = 0
        _unpool(gradient[image], origins[image], width, scale, planes, d_bias)
        pixels = images[image].reshape(-1)
        for j in range(0, planes.shape[0], 2):
            _add_products(pixels, places, planes[j], planes[j + 1], d_weight[j], d_weight[j + 1])


@kernel()
def _unpool(gradient, origins, width, scale, planes, d_bias):
    for row in range(gradient.shape[0]):
        for column in range(gradient.shape[1]):
            given, origin, corner = gradient[row, column], origins[row, column], 2 * row * width + 2 * column
            for j in range(d_bias.shape[0]):
                number = origin[j]
                if number != NOWHERE:
                    planes[j, corner + (number >> 1) * width + (number & 1)] = given[j] * scale
                    d_bias[j] += given[j] * scale


@kernel()
def _add_products(pixels, places, plane, other, d_weight, d_other):
    size = plane.shape[0]
    for p in range(0, places.shape[0], 3):
        first, second, third = places[p], places[p + 1], places[p + 2]
        products = _six_products(
            pixels[first : first + size], pixels[second : second + size], pixels[third : third + size], plane, other
        )
        for number in range(3):
            d_weight[p + number] += products[number]
            d_other[p + number] += products[3 + number]


@kernel(reorders_sums=True)
def _six_products(first, second, third, plane, other):
    a = b = c = d = e = f = np.float32(0)
    for q in range(plane.shape[0]):
        x, y, z = first[q], second[q], third[q]
        value, other_value = plane[q], other[q]
        a += x * value
        b += y * value
        c += z * value
        d += x * other_value
        e += y * other_value
        f += z * other_value
    return a, b, c, d, e, f
