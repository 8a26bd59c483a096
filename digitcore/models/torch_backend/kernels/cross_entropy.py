"""Cross-entropy of a softmax with its gradient, and how many images are right, in one pass over the logits.

Epochs of digits-mlp gain a quarter: torch's softmax is computed twice, and its maximum found three times.
"""

from __future__ import annotations

import numpy as np

from digitcore.models.torch_backend.kernels.kernel import kernel

# Images at a time: what is kept of them between the passes over the classes stays in the innermost cache.
_AT_ONCE = 512
_LOG2_E = np.float32(1.44269504)
# ln 2 as a number with few digits, whose multiples are exact, and what it lacks.
_LN_2, _LN_2_REST = np.float32(0.693359375), np.float32(-2.12194440e-4)
# A sum with it is a whole number in its lowest digits.
_ROUNDING = np.float32(12582912.0)
_LOWEST = np.float32(-87.0)


_NONE = np.empty(0, dtype=np.float32)


def cross_entropy(logits: np.ndarray, y: np.ndarray, gradient: np.ndarray | None = None) -> tuple[float, int]:
    """Return the summed cross-entropy in nats and the number of images whose class has the highest logit.

    Parameters
    ----------
    logits : ndarray, float32, (n_classes, n_images)
        Class by class. NaN gives NaN.
    y : ndarray, int64, (n_images,)
        Position of each image's class.
    gradient : ndarray, float32, (n_classes, n_images), optional
        Gets the gradient of the sum.
    """
    if gradient is None:
        gradient = np.empty((len(logits), min(_AT_ONCE, len(y))), dtype=np.float32)
        return _cross_entropy(logits, y, gradient, False)
    return _cross_entropy(logits, y, gradient, True)


def adapt_gradient(
    gradient: np.ndarray,
    y: np.ndarray,
    label_smoothing: float,
    weights: np.ndarray | None = None,
    errors: np.ndarray | None = None,
) -> None:
    """Turn the gradient of :func:`cross_entropy` into that under smoothed labels and of images that count differently.

    Parameters
    ----------
    gradient, y
        See there; the gradient is changed in place.
    label_smoothing : float
        Share of the truth that is spread evenly over the classes, 0 to 1.
    weights : ndarray, float32, (n_images,), optional
        How much each image counts.
    errors : ndarray, float32, (n_images,), optional
        Gets one minus the probability of each image's class, which the gradient tells before it is changed.

    See Also
    --------
    digitcore.models.gradients.smooth : The same for the labels alone, with the source of the formula.
    """
    weights, errors = (_NONE if each is None else each for each in (weights, errors))
    _adapt_gradient(gradient, y, np.float32(label_smoothing), weights, errors)


@kernel()
def _adapt_gradient(gradient, y, label_smoothing, weights, errors):
    n_classes = gradient.shape[0]
    for i in range(errors.shape[0]):
        errors[i] = -gradient[y[i], i]
    if label_smoothing > 0:
        for i in range(y.shape[0]):
            gradient[y[i], i] += label_smoothing
        for c in range(n_classes):
            row = gradient[c]
            for i in range(row.shape[0]):
                row[i] -= label_smoothing / np.float32(n_classes)
    if weights.shape[0] > 0:
        for c in range(n_classes):
            row = gradient[c]
            for i in range(row.shape[0]):
                row[i] *= weights[i]


@kernel()
def _cross_entropy(logits, y, gradient, keeps):
    loss, n_right = 0.0, 0
    for start in range(0, y.shape[0], _AT_ONCE):
        stop = min(start + _AT_ONCE, y.shape[0])
        kept_at = start if keeps else 0
        block_loss, block_right = _one_block(logits, y, start, stop, gradient, kept_at, keeps)
        loss += block_loss
        n_right += block_right
    return loss, n_right


@kernel()
def _one_block(logits, y, start, stop, gradient, kept_at, keeps):
    n_images = stop - start
    y = y[start:stop]
    largest, best = logits[0][start:stop].copy(), np.zeros(n_images, dtype=np.int32)
    for c in range(1, logits.shape[0]):
        row = logits[c][start:stop]
        for i in range(n_images):
            higher = row[i] > largest[i]
            largest[i] = row[i] if higher else largest[i]
            best[i] = c if higher else best[i]
    total = np.zeros(n_images, dtype=np.float32)
    for c in range(logits.shape[0]):
        _exponentials(logits[c][start:stop], largest, gradient[c][kept_at : kept_at + n_images], total)
    loss, n_right = 0.0, 0
    for i in range(n_images):
        loss += np.log(total[i]) + (largest[i] - logits[y[i], start + i])
        n_right += best[i] == y[i]
    if keeps:
        for c in range(logits.shape[0]):
            row = gradient[c][start:stop]
            for i in range(n_images):
                row[i] /= total[i]
        for i in range(n_images):
            gradient[y[i], start + i] -= np.float32(1)
    return loss, n_right


@kernel()
def _exponentials(logits, largest, powers, total):
    """Write exp(logits - largest) and add it to ``total``.

    References
    ----------
    Moshier, "Cephes mathematical library", expf.c (reduction and polynomial; relative error below 2e-7).
    """
    for i in range(logits.shape[0]):
        x = logits[i] - largest[i]
        # Not max(): a NaN must stay one.
        x = _LOWEST if x < _LOWEST else x
        rounded = x * _LOG2_E + _ROUNDING
        exponent = np.float32(rounded).view(np.int32) << np.int32(23)
        whole = rounded - _ROUNDING
        x = x - whole * _LN_2 - whole * _LN_2_REST
        y = np.float32(1.9875691500e-4)
        y = y * x + np.float32(1.3981999507e-3)
        y = y * x + np.float32(8.3334519073e-3)
        y = y * x + np.float32(4.1665795894e-2)
        y = y * x + np.float32(1.6666665459e-1)
        y = y * x + np.float32(5.0000001201e-1)
        y = y * x * x + x + np.float32(1)
        power = np.int32(np.float32(y).view(np.int32) + exponent).view(np.float32)
        powers[i] = power
        total[i] += power
