"""Single images: which are wrong, how sure the model was, and what several models say of one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from digitcore.errors import DatasetError
from digitcore.evaluation._checks import (
    check_same_length,
    checked_labels,
    checked_names,
    checked_pair,
    checked_probabilities,
)


def wrong_indices(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return the positions (int64, ascending) of the wrong predictions.

    Raises
    ------
    DatasetError
        If lengths differ or these are not class indices.
    """
    return np.flatnonzero(~right_predictions(truth, prediction)).astype(np.int64)


def right_predictions(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return which predictions are right, bool ``(n_images,)``.

    Raises
    ------
    DatasetError
        As :func:`wrong_indices`.
    """
    truth, prediction = checked_pair(truth, prediction)
    return truth == prediction


def mistake_table(
    truth: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    positions: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return what the model said of some images, and how sure it was.

    Parameters
    ----------
    truth : ndarray of shape (n_images,), integer
        Class indices.
    probabilities : ndarray of shape (n_images, n_classes)
        Rows that add up to 1.
    class_names : sequence of str
        One name a class.
    positions : ndarray of shape (n,), integer, optional
        Which images, in this order; all the wrong ones by default.

    Returns
    -------
    DataFrame
        ``position``, ``truth``, ``prediction`` (class names), ``probability`` (of the prediction),
        ``truth_probability`` (of the truth), both 0 to 1.

    Raises
    ------
    DatasetError
        If anything does not fit together.
    """
    names = np.array(checked_names(class_names), dtype=object)
    probabilities = checked_probabilities(probabilities, len(names))
    truth = checked_labels(truth, "truth", len(names))
    check_same_length(truth, probabilities, "truth", "probabilities")
    prediction = probabilities.argmax(axis=1)
    if positions is None:
        positions = np.flatnonzero(truth != prediction)
    positions = checked_labels(positions, "positions", len(truth))
    truth, prediction = truth[positions], prediction[positions]
    return pd.DataFrame(
        {
            "position": positions,
            "truth": pd.Series(names[truth], dtype=str),
            "prediction": pd.Series(names[prediction], dtype=str),
            "probability": probabilities[positions, prediction].astype(np.float64),
            "truth_probability": probabilities[positions, truth].astype(np.float64),
        }
    )


def judgements_table(probabilities: Mapping[str, np.ndarray], class_names: Sequence[str]) -> pd.DataFrame:
    """Return what several models say of one image.

    Parameters
    ----------
    probabilities : mapping of str to ndarray of shape (n_classes,)
        By the name of the run.
    class_names : sequence of str
        One name a class.

    Returns
    -------
    DataFrame
        ``run``, ``prediction``, ``probability``, and ``second``, ``second_probability`` of the next best class; both
        probabilities 0 to 1, the second ones missing where there is a single class.

    Raises
    ------
    DatasetError
        If these are not probabilities of these classes.
    """
    names = checked_names(class_names)
    rows = []
    for run, row in probabilities.items():
        row = checked_probabilities(np.atleast_2d(row), len(names))[0]
        best, *others = np.argsort(-row, kind="stable")
        second = (names[others[0]], float(row[others[0]])) if others else (None, math.nan)
        rows.append((run, names[best], float(row[best]), *second))
    return pd.DataFrame(rows, columns=["run", "prediction", "probability", "second", "second_probability"])


def pixel_table(image: np.ndarray) -> pd.DataFrame:
    """Return the pixel values of one image ``(height, width)``, rows and columns labelled from 0.

    Raises
    ------
    DatasetError
        If ``image`` is not two-dimensional.
    """
    image = np.asarray(image)
    if image.ndim != 2:
        raise DatasetError(f"image must have the shape (height, width), got {image.shape}")
    return pd.DataFrame(image.copy())
