"""How far a model's confidence can be trusted: reliability, calibration error, and what is gained by refusing.

Labels and probabilities are those of :mod:`digitcore.evaluation`; confidence is the probability of the prediction.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from digitcore.errors import InvalidSetting
from digitcore.evaluation import predictions, ratio, right_predictions, wilson_interval
from digitcore.wording import counted, percent_interval_text, percent_text


def reliability_table(truth: np.ndarray, probabilities: np.ndarray, n_bins: int = 10) -> pd.DataFrame:
    """Return accuracy against confidence, in bins of confidence of equal width.

    Returns
    -------
    DataFrame
        A row per bin: ``low``, ``high`` (its confidences, ``high`` included), ``n_images``, ``confidence`` (their
        mean), ``accuracy``, and ``accuracy_low``, ``accuracy_high`` (95 % Wilson interval); all shares 0 to 1, NaN
        without images.

    Raises
    ------
    DatasetError
        If these are not labels and probabilities of the same images.
    InvalidSetting
        If ``n_bins`` is not from 1 to 100.
    """
    confidence, right = confidence_and_right(truth, probabilities)
    bins = confidence_bins(confidence, n_bins)
    n_images = np.bincount(bins, minlength=n_bins)
    n_right = np.bincount(bins, weights=right, minlength=n_bins).astype(int)
    summed = np.bincount(bins, weights=confidence, minlength=n_bins)
    intervals = [wilson_interval(int(k), int(n)) for k, n in zip(n_right, n_images, strict=True)]
    edges = np.linspace(0, 1, n_bins + 1)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "n_images": n_images,
            "confidence": ratio(summed, n_images),
            "accuracy": ratio(n_right, n_images),
            "accuracy_low": [low for low, _ in intervals],
            "accuracy_high": [high for _, high in intervals],
        }
    )


def expected_calibration_error(table: pd.DataFrame) -> float:
    """Return the mean distance of accuracy from confidence, 0 to 1, over the images of :func:`reliability_table`.

    NaN without images.

    References
    ----------
    Guo et al. (2017), "On calibration of modern neural networks", equation 3.
    """
    n_images = table["n_images"].sum()
    if n_images == 0:
        return math.nan
    filled = table[table["n_images"] > 0]
    return float((filled["n_images"] * (filled["accuracy"] - filled["confidence"]).abs()).sum() / n_images)


def calibration_sentence(table: pd.DataFrame) -> str:
    """Say what :func:`reliability_table` comes to: overconfident, underconfident, or neither.

    Where the mean confidence lies in the 95 % Wilson interval of the accuracy, it says that chance may be the reason.
    """
    error = expected_calibration_error(table)
    if math.isnan(error):
        return "There are no images."
    filled = table[table["n_images"] > 0]
    share, n_images = filled["n_images"] / filled["n_images"].sum(), int(filled["n_images"].sum())
    accuracy, confidence = (share * filled["accuracy"]).sum(), (share * filled["confidence"]).sum()
    figures = f"on average {percent_text(confidence)} sure and {percent_text(accuracy)} right"
    if abs(confidence - accuracy) < 0.005:
        return f"The model is about as right as it is sure: {figures}."
    low, high = wilson_interval(round(n_images * accuracy), n_images)
    if low <= confidence <= high:
        interval = f"95 % interval {percent_interval_text(low, high)} %"
        return f"The model is {figures} ({interval}): with {counted(n_images, 'image')} the difference may be chance."
    return f"The model is {'overconfident' if confidence > accuracy else 'underconfident'}: {figures}."


def confidence_table(truth: np.ndarray, probabilities: np.ndarray, n_bins: int = 20) -> pd.DataFrame:
    """Return how many right and wrong predictions were made with which confidence.

    Returns
    -------
    DataFrame
        Two rows per bin: ``low``, ``high`` (confidence, 0 to 1), ``outcome`` ("right", "wrong"), ``n_images``.

    Raises
    ------
    DatasetError, InvalidSetting
        As :func:`reliability_table`.
    """
    confidence, right = confidence_and_right(truth, probabilities)
    bins, edges = confidence_bins(confidence, n_bins), np.linspace(0, 1, n_bins + 1)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "low": edges[:-1],
                    "high": edges[1:],
                    "outcome": outcome,
                    "n_images": np.bincount(bins[chosen], minlength=n_bins),
                }
            )
            for outcome, chosen in (("right", right), ("wrong", ~right))
        ],
        ignore_index=True,
    )


def coverage_table(truth: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Return the accuracy that is left when images below a confidence are refused.

    Returns
    -------
    DataFrame
        ``coverage`` (share of the images answered, ascending to 1), ``accuracy`` (of these, 0 to 1), ``threshold``
        (their least confidence). Images of equal confidence are answered together. Empty without images.

    Raises
    ------
    DatasetError
        As :func:`reliability_table`.

    References
    ----------
    El-Yaniv and Wiener (2010), "On the foundations of noise-free selective classification" (the risk-coverage curve).
    """
    confidence, right = confidence_and_right(truth, probabilities)
    order = np.argsort(-confidence, kind="stable")
    confidence, right = confidence[order], right[order]
    n_answered = np.flatnonzero(np.append(np.diff(confidence) != 0, True)[: len(confidence)]) + 1
    return pd.DataFrame(
        {
            "coverage": n_answered / max(len(confidence), 1),
            "accuracy": right.cumsum()[n_answered - 1] / n_answered,
            "threshold": confidence[n_answered - 1],
        }
    )


def refusal_sentence(table: pd.DataFrame, accuracy: float = 0.99) -> str:
    """Say how many images :func:`coverage_table` lets the model answer at an accuracy: the largest such share."""
    good = table[table["accuracy"] >= accuracy]
    if good.empty:
        return f"Leaving out images cannot bring the rest to {100 * accuracy:g} % right."
    best = good.iloc[-1]
    if best["coverage"] == 1:
        return f"All answered, the model is {percent_text(best['accuracy'])} right."
    left_out, threshold = percent_text(1 - best["coverage"], 1), percent_text(best["threshold"], 1)
    return (
        f"Leaving out the {left_out} of the images it is less than {threshold} sure of, the model is "
        f"{percent_text(best['accuracy'])} right on the others."
    )


def confidence_and_right(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence of every image, float64 0 to 1, and whether its prediction is right, bool.

    Both have the shape ``(n_images,)``.

    Raises
    ------
    DatasetError
        If these are not labels and probabilities of the same images.
    """
    right = right_predictions(truth, predictions(probabilities))
    return np.asarray(probabilities).max(axis=1).astype(np.float64).clip(0, 1), right


def confidence_bins(confidence: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the bin of each confidence, int64 0 to ``n_bins - 1``; a bin includes its upper end, as in Guo et al.

    Raises
    ------
    InvalidSetting
        If ``n_bins`` is not from 1 to 100.
    """
    if not 1 <= n_bins <= 100:
        raise InvalidSetting(f"n_bins must be 1 to 100, got {n_bins!r}")
    return np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
