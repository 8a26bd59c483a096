"""Parts of a data set: training, validation, test. A part is a list of indices, not a copy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from digitcore.datasets.dataset import Dataset, features
from digitcore.datasets.split_parameters import KIND, VALIDATION
from digitcore.errors import InvalidSetting


@dataclass(frozen=True, eq=False)
class Part:
    """Some images of a data set.

    Attributes
    ----------
    name : {"train", "validation", "test", "early stopping"}
        Which part.
    dataset : Dataset
        Where the images are.
    indices : ndarray, int64, (n_images,)
        Positions in the data set.
    """

    name: str
    dataset: Dataset
    indices: np.ndarray

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self.indices)

    @property
    def images(self) -> np.ndarray:
        """The images, uint8, (n_images, height, width)."""
        return self.dataset.images[self.indices]

    def take(self, positions: np.ndarray | Sequence[int]) -> np.ndarray:
        """Return the images at some positions in the part, uint8, (n, height, width), without copying the others."""
        return self.dataset.images[self.indices[positions]]

    @property
    def labels(self) -> np.ndarray:
        """Their classes, int64, (n_images,)."""
        return self.dataset.labels[self.indices]

    def features(self, scaling: str = "unit") -> np.ndarray:
        """Return the images as a model takes them, float32, (n_images, height * width)."""
        return features(self.images, max_value=self.dataset.max_value, scaling=scaling)

    def X_y(self, scaling: str = "unit") -> tuple[np.ndarray, np.ndarray]:
        """Return images and labels as an estimator takes them, for ``model.fit(*part.X_y())``.

        Parameters
        ----------
        scaling : {"unit", "raw"}
            Divide by the data set's largest value, or leave the values as they are.

        Returns
        -------
        X : ndarray, float32, (n_images, height * width)
            Pixels in row-major order.
        y : ndarray, int64, (n_images,)
            Classes.

        Raises
        ------
        InvalidSetting
            If the scaling is unknown.
        """
        return self.features(scaling), self.labels

    def __repr__(self) -> str:
        return f"Part({self.name!r}, {self.n_images} images of {self.dataset.name!r})"


@dataclass(frozen=True, eq=False)
class Split:
    """A data set divided into parts; a part that was not asked for has no images.

    With ``validation_is_test`` the validation part holds the images of the test part. ``stopping`` are images that
    early stopping watches in place of the validation part; they belong to no part.
    """

    dataset: Dataset
    train: Part
    validation: Part
    test: Part
    validation_is_test: bool = False
    stopping: Part | None = None

    @property
    def monitored(self) -> Part:
        """The images that are evaluated after each epoch, and that early stopping watches; may have none."""
        return self.validation if self.stopping is None else self.stopping

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that have images, each image once: training, validation, test."""
        own = (self.train, self.test) if self.validation_is_test else (self.train, self.validation, self.test)
        return tuple(part for part in own if part.n_images)

    def locate(self, position: int) -> tuple[Part, int] | None:
        """Return the part that an image of the data set is in, and its position there; None if it is in none.

        Parameters
        ----------
        position : int
            The image's position in the data set.
        """
        for part in self.parts:
            found = np.flatnonzero(part.indices == position)
            if len(found):
                return part, int(found[0])
        return None

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part.n_images} {part.name}" for part in (self.train, self.validation, self.test))
        return f"Split({self.dataset.name!r}, {sizes} images)"


def split(
    dataset: Dataset,
    *,
    kind: str = "random",
    test_size: float = 0.25,
    stratify: bool = False,
    validation: str = "none",
    validation_size: float = 0.1,
    n_folds: int = 5,
    fold: int = 1,
    stopping_size: float = 0.0,
    max_train: int | None = None,
    max_images: int | None = None,
    random_state: int = 0,
) -> Split:
    """Divide a data set.

    Parameters
    ----------
    dataset : Dataset
        What to divide.
    kind : {"random", "official"}
        By scikit-learn's ``train_test_split``, index by index, or at the data set's official boundary.
    test_size : float
        Share of the images for the test part, 0 (none) to below 1. Ignored by the official split.
    stratify : bool
        Whether every random choice keeps the classes' shares.
    validation : {"none", "cut", "fold", "test"}
        No validation part, one cut from the training part, one of several folds of it, or the test part in its place.
    validation_size : float
        Share of the training part that is cut off.
    n_folds, fold : int
        Number of folds of the training part, from 2, and which of them, from 1, is the validation part. Other folds of
        the same settings share no image with it.
    stopping_size : float
        With ``validation="fold"``, share of the other folds that early stopping watches instead of the fold.
    max_train : int or None
        Maximum number of training images, drawn at random after the validation part was cut.
    max_images : int or None
        Images of the data set at most, drawn at random before anything else; not for the official split.
    random_state : int
        Seed of every random choice.

    Raises
    ------
    InvalidSetting
        If ``kind`` or ``validation`` is unknown, or the settings do not fit the data set.
    """
    kind, validation = KIND.clean(kind), VALIDATION.clean(validation)
    if kind == "official":
        train, test = _official(dataset)
    else:
        train, test = _random(dataset, test_size, max_images, stratify, random_state)
    held_out, stopping = np.empty(0, dtype=np.int64), None
    if validation == "cut":
        train, held_out = _cut(dataset, train, validation_size, stratify, random_state)
    elif validation == "fold":
        kept, cut = _fold(dataset.labels[train], n_folds, fold, stratify, random_state)
        train, held_out = train[kept], train[cut]
        if stopping_size:
            train, stopping = _cut(dataset, train, stopping_size, stratify, random_state)
    elif validation == "test":
        if not len(test):
            raise InvalidSetting("validation cannot be 'test' without a test part: make test_size larger than 0")
        held_out = test
    if max_train is not None and max_train < len(train):
        train, _ = _cut(dataset, train, len(train) - max_train, stratify, random_state)
    return Split(
        dataset,
        train=Part("train", dataset, train),
        validation=Part("validation", dataset, held_out),
        test=Part("test", dataset, test),
        validation_is_test=validation == "test",
        stopping=None if stopping is None else Part("early stopping", dataset, stopping),
    )


