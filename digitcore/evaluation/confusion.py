"""What is taken for what: the confusion matrix, figures for each class, and the most confused pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from digitcore.errors import DatasetError, InvalidSetting
from digitcore.evaluation._checks import checked_names, checked_pair, is_whole
from digitcore.evaluation.metrics import ratio
from digitcore.wording import percent_text


def confusion_counts(truth: np.ndarray, prediction: np.ndarray, n_classes: int) -> np.ndarray:
    """Count the images of every pair of true and predicted class.

    Parameters
    ----------
    truth, prediction : ndarray of shape (n_images,), integer
        Class indices.
    n_classes : int
        Number of classes, also of those that no image has.

    Returns
    -------
    ndarray of shape (n_classes, n_classes), int64
        Rows are the truth, columns the prediction.

    Raises
    ------
    DatasetError
        If lengths differ or a label is out of range.
    InvalidSetting
        If ``n_classes`` is not a whole number from 1.
    """
    if not is_whole(n_classes) or n_classes < 1:
        raise InvalidSetting(f"n_classes must be a whole number from 1, got {n_classes!r}")
    truth, prediction = checked_pair(truth, prediction, n_classes)
    cells = np.bincount(truth * n_classes + prediction, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


def confusion_table(truth: np.ndarray, prediction: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the confusion matrix with a row per cell, in class order.

    Returns
    -------
    DataFrame
        ``truth``, ``prediction`` (class names), ``count``, and ``row_pct``: percentage (0 to 100) of the images of that
        true class, NaN for a class without images.

    Raises
    ------
    DatasetError
        If lengths differ, a label is out of range, or class names are missing or repeated.
    """
    names = checked_names(class_names)
    return table_of_counts(confusion_counts(truth, prediction, len(names)), names)


def table_of_counts(counts: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Return counts of :func:`confusion_counts` as the table of :func:`confusion_table`.

    Raises
    ------
    DatasetError
        If class names are missing or repeated, or their number is another one.
    """
    names = checked_names(class_names)
    if counts.shape != (len(names), len(names)):
        raise DatasetError(f"Counts of shape {counts.shape} are not those of {len(names)} classes")
    return pd.DataFrame(
        {
            "truth": np.repeat(names, len(names)),
            "prediction": np.tile(names, len(names)),
            "count": counts.ravel(),
            "row_pct": 100 * ratio(counts, counts.sum(axis=1, keepdims=True)).ravel(),
        }
    )


def class_metrics_table(truth: np.ndarray, prediction: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Return precision, recall and F1 of every class.

    Precision is the share of the images taken for a class that are of it, recall the share of its images that were
    found, F1 the harmonic mean of the two.

    Returns
    -------
    DataFrame
        ``class_name``, ``n_images`` (of the true class), ``precision``, ``recall``, ``f1``: 0 to 1, NaN where
        undefined.

    Raises
    ------
    DatasetError
        As :func:`confusion_table`.
    """
    names = checked_names(class_names)
    counts = confusion_counts(truth, prediction, len(names))
    right, actual, taken = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return pd.DataFrame(
        {
            "class_name": names,
            "n_images": actual,
            "precision": ratio(right, taken),
            "recall": ratio(right, actual),
            "f1": ratio(2 * right, actual + taken),
        }
    )


def confused_pairs_table(
    truth: np.ndarray, prediction: np.ndarray, class_names: Sequence[str], n_pairs: int = 5
) -> pd.DataFrame:
    """Return the most frequent mistakes, at most ``n_pairs`` of them, ties in class order.

    Returns
    -------
    DataFrame
        ``truth``, ``prediction`` (class names), ``count``, ``n_images`` (of the true class), ``truth_share`` (``count``
        as a share of these, 0 to 1). Empty when nothing is wrong.

    Raises
    ------
    DatasetError
        As :func:`confusion_table`.
    InvalidSetting
        If ``n_pairs`` is not a whole number from 1.
    """
    if not is_whole(n_pairs) or n_pairs < 1:
        raise InvalidSetting(f"n_pairs must be a whole number from 1, got {n_pairs!r}")
    names = np.array(checked_names(class_names), dtype=object)
    counts = confusion_counts(truth, prediction, len(names))
    actual = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    cells = np.argsort(-counts, axis=None, kind="stable")[:n_pairs]
    rows, columns = np.divmod(cells[counts.ravel()[cells] > 0], len(names))
    return pd.DataFrame(
        {
            "truth": pd.Series(names[rows], dtype=str),
            "prediction": pd.Series(names[columns], dtype=str),
            "count": counts[rows, columns],
            "n_images": actual[rows],
            "truth_share": ratio(counts[rows, columns], actual[rows]),
        }
    )


def confused_pairs_sentences(table: pd.DataFrame) -> list[str]:
    """Say each row of :func:`confused_pairs_table`: "4 was taken for 9 in 32 of 982 images (3.3 %)."."""
    return [
        f"{row.truth} was taken for {row.prediction} in {row.count:,} of {row.n_images:,} "
        f"image{'' if row.n_images == 1 else 's'} ({percent_text(row.truth_share, 1)})."
        for row in table.itertuples(index=False)
    ]
