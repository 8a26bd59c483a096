"""How good predictions are: accuracy with its interval, loss, and the gap between two parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from digitcore.errors import DatasetError, InvalidSetting
from digitcore.evaluation._checks import (
    check_confidence,
    check_count,
    check_same_length,
    checked_labels,
    checked_probabilities,
    is_share,
    is_whole,
)
from digitcore.parameters import shortened

# The smallest float32 that has full precision: a probability that underflowed to zero costs 87.3, not infinity.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class PartEvaluation:
    """How a model did on one part of a data set.

    Attributes
    ----------
    n_images, n_right : int
        Images of the part, and those predicted right.
    accuracy : float
        Share predicted right, 0 to 1; NaN without images.
    loss : float
        Mean cross-entropy in nats; NaN without images.
    accuracy_low, accuracy_high : float
        95 % Wilson interval of the accuracy.
    """

    n_images: int
    n_right: int
    accuracy: float
    loss: float
    accuracy_low: float
    accuracy_high: float

    def __str__(self) -> str:
        return (
            f"accuracy {self.accuracy:.4f} (95 % interval {self.accuracy_low:.4f} to {self.accuracy_high:.4f}), "
            f"loss {self.loss:.4f}, {self.n_images} images"
        )


@dataclass(frozen=True)
class PartAccuracy:
    """An accuracy (0 to 1) and the number of images it was measured on: what :func:`judge_fit` reads of a part.

    Raises
    ------
    InvalidSetting
        If the accuracy is not within 0 to 1 or there is no image.
    """

    accuracy: float
    n_images: int

    def __post_init__(self) -> None:
        if not is_share(self.accuracy):
            raise InvalidSetting(f"accuracy must be a number from 0 to 1, got {self.accuracy!r}")
        if not is_whole(self.n_images) or self.n_images < 1:
            raise InvalidSetting(f"n_images must be a whole number from 1, got {self.n_images!r}")


@dataclass(frozen=True)
class AccuracyGap:
    """Training accuracy minus held-out accuracy, -1 to 1, with its 95 % interval."""

    gap: float
    low: float
    high: float

    @property
    def noise(self) -> float:
        """Distance from the gap down to the end of its interval: how much of a gap chance alone makes."""
        return self.gap - self.low


def predictions(probabilities: np.ndarray) -> np.ndarray:
    """Return the most probable class of every image, the first one where several are equal.

    Parameters
    ----------
    probabilities : ndarray of shape (n_images, n_classes)
        Rows that add up to 1.

    Returns
    -------
    ndarray of shape (n_images,), int64

    Raises
    ------
    DatasetError
        If these are not probabilities.
    """
    return checked_probabilities(probabilities).argmax(axis=1).astype(np.int64)


def evaluate(model: Any, X: Any, y: Any) -> PartEvaluation:
    """Return how well a fitted classifier predicts labelled images.

    Parameters
    ----------
    model : estimator
        Any fitted classifier with ``predict_proba`` and ``classes_``, such as :class:`digitcore.MLP` or a pipeline.
    X : array-like, float, (n_images, n_pixels)
        Images, scaled as those of the training.
    y : array-like, (n_images,)
        Their labels. One that is not among ``classes_`` counts as a wrong prediction of probability zero.

    Returns
    -------
    PartEvaluation
        Accuracy with its 95 % Wilson interval, and mean cross-entropy in nats.

    Raises
    ------
    InvalidSetting
        If the model gives no probabilities, or none of the labels is among its classes.
    DatasetError
        If there is not one label for each image.

    Examples
    --------
    >>> print(evaluate(model, X_test, y_test))
    accuracy 0.9622 (95 % interval 0.9404 to 0.9763), loss 0.1278, 450 images
    """
    if not hasattr(model, "predict_proba"):
        raise InvalidSetting(f"model must be a fitted classifier with predict_proba, got {shortened(model)}")
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise DatasetError(f"y must be one-dimensional, one label for each image, got the shape {labels.shape}")
    probabilities = np.asarray(model.predict_proba(X))
    labels, known = labels.tolist(), model.classes_.tolist()
    if labels and not set(labels) & set(known):
        raise InvalidSetting(
            f"None of the labels, such as {shortened(labels[0])}, is among the model's classes {shortened(known)}: "
            "pass labels of the same type as in the training"
        )
    positions = {label: position for position, label in enumerate(known)}
    truth = np.array([positions.setdefault(label, len(positions)) for label in labels], dtype=np.int64)
    unknown = np.zeros((len(probabilities), len(positions) - len(known)), dtype=probabilities.dtype)
    return evaluate_part(truth, np.hstack([probabilities, unknown]))


def evaluate_part(truth: np.ndarray, probabilities: np.ndarray) -> PartEvaluation:
    """Return how well probabilities meet the truth.

    Probabilities are clipped to the smallest float32 before the logarithm, so that an image the model thought
    impossible has a large loss, not an infinite one.

    Parameters
    ----------
    truth : ndarray of shape (n_images,), integer
        Class indices.
    probabilities : ndarray of shape (n_images, n_classes)
        Rows that add up to 1.

    Raises
    ------
    DatasetError
        If lengths differ, a label is out of range, or these are not probabilities.
    """
    probabilities = checked_probabilities(probabilities)
    truth = checked_labels(truth, "truth", probabilities.shape[1])
    check_same_length(truth, probabilities, "truth", "probabilities")
    n_images = len(truth)
    n_right = int((probabilities.argmax(axis=1) == truth).sum())
    low, high = wilson_interval(n_right, n_images)
    return PartEvaluation(
        n_images=n_images,
        n_right=n_right,
        accuracy=n_right / n_images if n_images else math.nan,
        loss=float(losses_of(truth, probabilities).mean()) if n_images else math.nan,
        accuracy_low=low,
        accuracy_high=high,
    )


def losses_of(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of every image in nats, float64 ``(n_images,)``.

    Probabilities are clipped as in :func:`evaluate_part`.
    """
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return -np.log(of_truth.clip(SMALLEST_PROBABILITY, 1))


