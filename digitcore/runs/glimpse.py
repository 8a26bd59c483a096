"""Glimpses: the predictions of a model in training after an epoch, in a message small enough to be sent each time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import ceil

import numpy as np
from safetensors.numpy import load, save

from digitcore.datasets import Part, Split
from digitcore.evaluation.confusion import confusion_counts
from digitcore.insight.weight_images import first_layer_images
from digitcore.models.ensemble import Model, first_member

# Looking at these takes a hundredth of the time in which an epoch trains sixty thousand.
MOST_IMAGES = 2_000
# What fits on a screen beside the curves.
MOST_WRONG, MOST_LEARNED, MOST_WEIGHT_IMAGES = 8, 4, 24
# Weights of larger images are thinned to about this side.
_MOST_SIDE = 32
_LARGEST = 127


@dataclass(frozen=True)
class Glimpse:
    """Predictions of some images of the monitored part after an epoch, and the first layer's weights.

    Attributes
    ----------
    epoch : int
        The epoch after which it was taken, counted from 1.
    part : str
        Name of the monitored part: "validation", "test", "early stopping", or "train" where nothing is held out.
    n_part : int
        Number of images of that part.
    confusion : ndarray, int64, (n_classes, n_classes)
        Number of images looked at, by truth (rows) and prediction (columns).
    wrong : ndarray, int64, (n_wrong, 3)
        Of at most 8 images that are wrong: position in the data set, predicted class, and for how many glimpses in a
        row it has been wrong; those that have been wrong for the longest first.
    learned : ndarray, int64, (n_learned, 2)
        Of at most 4 images that were wrong at the last glimpse and are right now: position in the data set, and the
        class they were taken for.
    first_layer : ndarray, float32, (n_images, height, width)
        The first layer's weights as images, at most 24, rounded to 1/127 of the largest; of a vote the first member's.
    """

    epoch: int
    part: str
    n_part: int
    confusion: np.ndarray
    wrong: np.ndarray
    learned: np.ndarray
    first_layer: np.ndarray

    @property
    def n_images(self) -> int:
        """Number of images looked at."""
        return int(self.confusion.sum())

    def to_bytes(self) -> bytes:
        """Return the glimpse in safetensors format, some ten thousand bytes; weights take one byte each."""
        largest = float(np.abs(self.first_layer).max(initial=0.0)) or 1.0
        rounded = np.rint(self.first_layer * (_LARGEST / largest)).astype(np.int8)
        arrays = {
            "numbers": np.array([self.epoch, self.n_part], dtype=np.int64),
            "part": np.frombuffer(self.part.encode(), dtype=np.uint8),
            "confusion": self.confusion.astype(np.uint16),
            "wrong": self.wrong.astype(np.uint32),
            "learned": self.learned.astype(np.uint32),
            "first_layer": rounded,
            "largest": np.array([largest], dtype=np.float32),
        }
        return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})

    @classmethod
    def from_bytes(cls, content: bytes) -> Glimpse:
        """Return the glimpse that :meth:`to_bytes` wrote."""
        arrays = load(content)
        epoch, n_part = (int(number) for number in arrays.pop("numbers"))
        weights = arrays.pop("first_layer") * (arrays.pop("largest") / _LARGEST)
        part = arrays.pop("part").tobytes().decode()
        counts = {name: array.astype(np.int64) for name, array in arrays.items()}
        return cls(epoch, part, n_part, first_layer=weights.astype(np.float32), **counts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Glimpse):
            return NotImplemented
        return all(np.array_equal(getattr(self, each.name), getattr(other, each.name)) for each in fields(self))

    __hash__ = None


class Watcher:
    """Takes glimpses of a model in training, always of the same images, and counts how long each has been wrong.

    Parameters
    ----------
    data_split : Split
        The parts of the data; glimpses are of the monitored part, or of the training part where nothing is held out.
    scaling : str
        Scaling of the pixels, as in the training.
    """

    def __init__(self, data_split: Split, scaling: str):
        held_out = data_split.monitored
        whole = held_out if held_out.n_images else data_split.train
        chosen = spread(whole.n_images, MOST_IMAGES)
        part = Part(whole.name, whole.dataset, whole.indices[chosen])
        self._name = "test" if whole is held_out and data_split.validation_is_test else whole.name
        self._n_part, self._positions = whole.n_images, part.indices
        self._dataset, self._truth = whole.dataset, part.labels
        self._X = part.features(scaling)
        self._before: np.ndarray | None = None
        self._times_wrong = np.zeros(part.n_images, dtype=np.int64)

    def look(self, model: Model) -> Glimpse:
        """Return a glimpse of ``model`` as it is now."""
        prediction = model.predict(self._X)
        is_wrong = prediction != self._truth
        self._times_wrong = np.where(is_wrong, self._times_wrong + 1, 0)
        wrong = np.flatnonzero(is_wrong)
        wrong = wrong[np.argsort(-self._times_wrong[wrong], kind="stable")][:MOST_WRONG]
        if self._before is None:
            learned = np.array([], dtype=np.int64)
        else:
            learned = np.flatnonzero(~is_wrong & (self._before != self._truth))[:MOST_LEARNED]
        taken_for = np.array([]) if self._before is None else self._before[learned]
        self._before = prediction
        shown = first_member(model)
        weights = first_layer_images(shown.MODEL_NAME, shown.get_weights(), self._dataset.image_shape)
        return Glimpse(
            epoch=model.n_iter_,
            part=self._name,
            n_part=self._n_part,
            confusion=confusion_counts(self._truth, prediction, self._dataset.n_classes),
            wrong=np.column_stack([self._positions[wrong], prediction[wrong], self._times_wrong[wrong]]),
            learned=np.column_stack([self._positions[learned], taken_for]).astype(np.int64),
            first_layer=_thinned(weights),
        )


def spread(n: int, most: int) -> np.ndarray:
    """Return at most ``most`` of the positions 0 to n - 1, evenly spread: the first of a file may be easier."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)


def _thinned(images: np.ndarray) -> np.ndarray:
    step = ceil(max(images.shape[1:]) / _MOST_SIDE)
    return images[:MOST_WEIGHT_IMAGES, ::step, ::step].astype(np.float32)
