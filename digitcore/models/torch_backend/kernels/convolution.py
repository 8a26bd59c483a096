"""Convolution, max-pooling, ReLU and dropout, an image or a few at a time, and the way back.

An image's sums fit the inner caches, where torch's array operations pass over those of a whole batch a dozen times:
those of one channel took 2.1 ms of mnist-cnn's step on two threads, and take 1.1 ms here on one. Images of several
channels are cut into patches, which NumPy's library multiplies with the filters, and the sums are pooled before they
leave the caches. On the way back, where the windows of the pooling do not overlap, only products with gradients that
are not zero are added up.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from digitcore.models.torch_backend.kernels.kernel import kernel

# Values of the patches of all images that are convolved at a time: half of what a core's own cache holds.
_PATCH_VALUES = 2**18
# In place of the number of the value that was the maximum: nothing goes back.
NOWHERE = np.uint8(255)


class Pooling(NamedTuple):
    """Side of a pooling window, up to 15 pixels, and pixels from one to the next; 1 and 1 pool nothing."""

    window: int = 1
    stride: int = 1


class Choices(NamedTuple):
    """What dropout does: random levels, the highest that is kept, and the scale of what is.

    The levels are uint16 ``(n_values,)``, for all values of all images or for those of one, which then serve for all.
    """

    levels: np.ndarray
    highest: np.uint16
    scale: np.float32


def all_kept(n_values: int) -> Choices:
    """Return choices that drop and scale nothing, for images of ``n_values``."""
    return Choices(np.zeros(n_values, dtype=np.uint16), np.uint16(0), np.float32(1))


def pool(images: np.ndarray, pooling: Pooling, choices: Choices, pooled: np.ndarray, origins: np.ndarray) -> None:
    """Write the maximum over each window of whole images, zero where it is not above zero or dropped, and its origin.

    The ReLU comes after the pooling, where it has fewer values and the same result: the maximum of the values above
    zero is the value above zero of the maximum. Of equal values the first one counts, as in torch.

    Parameters
    ----------
    images : ndarray, float32, (n_images, height, width, channels)
    pooling : Pooling
    choices : Choices
        For the values of ``pooled``.
    pooled : ndarray, float32, (n_images, rows, columns, channels)
        Gets the result.
    origins : ndarray, uint8, as ``pooled``
        Gets the number of the maximum in its window, row by row, or 255 where the result is zero.
    """
    _pool(images, *pooling, tuple(choices), pooled, origins)


def unpool(gradient: np.ndarray, origins: np.ndarray, pooling: Pooling, scale: float, out: np.ndarray) -> None:
    """Write the gradient of the images of :func:`pool` to ``out``.

    Parameters
    ----------
    gradient : ndarray, float32, (n_images, rows, columns, channels)
        That of the result.
    origins : ndarray, uint8, as ``gradient``
        From :func:`pool`.
    pooling : Pooling
        As there.
    scale : float
        What dropout multiplied the values with that it kept.
    out : ndarray, float32, (n_images, height, width, channels)
    """
    _unpool(gradient, origins, *pooling, np.float32(scale), out)


def convolve_and_pool(
    images: np.ndarray,
    filters: tuple[np.ndarray, np.ndarray],
    pooling: Pooling,
    choices: Choices,
    out: tuple[np.ndarray, np.ndarray],
) -> None:
    """Write what :func:`pool` gives for the convolution of whole images.

    Parameters
    ----------
    images : ndarray, float32, (n_images, height, width)
        With whatever padding is wanted.
    filters : (ndarray, ndarray), float32, (n_filters, window * window) and (n_filters,)
        Weights, of each filter one row of its window after the other, and biases.
    pooling, choices
        See :func:`pool`.
    out : (ndarray, ndarray)
        ``pooled`` and ``origins`` of :func:`pool`, of ``n_filters`` channels.
    """
    sides = (math.isqrt(filters[0].shape[1]), *pooling)
    _convolve_and_pool(images, *filters, sides, tuple(choices), *out)


def filters_gradients(
    images: np.ndarray, window: int, results: tuple[np.ndarray, np.ndarray], pooling: Pooling, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of the weights, ``(n_filters, window * window)``, and biases of :func:`convolve_and_pool`.

    Parameters
    ----------
    images, pooling
        As there.
    window : int
        Side of a filter.
    results : (ndarray, ndarray)
        ``gradient`` and ``origins`` of :func:`unpool`.
    scale : float
        See there.
    """
    gradient, origins = results
    n_filters = gradient.shape[3]
    d_weight = np.zeros((window * window, n_filters), dtype=np.float32)
    d_bias = np.zeros(n_filters, dtype=np.float32)
    sides = (window, *pooling)
    _add_filters_gradients(images, gradient, origins, sides, np.float32(scale), d_weight, d_bias)
    return d_weight.T, d_bias


