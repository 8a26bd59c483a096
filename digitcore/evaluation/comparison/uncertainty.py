"""Intervals of one model's figures: recall of each class, log-loss and calibration error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from digitcore.errors import ComparisonError
from digitcore.evaluation._checks import (
    check_confidence,
    check_count,
    check_same_length,
    checked_labels,
    checked_probabilities,
)
from digitcore.evaluation.calibration import confidence_and_right, confidence_bins
from digitcore.evaluation.confusion import class_metrics_table, confusion_counts
from digitcore.evaluation.metrics import losses_of, wilson_interval


def recall_intervals_table(
    truth: np.ndarray, prediction: np.ndarray, class_names: Sequence[str], confidence: float = 0.95
) -> pd.DataFrame:
    """Return the recall of every class with its Wilson interval.

    Returns
    -------
    DataFrame
        One row per class: ``class_name``, ``n_images`` (of the true class), ``recall``, ``recall_low``,
        ``recall_high``: 0 to 1, NaN for a class without images.

    Raises
    ------
    DatasetError
        If lengths differ, a label is out of range, or class names are missing or repeated.
    InvalidSetting
        If ``confidence`` is not between 0 and 1.
    """
    table = class_metrics_table(truth, prediction, class_names)[["class_name", "n_images", "recall"]]
    n_right = confusion_counts(truth, prediction, len(table)).diagonal()
    pairs = zip(n_right.tolist(), table["n_images"].tolist(), strict=True)
    intervals = [wilson_interval(right, n, confidence) for right, n in pairs]
    lows, highs = zip(*intervals, strict=True)
    return table.assign(recall_low=lows, recall_high=highs)


def loss_interval(
    truth: np.ndarray,
    probabilities: np.ndarray,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean cross-entropy, in nats, over images.

    Parameters
    ----------
    truth : ndarray of shape (n_images,), integer
        Class indices.
    probabilities : ndarray of shape (n_images, n_classes)
        Rows that add up to 1.
    confidence : float
        Between 0 and 1.
    n_resamples : int
        Number of bootstrap resamples, from 1.
    random_state : int
        Seed of the resamples; the same seed gives the same interval.

    Raises
    ------
    DatasetError
        If these are not labels and probabilities of the same images.
    ComparisonError
        If there is no image.
    InvalidSetting
        If another number is out of range.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993), "An Introduction to the Bootstrap", section 13.3.
    """
    probabilities = checked_probabilities(probabilities)
    truth = checked_labels(truth, "truth", probabilities.shape[1])
    check_same_length(truth, probabilities, "truth", "probabilities")
    losses = losses_of(truth, probabilities)[:, np.newaxis]  # (n_images, 1)
    means = _resampled_means(losses, n_resamples, random_state)[:, 0]
    low, high = _quantiles(means, confidence)
    return low, high


def calibration_error_interval(
    truth: np.ndarray,
    probabilities: np.ndarray,
    n_bins: int = 10,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> tuple[float, float]:
    """Return a bootstrap interval of the expected calibration error, 0 to 1.

    The expected calibration error of few images is too high, because chance alone moves the accuracy of a bin away from
    its confidence, and that of resamples is higher still. The basic bootstrap interval subtracts this excess. Its lower
    end is 0 where a perfectly calibrated model would often enough have an error as large as the observed one, and its
    upper end is never below the observed error.

    Parameters
    ----------
    truth, probabilities, confidence, n_resamples, random_state
        As :func:`loss_interval`.
    n_bins : int
        Number of bins of equal width, 1 to 100.

    Raises
    ------
    DatasetError, ComparisonError, InvalidSetting
        As :func:`loss_interval`.

    References
    ----------
    Davison, A. C. and Hinkley, D. V. (1997), "Bootstrap Methods and their Application", section 5.2 (basic interval).

    Bröcker, J. and Smith, L. A. (2007), "Increasing the reliability of reliability diagrams", Weather and Forecasting
    22, 651-661 (resampling of outcomes as if calibrated).
    """
    sureness, right = confidence_and_right(truth, probabilities)
    bins = confidence_bins(sureness, n_bins)
    gaps = np.zeros((len(right), n_bins))
    gaps[np.arange(len(right)), bins] = right - sureness
    # The error is the sum over bins of the distance from 0 of their summed gaps, divided by the number of images.
    resampled = np.abs(_resampled_means(gaps, n_resamples, random_state)).sum(axis=1)
    error = float(np.abs(gaps.mean(axis=0)).sum())
    low, high = _quantiles(resampled, confidence)
    by_chance = _errors_if_calibrated(sureness, bins, n_resamples, random_state)
    explained = (by_chance >= error).mean() > (1 - confidence) / 2
    return 0.0 if explained else max(2 * error - high, 0.0), max(2 * error - low, error)


def _errors_if_calibrated(sureness: np.ndarray, bins: np.ndarray, n_resamples: int, random_state: int) -> np.ndarray:
    """Calibration errors ``(n_resamples,)`` where each prediction is right with the probability of its confidence."""
    generator = np.random.default_rng(random_state)
    outcomes = (generator.random(len(sureness)) < sureness for _ in range(n_resamples))
    summed = [np.abs(np.bincount(bins, weights=right - sureness)).sum() for right in outcomes]
    return np.array(summed) / len(sureness)


def _resampled_means(values: np.ndarray, n_resamples: int, random_state: int) -> np.ndarray:
    """Means over images of bootstrap resamples: ``(n_images, n_columns)`` to ``(n_resamples, n_columns)``."""
    check_count(n_resamples, "n_resamples", 1)
    check_count(random_state, "random_state")
    n_images = len(values)
    if n_images == 0:
        raise ComparisonError("There are no images, so no interval can be given: use a part that has some")
    generator = np.random.default_rng(random_state)
    draws = (generator.integers(n_images, size=n_images) for _ in range(n_resamples))
    return np.stack([np.bincount(draw, minlength=n_images) @ values for draw in draws]) / n_images


def _quantiles(figures: np.ndarray, confidence: float) -> tuple[float, float]:
    check_confidence(confidence)
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