def folds(
    labels: np.ndarray, n_folds: int, *, stratify: bool = True, random_state: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide images into folds by scikit-learn's ``KFold`` or ``StratifiedKFold``, shuffled.

    Parameters
    ----------
    labels : ndarray, int64, (n_images,)
        Their classes. With ``stratify``, one with fewer images than folds is missing from some of them.
    n_folds : int
        From 2 to the number of images; with ``stratify``, to that of the largest class.
    stratify : bool
        Whether every fold has nearly the same share of every class.
    random_state : int
        Seed of the shuffling.

    Returns
    -------
    list of (ndarray, ndarray)
        For each fold the positions of the other images and of its own, int64, ascending.

    Raises
    ------
    InvalidSetting
        If there are not enough images.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    most = np.bincount(labels).max(initial=0) if stratify else len(labels)
    if n_folds < 2:
        raise InvalidSetting(f"n_folds must be at least 2, got {n_folds}")
    if n_folds > most:
        needed = "as many images of one class" if stratify else "as many images"
        raise InvalidSetting(
            f"{n_folds} folds need {needed} in the training part, it has at most {most}: choose fewer folds or more "
            "images"
        )
    make = StratifiedKFold if stratify else KFold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        divided = make(n_folds, shuffle=True, random_state=random_state).split(np.zeros(len(labels)), labels)
        return list(divided)


def missing_classes(part: Part) -> tuple[str, ...]:
    """Return the names of the classes of which the part has no image."""
    counts = np.bincount(part.labels, minlength=part.dataset.n_classes)
    return tuple(name for name, count in zip(part.dataset.class_names, counts, strict=True) if count == 0)


def class_balance_table(divided: Split) -> pd.DataFrame:
    """Return a row for every class of every part.

    Returns
    -------
    DataFrame
        ``part``, ``class_name``, ``n_images`` and ``share`` (0 to 1, of the part's images).
    """
    names = divided.dataset.class_names
    rows = []
    for part in divided.parts:
        counts = np.bincount(part.labels, minlength=len(names))
        rows += [(part.name, name, int(n), n / part.n_images) for name, n in zip(names, counts, strict=True)]
    return pd.DataFrame(rows, columns=["part", "class_name", "n_images", "share"])


def mean_images(part: Part) -> np.ndarray:
    """Return the mean image of each class, float64, (n_classes, height, width); NaN for a class without images."""
    images, labels = part.images, part.labels
    means = np.full((part.dataset.n_classes, *part.dataset.image_shape), np.nan)
    for label in np.unique(labels):
        means[label] = images[labels == label].mean(axis=0)
    return means


def _official(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    if dataset.official_train_size is None:
        raise InvalidSetting(f"{dataset.name!r} has no official split: choose a random one")
    indices = np.arange(dataset.n_images)
    return indices[: dataset.official_train_size], indices[dataset.official_train_size :]


def _random(
    dataset: Dataset, test_size: float, max_images: int | None, stratify: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    indices = np.arange(dataset.n_images)
    if max_images is not None and max_images < len(indices):
        indices, _ = _cut(dataset, indices, len(indices) - max_images, stratify, seed)
    if test_size == 0:
        return indices, indices[:0]
    return _cut(dataset, indices, test_size, stratify, seed)


def _fold(labels: np.ndarray, n_folds: int, fold: int, stratify: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if not 1 <= fold <= n_folds:
        raise InvalidSetting(f"fold must be from 1 to n_folds ({n_folds}), got {fold}")
    return folds(labels, n_folds, stratify=stratify, random_state=seed)[fold - 1]


def _cut(
    dataset: Dataset, indices: np.ndarray, size: float, stratify: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide ``indices`` in two, the second of ``size`` (a share, or a number of images)."""
    from sklearn.model_selection import train_test_split

    try:
        kept, cut = train_test_split(
            indices, test_size=size, random_state=seed, stratify=dataset.labels[indices] if stratify else None
        )
    except ValueError as error:
        raise InvalidSetting(f"{len(indices)} images of {dataset.name!r} cannot be divided so: {error}") from None
    return kept, cut
