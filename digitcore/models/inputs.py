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


class LabelledImages(NamedTuple):
    """Images ``X``, float ``(n_images, n_pixels)``, and their classes' positions ``y``, int64 ``(n_images,)``."""

    X: np.ndarray
    y: np.ndarray


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
    return LabelledImages(images.X[kept], images.y[kept]), LabelledImages(images.X[held_out], images.y[held_out])


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
