"""Training images that are changed at random, in every epoch anew."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from digitcore.datasets.augmentation import AUGMENTATIONS, BLOCK, Augmentation, RandomChanges
from digitcore.errors import InvalidSetting
from digitcore.models.pauses import pause

# Seconds that each change takes for a pixel, fitted to benchmarks/results.md: resampling, which an elastic deformation
# makes slower, erasing, noise, and a pixel of thickness.
_RESAMPLING, _ELASTIC, _ERASING, _NOISE, _THICKNESS = 4e-9, 3e-8, 3e-9, 1.1e-8, 5e-9


def augmentation_of(settings: Mapping[str, Any]) -> Augmentation | None:
    """Return how strongly hyperparameters have the training images changed; None where they are not changed."""
    strengths = {record.name: settings.get(f"augment_{record.name}", 0.0) for record in AUGMENTATIONS}
    return Augmentation(**strengths) if any(strengths.values()) else None


def augmentation_seconds(strengths: Augmentation | None, n_pixels: int) -> float:
    """Return about how long it takes to change images of so many pixels in all."""
    if strengths is None:
        return 0.0
    is_affine = any((strengths.shift, strengths.rotation, strengths.scale, strengths.shear, strengths.elastic))
    parts = {
        _RESAMPLING: is_affine,
        _ELASTIC: strengths.elastic > 0,
        _ERASING: strengths.erasing > 0,
        _NOISE: strengths.noise > 0,
        _THICKNESS: math.ceil(strengths.thickness),
    }
    return n_pixels * sum(seconds * times for seconds, times in parts.items())


class AugmentedImages:
    """The training images as the epochs see them. What is drawn depends on the seed and the epoch's number alone.

    The images are changed a thousand at a time on their way into the batches, so that no second copy of all of them is
    in memory, except for full batches.

    Parameters
    ----------
    X : ndarray, float, (n_images, n_pixels)
        Pixels, 0 (paper) and above; not changed. The largest of them counts as full ink.
    sides : (int, int)
        Height and width of an image, in pixels.
    strengths : Augmentation
        How strongly images are changed.
    seed : int
        Source of all that is drawn, from 0.

    Raises
    ------
    InvalidSetting
        If a pixel is below 0.
    """

    def __init__(self, X: np.ndarray, sides: tuple[int, int], strengths: Augmentation, seed: int):
        if X.min() < 0:
            raise InvalidSetting(
                f"Images to augment must have no pixel below 0, which stands for paper, got {X.min():g}: scale them "
                "from 0 to 1, or leave the augmentation at 0"
            )
        self._X, self._sides, self._strengths, self._seed = X, sides, strengths, seed
        self._max_value = float(X.max())

    def start_epoch(self, number: int) -> None:
        """Draw the changes of an epoch, by its number, from 1."""
        self._changes = RandomChanges(self._strengths, (len(self._X), *self._sides), (self._seed, number))

    def n_at_once(self, batch_size: int) -> int:
        """Return how many images :meth:`batches` changes at a time: whole batches, about a thousand images."""
        return min(max(1, BLOCK // batch_size) * batch_size, len(self._X))

    def batches(self, order: np.ndarray, memory: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of the next images and the images, changed.

        Parameters
        ----------
        order : ndarray, int64, (n_images,)
            Positions of the epoch's images, in their order.
        memory : ndarray, float, (n_at_once, n_pixels)
            Where the images are put; the next ones overwrite them.
        """
        for start in range(0, len(order), len(memory)):
            rows = order[start : start + len(memory)]
            images = memory[: len(rows)]
            for first in range(0, len(rows), BLOCK):
                block = slice(first, first + BLOCK)
                images[block] = self._next(rows[block])
                pause()
            yield rows, images

    def _next(self, rows: np.ndarray) -> np.ndarray:
        """Return the images at some positions, changed, ``(n, n_pixels)``."""
        images = self._X[rows].astype(np.float32, copy=False).reshape(-1, *self._sides)
        return self._changes.next(images, self._max_value).reshape(len(rows), -1)
