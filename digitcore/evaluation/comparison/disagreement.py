"""Two models on the same images: which images only one of them gets right, and where their confusions differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from digitcore.errors import InvalidSetting
from digitcore.evaluation.comparison.pairs import check_same_images
from digitcore.evaluation.confusion import confusion_counts, table_of_counts
from digitcore.evaluation.metrics import predictions

WANTED: Mapping[str, str] = {
    "only_a": "Only A is right",
    "only_b": "Only B is right",
    "different": "Different answers",
}


@dataclass(frozen=True)
class AnswerPair:
    """What two models make of the same images.

    Attributes
    ----------
    truth : ndarray of shape (n_images,), integer
        Class indices.
    probabilities_a, probabilities_b : ndarray of shape (n_images, n_classes)
        Rows that add up to 1, in the order of ``truth``.
    """

    truth: np.ndarray
    probabilities_a: np.ndarray
    probabilities_b: np.ndarray

    @property
    def prediction_a(self) -> np.ndarray:
        """Class indices that A predicts, ``(n_images,)``."""
        return predictions(self.probabilities_a)

    @property
    def prediction_b(self) -> np.ndarray:
        """Class indices that B predicts, ``(n_images,)``."""
        return predictions(self.probabilities_b)


def in_same_order(indices_a: np.ndarray, indices_b: np.ndarray, values_b: np.ndarray) -> np.ndarray:
    """Return the values of B's images in the order of A's images.

    Parameters
    ----------
    indices_a, indices_b : ndarray of shape (n_images,), integer
        Positions of the images in the data set; the same ones, in any order.
    values_b : ndarray of shape (n_images, ...)
        One value per image of B.

    Raises
    ------
    ComparisonError
        If the images are not the same.
    """
    order = np.argsort(indices_b)
    check_same_images(np.sort(indices_a), indices_b[order])
    return values_b[order[np.searchsorted(indices_b, indices_a, sorter=order)]]


def disagreement_positions(pair: AnswerPair, wanted: str = "only_a", cell: tuple[int, int] | None = None) -> np.ndarray:
    """Return the positions of images that two models see differently, the largest difference first.

    Parameters
    ----------
    pair : AnswerPair
        The images.
    wanted : str
        A name in :data:`WANTED`; without effect where ``cell`` is given.
    cell : (int, int), optional
        True class and predicted class: the images of this cell of one model's confusion matrix alone.

    Returns
    -------
    ndarray, int64
        Sorted by the difference of the probabilities that the models give the true class.

    Raises
    ------
    InvalidSetting
        If ``wanted`` is unknown.
    """
    if wanted not in WANTED:
        raise InvalidSetting(f"wanted must be one of {', '.join(WANTED)}, got {wanted!r}")
    a, b = pair.prediction_a, pair.prediction_b
    chosen = a != b
    if cell is not None:
        truth, prediction = cell
        chosen &= (pair.truth == truth) & ((a == prediction) | (b == prediction))
    elif wanted != "different":
        chosen &= (a if wanted == "only_a" else b) == pair.truth
    positions = np.flatnonzero(chosen).astype(np.int64)
    of_truth = (positions, pair.truth[positions])
    apart = np.abs(pair.probabilities_a[of_truth] - pair.probabilities_b[of_truth])
    return positions[np.argsort(-apart, kind="stable")]


def confusion_change_table(pair: AnswerPair, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the confusion matrices of two models and their difference, with a row per cell in class order.

    Returns
    -------
    DataFrame
        ``truth``, ``prediction`` (class names), ``count_a``, ``count_b`` and ``change``: B's count minus A's.

    Raises
    ------
    DatasetError
        As :func:`digitcore.evaluation.confusion_table`.
    """
    n_classes = len(class_names)
    counts_a, counts_b = (
        confusion_counts(pair.truth, prediction, n_classes) for prediction in (pair.prediction_a, pair.prediction_b)
    )
    return change_table_of_counts(counts_a, counts_b, class_names)


def change_table_of_counts(counts_a: np.ndarray, counts_b: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Return two models' counts of the same images, each ``(n_classes, n_classes)``, as :func:`confusion_change_table`.

    Raises
    ------
    DatasetError
        As :func:`digitcore.evaluation.confusion.table_of_counts`.
    """
    table = table_of_counts(counts_a, class_names)[["truth", "prediction", "count"]]
    table = table.rename(columns={"count": "count_a"}).assign(count_b=counts_b.ravel())
    return table.assign(change=table["count_b"] - table["count_a"])
