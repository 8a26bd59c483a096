"""What the estimators are given: images as rows, labels as positions of classes, weights, callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.models.epoch import Epoch
from digitcore.parameters import Number, shortened

# Not a hyperparameter of a RunSpec, whose split says what is held out.
VALIDATION_FRACTION = Number(
    name="validation_fraction",
    label="Validation fraction",
    help="Share of the training images that is held out for validation when no validation data is given.",
    default=None,
    minimum=0.001,
    maximum=0.9,
    slider=(0.05, 0.5),
    none_label="no validation",
)


_CLASS_WEIGHT = Number(
    name="a weight of class_weight",
    label="Class weight",
    help="How much an image of the class counts.",
    default=1.0,
    minimum=0.0,
    maximum=1e12,
    slider=(0.0, 10.0),
)


class LabelledImages(NamedTuple):
    """Images ``X``, float ``(n_images, n_pixels)``, and their classes' positions ``y``, int64 ``(n_images,)``."""

    X: np.ndarray
    y: np.ndarray


class WeightedImages(LabelledImages):
    """Labelled images that do not count alike: ``weights``, float64 ``(n_images,)``, at least 0 and not all 0."""

    weights: np.ndarray

    def __new__(cls, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> WeightedImages:
        images = super().__new__(cls, X, y)
        images.weights = weights
        return images


def relative_weights(images: LabelledImages) -> np.ndarray | None:
    """Return how much each image counts in relation to the mean, float64 ``(n_images,)``; None where all count alike.

    Raises
    ------
    InvalidSetting
        If no image counts.
    """
    if not isinstance(images, WeightedImages):
        return None
    mean = images.weights.mean()
    if not mean > 0:
        raise InvalidSetting("The weights of the images that are trained on are all 0: give some of them more")
    return images.weights / mean


def check_sample_weight(sample_weight, X) -> np.ndarray | None:
    """Return how much each image counts, float64 ``(n_images,)``, at least 0; None for None.

    Raises
    ------
    ValueError
        In scikit-learn's words, if they are not one finite number, at least 0, for each image, not all of them 0.
    """
    if sample_weight is None:
        return None
    from sklearn.utils.validation import _check_sample_weight

    return _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


def class_weights_of(class_weight, classes: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return how much an image of each class counts, float64 ``(n_classes,)``.

    Parameters
    ----------
    class_weight : "balanced" or mapping
        A weight for each class by its label, 1 where there is none; or "balanced" for ``n_images / (n_classes *
        images of the class)``, the images counted by their weights, so that all classes count alike.
    classes : ndarray, (n_classes,)
        Labels.
    y : ndarray, int64, (n_images,)
        Position of each image's class.
    sample_weight : ndarray, (n_images,), optional
        How much each image counts besides.

    Raises
    ------
    InvalidSetting
        If ``class_weight`` is neither, has an unknown label, or has a weight that is not a finite number, at least 0.
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(y, weights=sample_weight, minlength=len(classes)).astype(np.float64)
        present = np.flatnonzero(counts)
        weights = np.zeros(len(classes))
        weights[present] = counts.sum() / (len(present) * counts[present])
        return weights
    if not isinstance(class_weight, Mapping):
        raise InvalidSetting(
            f"class_weight must be None, 'balanced' or a weight for each class, got {shortened(class_weight)}"
        )
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise InvalidSetting(f"class_weight has a class that the training data lacks: {shortened(unknown[0])}")
    weights = [_CLASS_WEIGHT.clean(class_weight.get(label, 1.0)) for label in labels]
    return np.array(weights, dtype=np.float64)


def as_rows(X):
    """Return images ``(n_images, height, width)`` as ``(n_images, n_pixels)``; anything else as it is."""
    return X.reshape(len(X), prod(X.shape[1:])) if has_height_and_width(X) else X


def has_height_and_width(X) -> bool:
    """Return True for an array ``(n_images, height, width)``."""
    return getattr(X, "ndim", None) == 3


def class_positions(y, classes: np.ndarray, n_images: int, *, name: str, advice: str) -> np.ndarray:
    """Return the position in ``classes`` of each label, int64 ``(n_images,)``.

    Parameters
    ----------
    y : array-like, (n_images,)
        Labels of any type.
    classes : ndarray, (n_classes,)
        The labels that are known.
    n_images : int
        Number of images that the labels are for.
    name, advice : str
        What the message about unknown labels calls ``y``, and what it recommends.

    Raises
    ------
    InvalidSetting
        If the labels are not one known class for each image.
    """
    labels = np.asarray(y)
    if labels.shape != (n_images,):
        raise InvalidSetting(
            f"{name} must have one label for each image: expected {n_images} labels, "
            f"got an array of shape {labels.shape}"
        )
    # A dictionary compares labels of any type, where sorting numbers among words would fail.
    position_of = {label: position for position, label in enumerate(classes.tolist())}
    positions = [position_of.get(label, -1) for label in labels.tolist()]
    unknown = {repr(label) for label, position in zip(labels.tolist(), positions, strict=True) if position < 0}
    if unknown:
        raise InvalidSetting(f"{name} has classes that the training data lacks: {', '.join(sorted(unknown))}; {advice}")
    return np.array(positions, dtype=np.int64)


def hold_out(
    images: LabelledImages, fraction: float, random_state: np.random.RandomState
) -> tuple[LabelledImages, LabelledImages]:
    """Return the images to train on, and the ``fraction`` of every class that is held out for validation.

    Raises
    ------
    InvalidSetting
        If a class has fewer than two images, or a part would have fewer images than there are classes.
    """
    from sklearn.model_selection import train_test_split

    try:
        kept, held_out = train_test_split(
            np.arange(len(images.y)), test_size=fraction, stratify=images.y, random_state=random_state
        )
    except ValueError as problem:
        raise InvalidSetting(f"validation_fraction={fraction:g} cannot be held out: {problem}") from None
    return _take(images, kept), LabelledImages(images.X[held_out], images.y[held_out])


def _take(images: LabelledImages, rows: np.ndarray) -> LabelledImages:
    if isinstance(images, WeightedImages):
        return WeightedImages(images.X[rows], images.y[rows], images.weights[rows])
    return LabelledImages(images.X[rows], images.y[rows])


def check_callbacks(callbacks) -> list[Callable[[Epoch], Any]]:
    """Return the callbacks of ``fit`` as a list; refuse anything that cannot be called."""
    if callable(callbacks) or not all(map(callable, callbacks)):
        raise InvalidSetting(f"callbacks must be a list of functions that take an Epoch, got {shortened(callbacks)}")
    return list(callbacks)


def check_classes(classes: Sequence) -> np.ndarray:
    """Return the labels as an array ``(n_classes,)``; refuse anything but different labels."""
    classes = np.asarray(classes)
    if classes.ndim != 1 or not len(classes) or len(set(classes.tolist())) != len(classes):
        raise InvalidSetting(f"classes must be a list of at least one label, all different, got {classes.tolist()!r}")
    return classes


def check_weights(weights: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse weights whose names, shapes or values are not those of the model."""
    if set(weights) != set(shapes):
        raise InvalidSetting(
            f"The weights do not belong to this model: expected {', '.join(shapes)}, got {', '.join(weights) or 'none'}"
        )
    for name, shape in shapes.items():
        array = np.asarray(weights[name])
        if array.shape != shape:
            raise InvalidSetting(f"The weights {name!r} must have the shape {shape}, got {array.shape}")
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise InvalidSetting(f"The weights {name!r} must be finite numbers")
