"""Hard example mining: epochs that train on a part of the images, mostly those that the model finds hardest.

References
----------
Ranked by their latest loss, as in Loshchilov and Hutter, "Online batch selection for faster training of neural
networks", 2015.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# The rest of an epoch's images are any others, so that each image is looked at again now and then.
SHARE_OF_HARDEST = 0.8


def images_per_epoch(settings: Mapping[str, Any], n_images: int) -> int:
    """Return on how many of ``n_images`` training images an epoch trains."""
    fraction = settings.get("hard_fraction")
    return n_images if fraction is None else max(1, round(fraction * n_images))


def batch_size_of(settings: Mapping[str, Any], n_images: int) -> int:
    """Return the number of images of a batch, but for an epoch's last one."""
    n_per_epoch = images_per_epoch(settings, n_images)
    return min(settings.get("batch_size") or n_per_epoch, n_per_epoch)


def updates_per_epoch(settings: Mapping[str, Any], n_images: int) -> int:
    """Return the number of batches of an epoch."""
    return -(-images_per_epoch(settings, n_images) // batch_size_of(settings, n_images))


class HardExamples:
    """How hard the training images are, and which of them an epoch trains on.

    Parameters
    ----------
    settings : mapping
        Clean hyperparameters; without a ``hard_fraction`` an epoch trains on all images.
    n_images : int
        All training images.

    Attributes
    ----------
    takes_all : bool
        Whether an epoch trains on all images; then nothing need be noted of them.
    n_per_epoch : int
        Images of an epoch.
    errors : ndarray, float32, (n_images,)
        One minus the probability of the right class when an image was last trained on, times the image's weight if not
        all count alike; infinity before that, so that all images come before any comes again as one of the hardest.
        Empty if an epoch trains on all.
    """

    def __init__(self, settings: Mapping[str, Any], n_images: int):
        self.takes_all = settings.get("hard_fraction") is None
        self.n_per_epoch = images_per_epoch(settings, n_images)
        self.errors = np.full(0 if self.takes_all else n_images, np.inf, dtype=np.float32)
        self._picked = np.arange(0)
        self._n_noted = 0

    def pick(self, order: np.ndarray) -> np.ndarray:
        """Begin an epoch: return the positions that it trains on.

        Parameters
        ----------
        order : ndarray, int64, (n_images,)
            All positions, shuffled. The order decides among images that are equally hard, and which others come.

        Returns
        -------
        ndarray, int64, (n_per_epoch,)
            Some of them, in the same order.
        """
        if self.takes_all:
            return order
        n_hardest = round(SHARE_OF_HARDEST * self.n_per_epoch)
        is_picked = np.zeros(len(order), dtype=bool)
        is_picked[np.argsort(-self.errors[order], kind="stable")[:n_hardest]] = True
        is_picked[np.flatnonzero(~is_picked)[: self.n_per_epoch - n_hardest]] = True
        self._picked, self._n_noted = order[is_picked], 0
        return self._picked

    def state(self) -> dict[str, np.ndarray]:
        """Return what is known of the images between two epochs."""
        return {} if self.takes_all else {"errors": self.errors.copy()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what :meth:`state` gave."""
        if not self.takes_all:
            self.errors[:] = state["errors"]

    def note(self, errors: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Note the errors of the next of the picked images, ``(n,)``, in their order, and how much the images count."""
        rows = self._picked[self._n_noted : self._n_noted + len(errors)]
        self.errors[rows] = errors if weights is None else errors * weights
        self._n_noted += len(errors)
