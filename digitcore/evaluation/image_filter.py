"""Which images of a part to look at, and in which order.

Labels are class indices, probabilities ``(n_images, n_classes)`` with rows that add up to 1, as in
:mod:`digitcore.evaluation`. A model's confidence in an image is the probability of its prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.evaluation import losses_of, predictions, right_predictions
from digitcore.parameters import unknown_name
from digitcore.wording import percent_text

ORDERS: Mapping[str, str] = {
    "confidence": "Most confident first",
    "loss": "Largest loss first",
    "random": "At random",
}


@dataclass(frozen=True, kw_only=True)
class ImageFilter:
    """What an image must have to be shown.

    Attributes
    ----------
    truth, prediction : int or None
        Class index; None for any.
    confidence : (float, float)
        Least and largest confidence, 0 to 1, both included.
    wrong_only : bool
        Leave out what is predicted right; without effect where ``truth`` and ``prediction`` are both given.
    """

    truth: int | None = None
    prediction: int | None = None
    confidence: tuple[float, float] = (0.0, 1.0)
    wrong_only: bool = True

    @property
    def is_cell(self) -> bool:
        """Whether it asks for one cell of the confusion matrix."""
        return self.truth is not None and self.prediction is not None


def select_positions(truth: np.ndarray, probabilities: np.ndarray, wanted: ImageFilter) -> np.ndarray:
    """Return the positions (int64, ascending) of the images that ``wanted`` describes.

    Raises
    ------
    DatasetError
        If these are not labels and probabilities of the same images.
    InvalidSetting
        If a class does not exist or the range of confidence is not within 0 to 1.
    """
    prediction, n_classes = predictions(probabilities), probabilities.shape[1]
    right = right_predictions(truth, prediction)
    for name, asked in (("truth", wanted.truth), ("prediction", wanted.prediction)):
        if asked is not None and not 0 <= asked < n_classes:
            raise InvalidSetting(f"{name} must be a class from 0 to {n_classes - 1}, got {asked}")
    low, high = wanted.confidence
    if not 0 <= low <= high <= 1:
        raise InvalidSetting(f"confidence must be two ascending numbers from 0 to 1, got {wanted.confidence}")
    confidence = probabilities.max(axis=1)
    chosen = (confidence >= low) & (confidence <= high)
    if wanted.truth is not None:
        chosen &= truth == wanted.truth
    if wanted.prediction is not None:
        chosen &= prediction == wanted.prediction
    if wanted.wrong_only and not wanted.is_cell:
        chosen &= ~right
    return np.flatnonzero(chosen)


def order_positions(
    positions: np.ndarray, truth: np.ndarray, probabilities: np.ndarray, order: str = "confidence", seed: int = 0
) -> np.ndarray:
    """Return ``positions`` in another order, ties in their own.

    Parameters
    ----------
    positions : ndarray of shape (n,), integer
        Some images of the part.
    truth, probabilities : ndarray
        Of all images of the part.
    order : {"confidence", "loss", "random"}
        See :data:`ORDERS`.
    seed : int
        Of the random order; from 0.

    Raises
    ------
    InvalidSetting
        If the order is unknown.
    """
    if order not in ORDERS:
        raise unknown_name("order", order, ORDERS)
    if order == "random":
        return np.random.default_rng(seed).permutation(positions)
    figures = probabilities.max(axis=1) if order == "confidence" else losses_of(truth, probabilities)
    return positions[np.argsort(-figures[positions], kind="stable")]


def top_classes_text(probabilities: np.ndarray, class_names: Sequence[str], n_classes: int = 3) -> str:
    """Return the most probable classes of one image with their probabilities: "4 92.1 %, 9 7.0 %, 7 0.5 %"."""
    best = np.argsort(-probabilities, kind="stable")[:n_classes]
    return ", ".join(f"{class_names[index]} {percent_text(probabilities[index], 1)}" for index in best)
