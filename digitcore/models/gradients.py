"""What may be done to gradients before an update: labels smoothed, and the whole clipped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# As in ``torch.nn.utils.clip_grad_norm_``.
_LEAST_NORM = 1e-6


def smooth(error: np.ndarray, y: np.ndarray, label_smoothing: float) -> None:
    """Turn the gradient of the logits under hard labels into that under smoothed ones, in place.

    Parameters
    ----------
    error : ndarray, float, (n_classes, n_images)
        Probabilities minus truth, not yet divided by the number of images.
    y : ndarray, int, (n_images,)
        Position of each image's class.
    label_smoothing : float
        Share of the truth that is spread evenly over the classes, 0 to 1.

    References
    ----------
    Szegedy et al., "Rethinking the inception architecture for computer vision", 2016, section 7;
    ``torch.nn.CrossEntropyLoss``.
    """
    error[y, np.arange(len(y))] += label_smoothing
    error -= label_smoothing / len(error)


def clip(gradients: Sequence[np.ndarray], max_norm: float) -> None:
    """Shorten gradients, taken as one vector, to the length ``max_norm`` in place; shorter ones stay as they are.

    A gradient with NaN or infinity becomes NaN, so that the training is found to diverge.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013, algorithm 1.
    """
    # In double precision, where squares of large float32 do not overflow.
    squares = [np.square(each, dtype=np.float64).sum() for each in gradients]
    factor = clipping_factor(float(np.sqrt(np.sum(squares))), max_norm)
    if factor != 1.0:
        for each in gradients:
            each *= factor


def clipping_factor(norm: float, max_norm: float) -> float:
    """Return what gradients of the length ``norm`` are multiplied with, at most 1; NaN and infinity give no 1."""
    factor = max_norm / (norm + _LEAST_NORM)
    return 1.0 if factor >= 1 else factor
