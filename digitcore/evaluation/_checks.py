"""What the functions of this package ask of labels and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from digitcore.errors import DatasetError, InvalidSetting


def is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_share(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= value <= 1


def check_count(value: Any, name: str, least: int = 0) -> None:
    if not is_whole(value) or value < least:
        raise InvalidSetting(f"{name} must be a whole number from {least}, got {value!r}")


def check_confidence(confidence: Any) -> None:
    if not is_share(confidence) or confidence in (0, 1):
        raise InvalidSetting(f"confidence must be a number between 0 and 1, got {confidence!r}")


def checked_names(class_names: Sequence[str]) -> list[str]:
    names = [str(name) for name in class_names]
    if not names or len(set(names)) < len(names):
        raise DatasetError(f"class_names must be at least one name and no name twice, got {names}")
    return names


def checked_labels(labels: np.ndarray, name: str, n: int | None = None) -> np.ndarray:
    """Labels as int64; ``n`` is how many values there are to choose from, None for any."""
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise DatasetError(f"{name} must be one-dimensional, one number per image, got the shape {labels.shape}")
    if labels.size == 0:
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise DatasetError(f"{name} must be whole numbers counted from 0, got the type {labels.dtype}")
    if labels.min() < 0 or (n is not None and labels.max() >= n):
        most = "" if n is None else f" to {n - 1}"
        raise DatasetError(f"{name} must be numbers from 0{most}, got {labels.min()} to {labels.max()}")
    return labels.astype(np.int64)


def checked_pair(
    truth: np.ndarray, prediction: np.ndarray, n_classes: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    truth = checked_labels(truth, "truth", n_classes)
    prediction = checked_labels(prediction, "prediction", n_classes)
    check_same_length(truth, prediction, "truth", "prediction")
    return truth, prediction


def check_same_length(one: np.ndarray, other: np.ndarray, one_name: str, other_name: str) -> None:
    if len(one) != len(other):
        raise DatasetError(
            f"{one_name} and {other_name} must be of the same images, got {len(one)} and {len(other)} of them"
        )


def checked_probabilities(probabilities: np.ndarray, n_classes: int | None = None) -> np.ndarray:
    probabilities = np.asarray(probabilities)
    wanted = "n_classes" if n_classes is None else str(n_classes)
    fits = probabilities.ndim == 2 and probabilities.shape[1] > 0 and n_classes in (None, probabilities.shape[1])
    if not fits or probabilities.dtype.kind not in "fiu":
        raise DatasetError(
            f"probabilities must be numbers of shape (n_images, {wanted}), "
            f"got the shape {probabilities.shape} and the type {probabilities.dtype}"
        )
    if not np.isfinite(probabilities).all():
        raise DatasetError("probabilities must be finite, but some are NaN or infinite: the model has diverged")
    # float32 rows of many classes add up to 1 within about 1e-6; logits miss by far more than this.
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if (probabilities < -1e-6).any() or (np.abs(sums - 1) > 1e-3).any():
        raise DatasetError("probabilities must be 0 to 1 and add up to 1 for every image; these are not probabilities")
    return probabilities