def convolve_channels_and_pool(
    images: np.ndarray,
    filters: tuple[np.ndarray, np.ndarray],
    pooling: Pooling,
    choices: Choices,
    out: tuple[np.ndarray, np.ndarray],
) -> None:
    """Do what :func:`convolve_and_pool` does for images of several channels.

    Parameters
    ----------
    images : ndarray, float32, (n_images, height, width, channels)
        With whatever padding is wanted.
    filters : (ndarray, ndarray), float32, (n_filters, window, window, channels) and (n_filters,)
        Weights and biases.
    pooling, choices, out
        See :func:`convolve_and_pool`.
    """
    weight, bias = filters
    rows = weight.reshape(len(weight), -1)
    sides = (weight.shape[1], *pooling)
    _convolve_channels_and_pool(images, rows, bias, sides, tuple(choices), *out, _n_at_once(images, weight))


def add_channels_gradients(
    images: np.ndarray,
    weight: np.ndarray,
    results: tuple[np.ndarray, np.ndarray],
    pooling: Pooling,
    scales: tuple[float, float],
    sums: tuple[np.ndarray, np.ndarray],
    d_images: np.ndarray | None,
) -> None:
    """Add the gradients of weights and biases of :func:`convolve_channels_and_pool` to sums.

    Parameters
    ----------
    images, weight, pooling
        As there.
    results : (ndarray, ndarray)
        ``gradient`` and ``origins`` of :func:`unpool`.
    scales : (float, float)
        What dropout multiplied the values with that it kept, and what the gradients are multiplied with.
    sums : (ndarray, ndarray), float32, as ``weight`` and (n_filters,)
        Where they are added.
    d_images : ndarray, float32, as ``images``, or None
        Gets the gradient of the images, if given.
    """
    weight_sum, bias_sum = sums
    rows, row_sums = weight.reshape(len(weight), -1), weight_sum.reshape(len(weight), -1)
    wants_input = d_images is not None
    factors = np.float32(scales[0]), np.float32(scales[1])
    sides = (weight.shape[1], *pooling)
    given = images if d_images is None else d_images
    arguments = (images, rows, *results, sides, factors, (row_sums, bias_sum), given, wants_input)
    if 1 < pooling.window <= pooling.stride:
        # Where windows do not overlap, one place of each has a gradient at most: mnist-accurate gains a tenth.
        _add_few_gradients(*arguments)
    else:
        _add_channels_gradients(*arguments, _n_at_once(images, weight))


