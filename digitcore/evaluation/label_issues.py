"""Images whose label the model contradicts with confidence: confident learning.

References
----------
Northcutt, Jiang and Chuang (2021), "Confident learning: estimating uncertainty in dataset labels", Journal of
Artificial Intelligence Research 70, 1373-1411.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from digitcore.evaluation import predictions, wrong_indices
from digitcore.wording import percent_text

# Of the issues that models of this accuracy find in scikit-learn's digits, 29 in 100 are wrong labels where 1 % of the
# labels is wrong, and 81 where 3 % are (`benchmarks/choices.py`): below it most are the models' own mistakes.
STRONG_ACCURACY = 0.9


def confident_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the mean probability of each class among the images labelled so, float64 ``(n_classes,)``.

    From there on a probability counts as confident (the paper's equation 2). Infinite for a class of a single image or
    none: out of fold, no model knows it.

    Parameters
    ----------
    labels : ndarray of shape (n_images,), integer
        Given class indices.
    probabilities : ndarray of shape (n_images, n_classes)
        Out of fold: of models that have not been trained on these images.
    """
    n_images = np.bincount(labels, minlength=probabilities.shape[1])
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    summed = np.bincount(labels, weights=of_label, minlength=probabilities.shape[1])
    return np.divide(summed, n_images, out=np.full(len(n_images), np.inf), where=n_images > 1)


def find_label_issues(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the positions (int64) of images whose label is suspected to be wrong, the most suspicious first.

    A label is an issue where its class has others and, of the classes it is confidently in, the most probable one is
    not its label, and neither is the model's prediction. The less probable its label, the more suspicious it is.

    Parameters
    ----------
    labels, probabilities : ndarray
        As for :func:`confident_thresholds`.

    Raises
    ------
    DatasetError
        If these are not labels and probabilities of the same images.
    """
    contradicted = wrong_indices(labels, predictions(probabilities))
    rows = probabilities[contradicted]
    thresholds = confident_thresholds(labels, probabilities)
    # float32 probabilities may miss a threshold that equals them by a rounding.
    confident = np.where(rows >= thresholds - 1e-6, rows, -1.0)
    is_issue = np.isfinite(thresholds[labels[contradicted]])
    is_issue &= (confident.max(axis=1, initial=-1.0) >= 0) & (confident.argmax(axis=1) != labels[contradicted])
    issues = contradicted[is_issue]
    of_label = probabilities[issues, labels[issues]]
    return issues[np.argsort(of_label, kind="stable")]


def label_issues_table(
    labels: np.ndarray, probabilities: np.ndarray, issues: np.ndarray, class_names: Sequence[str]
) -> pd.DataFrame:
    """Return one row per issue, in the order given.

    Returns
    -------
    DataFrame
        ``position``, ``label`` (as given), ``suggestion`` (the model's prediction), ``label_probability`` and
        ``suggestion_probability``, 0 to 1.
    """
    names = np.array([str(name) for name in class_names], dtype=object)
    suggested = probabilities[issues].argmax(axis=1)
    return pd.DataFrame(
        {
            "position": issues,
            "label": names[labels[issues]],
            "suggestion": names[suggested],
            "label_probability": probabilities[issues, labels[issues]].astype(np.float64),
            "suggestion_probability": probabilities[issues, suggested].astype(np.float64),
        }
    )


def out_of_fold_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of images whose label the models that had not seen them predict, 0 to 1; NaN without images.

    Wrong labels count as mistakes of the models, so that it is a little too low where there are any.

    Parameters
    ----------
    labels, probabilities : ndarray
        As for :func:`confident_thresholds`.
    """
    return float(np.mean(predictions(probabilities) == labels)) if len(labels) else float("nan")


def label_issues_warning(accuracy: float) -> str:
    """Return what to know about issues that models of this out-of-fold accuracy found; empty for strong models."""
    if not accuracy < STRONG_ACCURACY:
        return ""
    return (
        f"Models that are right on only {percent_text(accuracy)} of the images contradict many labels that are "
        "right: unless several in a hundred labels are wrong, most of these label issues are the models' own mistakes. "
        "Train a better model first, and search again."
    )