def wilson_interval(n_right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of the share ``n_right / n``, both ends 0 to 1; NaN, NaN when ``n`` is 0.

    Raises
    ------
    InvalidSetting
        If the numbers are not whole, ``n_right`` is not within 0 to ``n``, or ``confidence`` is not between 0 and 1.

    References
    ----------
    Wilson, E. B. (1927), "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22, 209-212.
    """
    check_count(n, "n")
    if not is_whole(n_right) or not 0 <= n_right <= n:
        raise InvalidSetting(f"n_right must be a whole number from 0 to n ({n}), got {n_right!r}")
    check_confidence(confidence)
    if n == 0:
        return math.nan, math.nan
    return wilson(n_right / n, n, confidence)


def accuracy_gap(train: PartAccuracy | PartEvaluation, held_out: PartAccuracy | PartEvaluation) -> AccuracyGap:
    """Return training accuracy minus held-out accuracy, and its 95 % interval.

    References
    ----------
    Newcombe, R. G. (1998), "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17, 873-890, method 10 (from two Wilson intervals).
    """
    train_low, train_high = wilson(train.accuracy, train.n_images)
    held_out_low, held_out_high = wilson(held_out.accuracy, held_out.n_images)
    gap = train.accuracy - held_out.accuracy
    down = math.hypot(train.accuracy - train_low, held_out_high - held_out.accuracy)
    up = math.hypot(train_high - train.accuracy, held_out.accuracy - held_out_low)
    return AccuracyGap(gap, gap - down, gap + up)


def wilson(share: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # The ends are exactly 0 and 1 at shares of 0 and 1; rounding would miss them by 1e-17.
    return (middle - reach if share > 0 else 0.0), (middle + reach if share < 1 else 1.0)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return ``part / whole`` as float64, NaN where ``whole`` is 0."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    return np.divide(part, whole, out=np.full(shape, np.nan), where=whole != 0)
