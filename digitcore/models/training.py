"""A training under way: what the loop over the epochs asks of it, and one epoch of that loop."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from digitcore.errors import DivergedError, Interrupted, InvalidSetting
from digitcore.models.augmented_images import AugmentedImages
from digitcore.models.epoch import Epoch
from digitcore.models.inputs import LabelledImages


class Score(NamedTuple):
    """Mean cross-entropy in nats, and the share that was right, 0 to 1."""

    loss: float
    accuracy: float


class Batch(NamedTuple):
    """A batch of a training, before it is trained on.

    Attributes
    ----------
    epoch, number, n_batches : int
        The batch is the ``number``-th of ``n_batches`` in the ``epoch``-th epoch, counted from 1.
    learning_rate : float
        Of the update that it will bring.
    X : ndarray, float, (n_images, n_pixels)
        Its images as they are trained on, augmented where that is requested. The array is used again for later batches.
    y : ndarray, (n_images,)
        Their labels.
    """

    epoch: int
    number: int
    n_batches: int
    learning_rate: float
    X: np.ndarray
    y: np.ndarray


class Training(ABC):
    """A training under way: data, optimizer and random numbers, which the estimator forgets when it is over."""

    # The training images as each epoch sees them; None where all see them as they are.
    augmented: AugmentedImages | None = None

    def start_epoch(self, number: int) -> None:
        """Get ready for the epoch of this number, from 1: of the training, not of the call that trains it."""
        if self.augmented is not None:
            self.augmented.start_epoch(number)

    @abstractmethod
    def one_epoch(self) -> Score:
        """Train on every image once and return how the training images did."""

    @abstractmethod
    def score_held_out(self) -> Score | None:
        """Return how the validation images do now; None without validation data."""

    @abstractmethod
    def weights_are_finite(self) -> bool:
        """Whether no weight is NaN or infinite."""

    @abstractmethod
    def batch_losses(self, rates: Iterable[float]) -> Iterator[float]:
        """Train a batch at each learning rate; yield its mean loss as it was before the update."""

    def batches(self) -> Iterator[LabelledImages]:
        """Yield the images of each batch, epoch after epoch; to ask for the next one is to train on them.

        A kind of training that does not have this cannot be followed batch by batch.

        Raises
        ------
        InvalidSetting
            If this kind of training cannot be.
        """
        raise InvalidSetting(
            f"This model is trained in whole epochs only, not batch by batch: {type(self).__name__} has no method "
            "batches()"
        )

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of all that decides how this goes on after an epoch: weights, optimizer, random numbers.

        A kind of training that has neither this nor :meth:`load_state` is not continued by ``partial_fit``,
        ``warm_start`` or a checkpoint.

        Raises
        ------
        InvalidSetting
            If this kind of training cannot be continued.
        """
        raise InvalidSetting(
            f"The training of this model cannot be continued, because {type(self).__name__} has no methods state() and "
            "load_state(): call fit instead, with warm_start=False"
        )

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what :meth:`state` of an equal training gave."""
        raise NotImplementedError


def batches_without_end(
    training: Training, batches_of_epoch: Callable[[], Iterable[tuple[Any, ...]]]
) -> Iterator[tuple[Any, ...]]:
    """Yield the batches of one epoch after the other, from the first on; the function returns those of one epoch."""
    for number in count(1):
        training.start_epoch(number)
        yield from batches_of_epoch()


def one_epoch(training: Training, number: int, learning_rate: float) -> Epoch:
    """Train one epoch, validate, and return the figures.

    Raises
    ------
    DivergedError
        If a loss or a weight is not finite.
    """
    start = time.perf_counter()
    try:
        training.start_epoch(number)
        trained = training.one_epoch()
        held_out = training.score_held_out()
    except Interrupted:
        if training.weights_are_finite():
            raise
        raise DivergedError(number, learning_rate) from None
    # NaN and infinity stay in a sum, so an epoch's mean loss tells of every batch. The last batch's update shows in the
    # weights only.
    losses = (trained.loss,) if held_out is None else (trained.loss, held_out.loss)
    if not (all(map(math.isfinite, losses)) and training.weights_are_finite()):
        raise DivergedError(number, learning_rate)
    return Epoch(number, *trained, *(held_out or (None, None)), seconds=time.perf_counter() - start)
