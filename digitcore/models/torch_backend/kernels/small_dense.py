"""A step of a network of narrow dense layers, which leaves out what is multiplied with zero.

Four of five pixels of MNIST are zero, and half of the units behind a ReLU. At small batches a library's matrix product
of all values takes longer than these sums of rows: mnist-dropout-mlp's epoch gains a third on one thread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digitcore.models.torch_backend.kernels.dropout import Dropout
from digitcore.models.torch_backend.kernels.kernel import kernel


class SmallDenseLayers:
    """The dense layers of a network in training: ReLU and dropout behind each but the last.

    Parameters
    ----------
    sizes : sequence of int
        Pixels, hidden units of each layer, classes.
    weights : ndarray, float32, (n_parameters,)
        Layer by layer the weights, ``(n_inputs, n_units)`` row by row, and the biases; shared.
    sums : ndarray, float32, (n_parameters,)
        Where :meth:`backward` adds up gradients, in the order of ``weights``; may be ``weights`` itself.
    dropout : Dropout or None
        Behind every hidden layer.
    most_images : int
        Of a batch.
    """

    def __init__(
        self, sizes: Sequence[int], weights: np.ndarray, sums: np.ndarray, dropout: Dropout | None, most_images: int
    ):
        self._sizes = np.array(sizes, dtype=np.int64)
        self._weights, self._sums, self._dropout = weights, sums, dropout
        self._n_hidden, n_inputs = sum(sizes[1:-1]), sum(sizes[:-1])
        # Of every layer but the images themselves, which are not copied.
        self._values = np.empty((most_images, self._n_hidden + sizes[-1]), dtype=np.float32)
        # Positions of each layer's inputs that are not zero, layer by layer, and how many.
        self._lit = np.empty((most_images, n_inputs), dtype=np.int32)
        self._n_lit = np.empty((most_images, len(sizes) - 1), dtype=np.int64)
        # Read where there is no dropout.
        self._lowest_levels = np.zeros(most_images * self._n_hidden, dtype=np.uint16)

    def forward(self, X: np.ndarray, rows: np.ndarray, logits: np.ndarray) -> None:
        """Write the logits, float32 ``(n_classes, n_images)``, of some images.

        Parameters
        ----------
        X : ndarray, float32, (n, n_pixels)
            Images.
        rows : ndarray, int64, (n_images,)
            Positions of those that are meant.
        logits : ndarray, float32, (n_classes, n_images)
        """
        levels, highest, scale = self._lowest_levels, np.uint16(0), np.float32(1)
        if self._dropout is not None:
            levels = self._dropout.draw(len(rows) * self._n_hidden)
            highest, scale = self._dropout.highest, np.float32(self._dropout.scale)
        self._X, self._rows = X, rows
        work = (self._values, self._lit, self._n_lit)
        _forward(X, rows, self._sizes, self._weights, (levels, highest, scale), work, logits)

    def backward(self, d_logits: np.ndarray, scale: float, kept: float) -> None:
        """Set each sum to ``kept`` times what it was plus ``scale`` times the gradient, for the last batch.

        Parameters
        ----------
        d_logits : ndarray, float32, (n_classes, n_images)
            Gradient of the logits.
        scale, kept : float
        """
        dropped = np.float32(self._dropout.scale if self._dropout is not None else 1)
        factors = (np.float32(scale), np.float32(kept), dropped)
        work = (self._values, self._lit, self._n_lit)
        _backward(d_logits, self._X, self._rows, self._sizes, self._weights, factors, work, self._sums)


@kernel()
def _forward(X, rows, sizes, weights, dropout, work, logits):
    levels, highest, scale = dropout
    values, lit, n_lit = work
    n_layers, n_hidden = sizes.shape[0] - 1, values.shape[1] - logits.shape[0]
    factors = np.empty(lit.shape[1], dtype=np.float32)
    for image in range(rows.shape[0]):
        inputs, first, first_unit, first_weight = X[rows[image]], 0, 0, 0
        for layer in range(n_layers):
            n_units = sizes[layer + 1]
            places = lit[image, first : first + sizes[layer]]
            n_places = _find_lit(inputs, places, factors)
            n_lit[image, layer] = n_places
            biases = first_weight + sizes[layer] * n_units
            out = values[image, first_unit : first_unit + n_units]
            for unit in range(n_units):
                out[unit] = weights[biases + unit]
            _add_rows(out, weights[first_weight:biases], places, factors, n_places)
            if layer < n_layers - 1:
                start = image * n_hidden + first_unit
                _rectify(out, levels[start : start + n_units], highest, scale)
            inputs, first, first_unit, first_weight = out, first + sizes[layer], first_unit + n_units, biases + n_units
        for unit in range(logits.shape[0]):
            logits[unit, image] = inputs[unit]


@kernel()
def _find_lit(inputs, places, factors):
    """Write the positions of the inputs that are not zero, and the inputs there, and return their number."""
    n_places = 0
    for place in range(inputs.shape[0]):
        # Without a branch, which could not be foreseen: what does not count is overwritten by the next one.
        places[n_places], factors[n_places] = place, inputs[place]
        n_places += inputs[place] != 0
    return n_places


@kernel()
def _rectify(values, levels, highest, scale):
    for unit in range(values.shape[0]):
        # Not "above zero or else": a NaN must stay one.
        dropped = (values[unit] <= 0) | (levels[unit] > highest)
        values[unit] = np.float32(0) if dropped else values[unit] * scale


@kernel()
def _add_rows(out, matrix, rows, factors, n_rows):
    """Add rows of a flat matrix, each times its factor, eight in one pass over ``out``; also in ``convolution``."""
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


@kernel()
def _backward(d_logits, X, rows, sizes, weights, factors, work, sums):
    scale, kept, dropped = factors
    values, lit, n_lit = work
    above = np.empty((d_logits.shape[1], d_logits.shape[0]), dtype=np.float32)
    for image in range(above.shape[0]):
        for unit in range(above.shape[1]):
            above[image, unit] = d_logits[unit, image]
    _keep(sums, kept)
    first, after_biases = lit.shape[1], weights.shape[0]
    for layer in range(sizes.shape[0] - 2, -1, -1):
        n_units = sizes[layer + 1]
        first, biases = first - sizes[layer], after_biases - n_units
        first_weight = biases - sizes[layer] * n_units
        below = np.zeros((above.shape[0], sizes[layer] if layer else 0), dtype=np.float32)
        if layer:
            # Before the weights' own gradients, whose sums may be the weights.
            for image in range(above.shape[0]):
                places = lit[image, first : first + n_lit[image, layer]]
                _inner_products(above[image], weights[first_weight:biases], places, dropped, below[image])
        for image in range(above.shape[0]):
            places = lit[image, first : first + n_lit[image, layer]]
            for unit in range(n_units):
                above[image, unit] *= scale
                sums[biases + unit] += above[image, unit]
            inputs = values[image, first - sizes[0] : first - sizes[0] + sizes[layer]] if layer else X[rows[image]]
            _add_to_rows(sums[first_weight:biases], places, inputs, above[image])
        above, after_biases = below, first_weight


@kernel()
def _add_to_rows(matrix, rows, factors, vector):
    """Add ``vector`` times their factors to rows of a flat matrix."""
    n = vector.shape[0]
    for p in range(rows.shape[0]):
        row, factor = matrix[rows[p] * n :], factors[rows[p]]
        for j in range(n):
            row[j] += factor * vector[j]


@kernel()
def _keep(sums, kept):
    if kept == 0:
        # Whatever was there: not even a NaN is kept.
        sums[:] = 0
    elif kept != 1:
        for q in range(sums.shape[0]):
            sums[q] *= kept


@kernel(reorders_sums=True)
def _inner_products(vector, matrix, rows, scale, out):
    """Write the products of ``vector`` with rows of a flat matrix, times ``scale``, at the rows' places in ``out``."""
    n = vector.shape[0]
    done = 0
    while done + 4 <= rows.shape[0]:
        r = rows[done : done + 4]
        m0, m1, m2, m3 = matrix[r[0] * n :], matrix[r[1] * n :], matrix[r[2] * n :], matrix[r[3] * n :]
        s0, s1, s2, s3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(n):
            s0 += vector[j] * m0[j]
            s1 += vector[j] * m1[j]
            s2 += vector[j] * m2[j]
            s3 += vector[j] * m3[j]
        out[r[0]], out[r[1]], out[r[2]], out[r[3]] = s0 * scale, s1 * scale, s2 * scale, s3 * scale
        done += 4
    for p in range(done, rows.shape[0]):
        row, total = matrix[rows[p] * n :], np.float32(0)
        for j in range(n):
            total += vector[j] * row[j]
        out[rows[p]] = total * scale