def _n_at_once(images: np.ndarray, weight: np.ndarray) -> int:
    """Return how many images have patches of at most ``_PATCH_VALUES`` values in all, at least one."""
    n_images, height, width = images.shape[:3]
    n_filters, side = weight.shape[:2]
    n_values = (height - side + 1) * (width - side + 1) * weight.size // n_filters
    return max(1, min(_PATCH_VALUES // n_values, n_images))


@kernel()
def _pool(images, window, stride, choices, pooled, origins):
    for image in range(images.shape[0]):
        # Flat views, because one of many dimensions takes as long to make as a row takes to pool.
        best, origin = pooled[image].reshape(-1), origins[image].reshape(-1)
        shape = images.shape[2], images.shape[3], pooled.shape[1], pooled.shape[2]
        _pool_one(images[image].reshape(-1), shape, window, stride, _of_image(choices, image, best), best, origin)


@kernel()
def _of_image(choices, image, values):
    levels, highest, scale = choices
    start = (image * values.shape[0]) % levels.shape[0]
    return levels[start : start + values.shape[0]], highest, scale


@kernel()
def _pool_one(values, shape, window, stride, choices, best, origin):
    width, channels, rows, columns = shape
    levels, highest, scale = choices
    size, line = columns * channels, width * channels
    gathered = np.empty((4, size), dtype=np.float32)
    for row in range(rows):
        this = slice(row * size, row * size + size)
        upper = row * stride * line
        if window == 2:
            # The usual window in one pass instead of five: mnist-cnn gains 6 %.
            lower = upper + line
            _pool_four(
                _every(values, upper, stride, channels, gathered[0]),
                _every(values, upper + channels, stride, channels, gathered[1]),
                _every(values, lower, stride, channels, gathered[2]),
                _every(values, lower + channels, stride, channels, gathered[3]),
                levels[this],
                highest,
                scale,
                best[this],
                origin[this],
            )
            continue
        for number in range(window * window):
            start = upper + number // window * line + number % window * channels
            each = _every(values, start, stride, channels, gathered[0])
            _keep_higher(each, np.uint8(number), best[this], origin[this])
        _rectify(levels[this], highest, scale, best[this], origin[this])


@kernel()
def _pool_four(first, second, third, fourth, levels, highest, scale, best, origin):
    for q in range(best.shape[0]):
        higher = second[q] > first[q]
        top, number = second[q] if higher else first[q], np.uint8(1) if higher else np.uint8(0)
        higher = third[q] > top
        top, number = third[q] if higher else top, np.uint8(2) if higher else number
        higher = fourth[q] > top
        top, number = fourth[q] if higher else top, np.uint8(3) if higher else number
        # Not "above zero": a NaN must stay one.
        dropped = (top <= 0) | (levels[q] > highest)
        best[q] = np.float32(0) if dropped else top * scale
        origin[q] = NOWHERE if dropped else number


@kernel()
def _every(values, start, stride, channels, gathered):
    """Return the channels from ``start`` on at each column of windows; they are copied only if they lie apart."""
    size = gathered.shape[0]
    if stride == 1:
        return values[start : start + size]
    for to in range(0, size, channels):
        from_, into = values[start + to * stride :], gathered[to:]
        for channel in range(channels):
            into[channel] = from_[channel]
    return gathered


@kernel()
def _keep_higher(values, number, best, origin):
    if number == 0:
        for q in range(best.shape[0]):
            best[q] = values[q]
            origin[q] = 0
        return
    for q in range(best.shape[0]):
        higher = values[q] > best[q]
        best[q] = values[q] if higher else best[q]
        origin[q] = number if higher else origin[q]


@kernel()
def _rectify(levels, highest, scale, best, origin):
    """Set what is not above zero, or dropped, to zero; also in ``planes``."""
    for q in range(best.shape[0]):
        dropped = (best[q] <= 0) | (levels[q] > highest)
        best[q] = np.float32(0) if dropped else best[q] * scale
        origin[q] = NOWHERE if dropped else origin[q]


@kernel()
def _unpool(gradient, origins, window, stride, scale, out):
    shape = out.shape[2], gradient.shape[3], gradient.shape[1], gradient.shape[2]
    for image in range(gradient.shape[0]):
        sums = out[image].reshape(-1)
        sums[:] = 0
        _unpool_one(gradient[image].reshape(-1), origins[image].reshape(-1), shape, window, stride, scale, sums)


@kernel()
def _unpool_one(values, origin, shape, window, stride, scale, sums):
    """Add the gradients to ``sums``, a flat image as wide as ``shape`` says."""
    width, channels, rows, columns = shape
    size, line = columns * channels, width * channels
    given = np.empty(size, dtype=np.float32)
    for row in range(rows):
        this = slice(row * size, row * size + size)
        for number in range(window * window):
            start = (row * stride + number // window) * line + number % window * channels
            if stride == 1:
                _add_its_share(values[this], origin[this], np.uint8(number), scale, sums[start : start + size])
                continue
            given[:] = 0
            _add_its_share(values[this], origin[this], np.uint8(number), scale, given)
            for column in range(0, size, channels):
                into, share = sums[start + column * stride :], given[column:]
                for channel in range(channels):
                    into[channel] += share[channel]


@kernel()
def _add_its_share(values, origin, number, scale, sums):
    for q in range(values.shape[0]):
        sums[q] += values[q] * scale if origin[q] == number else np.float32(0)


# --- Convolution of images with one channel


@kernel()
def _convolve_and_pool(images, weight, bias, sides, choices, pooled, origins):
    n_images, height, width = images.shape
    side, window, stride = sides
    rows, columns, n_filters = height - side + 1, width - side + 1, bias.shape[0]
    sums = np.empty(rows * columns * n_filters, dtype=np.float32)
    shape = columns, n_filters, pooled.shape[1], pooled.shape[2]
    for image in range(n_images):
        _convolve(images[image], weight, bias, side, sums)
        best, origin = pooled[image].reshape(-1), origins[image].reshape(-1)
        _pool_one(sums, shape, window, stride, _of_image(choices, image, best), best, origin)


@kernel()
def _convolve(image, weight, bias, window, sums):
    """Write the sums at each place, filter by filter; ``weight`` has one row per filter."""
    rows, columns, n = image.shape[0] - window + 1, image.shape[1] - window + 1, bias.shape[0]
    pixels, at = image.reshape(-1), np.zeros(9, dtype=np.int64)
    w = np.zeros((9, n), dtype=np.float32)
    for first in range(0, window * window, 9):
        w[:], at[:] = 0, 0
        for p in range(min(9, window * window - first)):
            at[p] = (first + p) // window * image.shape[1] + (first + p) % window
            for j in range(n):
                w[p, j] = weight[j, first + p]
        _add_nine(pixels, image.shape[1], at, w, bias, first == 0, rows, columns, sums)


@kernel()
def _add_nine(pixels, width, at, w, bias, begins, rows, columns, sums):
    w0, w1, w2, w3, w4, w5, w6, w7, w8 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]
    n = bias.shape[0]
    for row in range(rows):
        for column in range(columns):
            p = pixels[row * width + column :]
            p0, p1, p2, p3, p4 = p[at[0]], p[at[1]], p[at[2]], p[at[3]], p[at[4]]
            p5, p6, p7, p8 = p[at[5]], p[at[6]], p[at[7]], p[at[8]]
            start = (row * columns + column) * n
            out = sums[start : start + n]
            before = bias if begins else out
            if p0 == 0 and p1 == 0 and p2 == 0 and p3 == 0 and p4 == 0 and p5 == 0 and p6 == 0 and p7 == 0 and p8 == 0:
                for j in range(n):
                    out[j] = before[j]
                continue
            for j in range(n):
                three = (p0 * w0[j] + p1 * w1[j]) + p2 * w2[j]
                six = three + ((p3 * w3[j] + p4 * w4[j]) + p5 * w5[j])
                out[j] = before[j] + (six + ((p6 * w6[j] + p7 * w7[j]) + p8 * w8[j]))


@kernel()
def _add_filters_gradients(images, gradient, origins, sides, scale, d_weight, d_bias):
    n_images, height, width = images.shape
    filters, (window, pool_window, stride) = d_bias.shape[0], sides
    edge = window - 1
    rows, columns, line = height - edge, width - edge, width + edge
    # With an edge of zeros, so that no pixel of a window need be asked whether it is inside.
    sums = np.zeros((height + edge) * line * filters, dtype=np.float32)
    inside = sums[(edge * line + edge) * filters :]
    lit, factors = np.empty(height * width, dtype=np.int32), np.empty(height * width, dtype=np.float32)
    total = np.zeros(columns * filters, dtype=np.float32)
    shape = line, filters, gradient.shape[1], gradient.shape[2]
    for image in range(n_images):
        for row in range(rows):
            start = row * line * filters
            inside[start : start + columns * filters] = 0
        _unpool_one(gradient[image].reshape(-1), origins[image].reshape(-1), shape, pool_window, stride, scale, inside)
        for row in range(rows):
            part = inside[row * line * filters :]
            for q in range(total.shape[0]):
                total[q] += part[q]
        n_lit = 0
        for row in range(height):
            for column in range(width):
                lit[n_lit], factors[n_lit] = row * line + column, images[image, row, column]
                n_lit += images[image, row, column] != 0
        for p in range(window * window):
            start = ((edge - p // window) * line + edge - p % window) * filters
            _add_rows(d_weight[p], sums[start:], lit, factors, n_lit)
    for column in range(columns):
        for j in range(filters):
            d_bias[j] += total[column * filters + j]


@kernel()
def _add_rows(out, matrix, rows, factors, n_rows):
    """Add rows of a flat matrix, each times its factor, eight in one pass over ``out``; also in ``small_dense``."""
    n = out.shape[0]
    done = 0
    while done + 8 <= n_rows:
        r, f = rows[done : done + 8], factors[done : done + 8]
        m0, m1, m2, m3 = matrix[r[0] * n :], matrix[r[1] * n :], matrix[r[2] * n :], matrix[r[3] * n :]
        m4, m5, m6, m7 = matrix[r[4] * n :], matrix[r[5] * n :], matrix[r[6] * n :], matrix[r[7] * n :]
        f0, f1, f2, f3, f4, f5, f6, f7 = f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
        for j in range(n):
            four = (f0 * m0[j] + f1 * m1[j]) + (f2 * m2[j] + f3 * m3[j])
            out[j] += four + ((f4 * m4[j] + f5 * m5[j]) + (f6 * m6[j] + f7 * m7[j]))
        done += 8
    for p in range(done, n_rows):
        row, factor = matrix[rows[p] * n :], factors[p]
        for j in range(n):
            out[j] += factor * row[j]


# --- Convolution of images with several channels, as a product of two matrices: patches and filters


@kernel()
def _convolve_channels_and_pool(images, weight, bias, sides, choices, pooled, origins, at_once):
    n_images, height, width = images.shape[:3]
    side, window, stride = sides
    rows, columns, n_filters = height - side + 1, width - side + 1, bias.shape[0]
    n_places = rows * columns
    patches = np.empty((at_once * n_places, weight.shape[1]), dtype=np.float32)
    sums = np.empty((at_once * n_places, n_filters), dtype=np.float32)
    shape = columns, n_filters, pooled.shape[1], pooled.shape[2]
    for first in range(0, n_images, at_once):
        n = min(at_once, n_images - first)
        for image in range(n):
            _write_patches(images[first + image], side, patches[image * n_places : (image + 1) * n_places])
        np.dot(patches[: n * n_places], weight.T, sums[: n * n_places])
        for place in range(n * n_places):
            for j in range(n_filters):
                sums[place, j] += bias[j]
        for image in range(n):
            best, origin = pooled[first + image].reshape(-1), origins[first + image].reshape(-1)
            its_sums = sums[image * n_places : (image + 1) * n_places].reshape(-1)
            _pool_one(its_sums, shape, window, stride, _of_image(choices, first + image, best), best, origin)


@kernel()
def _write_patches(image, side, patches):
    """Write the pixels of each window, row by row."""
    width, channels = image.shape[1], image.shape[2]
    pixels, columns, line = image.reshape(-1), width - side + 1, side * channels
    for place in range(patches.shape[0]):
        corner = (place // columns * width + place % columns) * channels
        for row in range(side):
            from_, into = pixels[corner + row * width * channels :], patches[place, row * line : (row + 1) * line]
            for value in range(line):
                into[value] = from_[value]


@kernel()
def _add_channels_gradients(images, weight, gradient, origins, sides, factors, sums, d_images, wants_input, at_once):
    n_images, height, width = images.shape[:3]
    side, window, stride = sides
    dropout_scale, scale = factors
    weight_sum, bias_sum = sums
    rows, columns, n_filters = height - side + 1, width - side + 1, bias_sum.shape[0]
    n_places = rows * columns
    patches = np.empty((at_once * n_places, weight.shape[1]), dtype=np.float32)
    d_sums = np.empty((at_once * n_places, n_filters), dtype=np.float32)
    d_weight, d_bias = np.empty(weight.T.shape, dtype=np.float32), np.zeros(n_filters, dtype=np.float32)
    shape = columns, n_filters, gradient.shape[1], gradient.shape[2]
    for first in range(0, n_images, at_once):
        n = min(at_once, n_images - first)
        d_sums[:] = 0
        for image in range(n):
            its_sums = d_sums[image * n_places : (image + 1) * n_places].reshape(-1)
            given, origin = gradient[first + image].reshape(-1), origins[first + image].reshape(-1)
            _unpool_one(given, origin, shape, window, stride, dropout_scale, its_sums)
            _write_patches(images[first + image], side, patches[image * n_places : (image + 1) * n_places])
        d_group = d_sums[: n * n_places]
        # OpenBLAS is slower at the transpose of this product.
        np.dot(patches[: n * n_places].T, d_group, d_weight)
        for j in range(n_filters):
            for p in range(weight.shape[1]):
                weight_sum[j, p] += scale * d_weight[p, j]
        for place in range(n * n_places):
            for j in range(n_filters):
                d_bias[j] += d_group[place, j]
        if wants_input:
            np.dot(d_group, weight, patches[: n * n_places])
            for image in range(n):
                d_images[first + image] = 0
                for place in range(n_places):
                    patch = patches[image * n_places + place]
                    _add_patch(patch, side, d_images[first + image], place // columns, place % columns)
    for j in range(n_filters):
        bias_sum[j] += scale * d_bias[j]


@kernel()
def _add_few_gradients(images, weight, gradient, origins, sides, factors, sums, d_images, wants_input):
    n_images, height, width = images.shape[:3]
    side, window, stride = sides
    dropout_scale, scale = factors
    weight_sum, bias_sum = sums
    columns, n_filters, length = width - side + 1, bias_sum.shape[0], weight.shape[1]
    cell_rows, cell_columns = gradient.shape[1], gradient.shape[2]
    patches = np.empty(((height - side + 1) * columns, length), dtype=np.float32)
    d_weight, d_bias = np.zeros_like(weight), np.zeros(n_filters, dtype=np.float32)
    # Of each filter, the places that have a gradient; of each place of a window, the filters that have one there.
    flat_weight = weight.reshape(-1)
    places = np.empty((n_filters, cell_rows * cell_columns), dtype=np.int32)
    at_places = np.empty((n_filters, cell_rows * cell_columns), dtype=np.float32)
    n_at = np.empty(n_filters, dtype=np.int64)
    filters = np.empty((window * window, n_filters), dtype=np.int32)
    of_filters = np.empty((window * window, n_filters), dtype=np.float32)
    n_of = np.empty(window * window, dtype=np.int64)
    patch = np.empty(length, dtype=np.float32)
    for image in range(n_images):
        _write_patches(images[image], side, patches)
        n_at[:] = 0
        if wants_input:
            d_images[image] = 0
        for cell in range(cell_rows * cell_columns):
            row, column = cell // cell_columns, cell % cell_columns
            given, origin = gradient[image, row, column], origins[image, row, column]
            n_of[:] = 0
            for j in range(n_filters):
                number = np.int64(origin[j])
                if number != NOWHERE:
                    value = given[j] * dropout_scale
                    place = (row * stride + number // window) * columns + column * stride + number % window
                    places[j, n_at[j]], at_places[j, n_at[j]] = place, value
                    n_at[j] += 1
                    filters[number, n_of[number]], of_filters[number, n_of[number]] = j, value
                    n_of[number] += 1
                    d_bias[j] += value
            if not wants_input:
                continue
            for number in range(window * window):
                if n_of[number] > 0:
                    patch[:] = 0
                    _add_rows(patch, flat_weight, filters[number], of_filters[number], n_of[number])
                    place_row, place_column = row * stride + number // window, column * stride + number % window
                    _add_patch(patch, side, d_images[image], place_row, place_column)
        for j in range(n_filters):
            _add_rows(d_weight[j], patches.reshape(-1), places[j], at_places[j], n_at[j])
    for j in range(n_filters):
        bias_sum[j] += scale * d_bias[j]
        for p in range(length):
            weight_sum[j, p] += scale * d_weight[j, p]


@kernel()
def _add_patch(patch, side, image, place_row, place_column):
    """Add the pixels of a window to an image."""
    width, channels = image.shape[1], image.shape[2]
    pixels, line = image.reshape(-1), side * channels
    for row in range(side):
        start = ((place_row + row) * width + place_column) * channels
        into, from_ = pixels[start : start + line], patch[row * line : (row + 1) * line]
        for value in range(line):
            into[value] += from_[value]
