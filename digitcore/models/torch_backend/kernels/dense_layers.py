"""Dense layers with ReLU in training, by products of matrices: one call each way, in which other threads can run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from digitcore.models.torch_backend.kernels.kernel import kernel


class DenseLayers:
    """The dense layers of a network in training: ReLU behind each but the last.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden units of each layer, classes.
    weights : ndarray, float32, (n_parameters,)
        Layer by layer the weights, ``(n_units, n_inputs)`` row by row, and the biases; shared.
    sums : ndarray, float32, (n_parameters,)
        Where :meth:`backward` adds up gradients, in the order of ``weights``; may be ``weights`` itself.
    most_images : int
        Of a batch.
    """

    def __init__(self, sizes: Sequence[int], weights: np.ndarray, sums: np.ndarray, most_images: int):
        self._sizes = np.array(sizes, dtype=np.int64)
        self._weights, self._sums = weights, sums
        # Of the hidden layers, image by image in each; two gradients of their sums; and one of weights.
        self._values = np.empty(most_images * sum(sizes[1:-1]), dtype=np.float32)
        self._gradients = np.empty((2, most_images * max(sizes[1:])), dtype=np.float32)
        self._d_weight = np.empty(max(n_inputs * n_units for n_inputs, n_units in pairwise(sizes)), dtype=np.float32)

    def forward(self, X: np.ndarray, logits: np.ndarray) -> None:
        """Write the logits, float32 ``(n_classes, n_images)``, for float32 ``(n_images, n_inputs)``."""
        self._X = X
        _forward(X, self._sizes, self._weights, self._values, logits)

    def backward(self, d_logits: np.ndarray, scale: float, kept: float, d_X: np.ndarray) -> None:
        """Set each sum to ``kept`` times what it was plus ``scale`` times the gradient, for the last batch.

        Parameters
        ----------
        d_logits : ndarray, float32, (n_classes, n_images)
            Gradient of the logits.
        scale, kept : float
        d_X : ndarray, float32, (n_images, n_inputs)
            Gets the gradient of the inputs.
        """
        factors = np.float32(scale), np.float32(kept)
        work = self._values, self._gradients, self._d_weight
        _backward(d_logits, self._X, self._sizes, self._weights, factors, work, self._sums, d_X)


@kernel()
def _forward(X, sizes, weights, values, logits):
    n_images, n_layers = X.shape[0], sizes.shape[0] - 1
    inputs, first, first_value = X, 0, 0
    for layer in range(n_layers):
        n_inputs, n_units = sizes[layer], sizes[layer + 1]
        biases = first + n_inputs * n_units
        matrix = weights[first:biases].reshape((n_units, n_inputs))
        if layer == n_layers - 1:
            np.dot(matrix, inputs.T, logits)
            for unit in range(n_units):
                logits[unit] += weights[biases + unit]
            break
        out = values[first_value : first_value + n_images * n_units].reshape((n_images, n_units))
        np.dot(inputs, matrix.T, out)
        for image in range(n_images):
            _rectify(out[image], weights[biases : biases + n_units])
        inputs, first, first_value = out, biases + n_units, first_value + n_images * n_units


@kernel()
def _rectify(sums, biases):
    for unit in range(sums.shape[0]):
        value = sums[unit] + biases[unit]
        # Not "above zero": a NaN must stay one.
        sums[unit] = np.float32(0) if value <= 0 else value


@kernel()
def _backward(d_logits, X, sizes, weights, factors, work, sums, d_X):
    values, gradients, d_weight = work
    n_images, n_layers = X.shape[0], sizes.shape[0] - 1
    first, first_value = weights.shape[0], n_images * sizes[1:-1].sum()
    delta = gradients[0, : n_images * sizes[n_layers]].reshape((n_images, sizes[n_layers]))
    delta[:] = d_logits.T
    for layer in range(n_layers - 1, -1, -1):
        n_inputs, n_units = sizes[layer], sizes[layer + 1]
        first -= (n_inputs + 1) * n_units
        biases = first + n_inputs * n_units
        matrix = weights[first:biases].reshape((n_units, n_inputs))
        inputs, below = X, d_X
        if layer > 0:
            first_value -= n_images * n_inputs
            inputs = values[first_value : first_value + n_images * n_inputs].reshape((n_images, n_inputs))
            below = gradients[(n_layers - layer) % 2, : n_images * n_inputs].reshape((n_images, n_inputs))
        # Before the sums, which may be the weights.
        np.dot(delta, matrix, below)
        product = d_weight[: n_inputs * n_units].reshape((n_units, n_inputs))
        np.dot(delta.T, inputs, product)
        _add(sums[first:biases], product.reshape(-1), factors)
        d_bias = d_weight[:n_units]
        d_bias[:] = 0
        for image in range(n_images):
            for unit in range(n_units):
                d_bias[unit] += delta[image, unit]
        _add(sums[biases : biases + n_units], d_bias, factors)
        if layer > 0:
            _let_through(below.reshape(-1), inputs.reshape(-1))
            delta = below


@kernel()
def _add(sums, gradient, factors):
    scale, kept = factors
    if kept == 0:  # whatever is there
        for p in range(sums.shape[0]):
            sums[p] = scale * gradient[p]
        return
    for p in range(sums.shape[0]):
        sums[p] = kept * sums[p] + scale * gradient[p]


@kernel()
def _let_through(gradient, values):
    for q in range(values.shape[0]):
        gradient[q] = np.float32(0) if values[q] <= 0 else gradient[q]
