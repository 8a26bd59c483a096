"""What the curves of a training say: whether they still rise, have passed their peak, or broke down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitcore.errors import InvalidSetting

# Rise of the mean accuracy from one fifth of the epochs to the next that is worth more epochs.
WORTHWHILE_RISE = 0.002
# Relative fall of the mean training loss between the same fifths that still counts as falling.
WORTHWHILE_FALL = 0.01
# Loss of accuracy since the best fifth of the epochs that early stopping would have been worth.
WORTHWHILE_PEAK = 0.005
# A loss this many times that of guessing, after a lower one, is no noise of batches: an update was too long.
JUMP = 1.5
# A loss that rises by a tenth of itself from epoch to epoch is thrown about by its updates.
UNSTEADY = 0.1
# Share of the way from guessing to perfect that counts as guessing.
NEAR_CHANCE = 0.1
# Accuracy that a training had reached and lost again.
MUCH_LOST = 0.1
# Keeps 0.952 - 0.950 from being larger than 0.002.
ROUNDING = 1e-9
# Half the width of a 95 % interval in standard deviations.
_Z = 1.96


@dataclass(frozen=True)
class Rise:
    """Change of the mean accuracy from one fifth of the epochs to the last, and its noise (95 %); both 0 to 1."""

    rise: float
    noise: float

    @property
    def clear(self) -> bool:
        """Whether it is worth more epochs, and more than the epochs differ by chance."""
        return self.rise > max(WORTHWHILE_RISE, self.noise) + ROUNDING

    @property
    def near(self) -> bool:
        """Whether chance decides on which side of the threshold it lies."""
        return abs(self.rise - WORTHWHILE_RISE) <= self.noise


@dataclass(frozen=True)
class TrainingCurve:
    """The epochs of a training as a verdict reads them.

    Attributes
    ----------
    losses, accuracies : tuple of float
        Of the training part, one an epoch: nats, and 0 to 1.
    held_out_accuracies : tuple of float
        Of the part that was evaluated after each epoch; empty without one.
    held_out_name : str
        What to call that part.
    n_held_out : int or None
        Its images, where known.
    n_classes : int
        Classes to choose from.
    ended_early : bool
        Whether ``patience`` ended the training: the accuracy had not risen for so many epochs.
    annealed : bool
        Whether the learning rate fell to its end with the last epoch: the rise that this brings does not go on.
    handicap : str
        A setting that alone may keep a model from learning, such as "dropout 0.9"; empty without one.

    Raises
    ------
    InvalidSetting
        If an accuracy is not within 0 to 1.
    """

    losses: tuple[float, ...] = ()
    accuracies: tuple[float, ...] = ()
    held_out_accuracies: tuple[float, ...] = ()
    held_out_name: str = "validation"
    n_held_out: int | None = None
    n_classes: int = 10
    ended_early: bool = False
    annealed: bool = False
    handicap: str = ""

    def __post_init__(self) -> None:
        _checked(self.accuracies)
        _checked(self.held_out_accuracies)

    @classmethod
    def of(cls, epochs: Sequence[Any], **others: Any) -> TrainingCurve:
        """Return the curve of epochs: anything with the attributes of :class:`digitcore.models.Epoch`."""
        held_out = tuple(epoch.validation_accuracy for epoch in epochs if epoch.validation_accuracy is not None)
        return cls(
            tuple(epoch.train_loss for epoch in epochs),
            tuple(epoch.train_accuracy for epoch in epochs),
            held_out if len(held_out) == len(epochs) else (),
            **others,
        )

    @property
    def monitored(self) -> tuple[float, ...]:
        """The accuracies that early stopping watches: of the held-out part, else of the training part."""
        return self.held_out_accuracies or self.accuracies

    @property
    def monitored_name(self) -> str:
        """What to call the part of :attr:`monitored`."""
        return self.held_out_name if self.held_out_accuracies else "training"

    @property
    def rise(self) -> Rise:
        """How much :attr:`monitored` rose at the end."""
        return rise_of(self.monitored, self.n_held_out if self.held_out_accuracies else None)

    @property
    def chance(self) -> float:
        """Accuracy up to which a model is hardly better than guessing."""
        guessing = 1 / self.n_classes
        return guessing + NEAR_CHANCE * (1 - guessing)

    @property
    def jump(self) -> int | None:
        """Number of the first epoch whose loss jumped far above a lower one and above that of guessing; None if none.

        A first loss far above that of guessing, as of raw pixels, is the weights' start and no jump.
        """
        if len(self.losses) < 2:
            return None
        losses = np.asarray(self.losses)
        before = np.minimum.accumulate(losses)[:-1]
        jumped = losses[1:] > JUMP * np.maximum(before, math.log(self.n_classes))
        return int(jumped.argmax()) + 2 if jumped.any() else None

    @property
    def has_collapsed(self) -> bool:
        """Whether the loss fell from far above guessing to that of guessing, or an accuracy once reached was lost.

        So ends a network whose units an update has switched off for all images: it gives the classes' shares.
        """
        if not self.losses:
            return False
        guessing = math.log(self.n_classes)
        fell = self.losses[0] > JUMP * guessing and self.losses[-1] < JUMP * guessing
        return fell or self.lost > MUCH_LOST

    @property
    def is_thrown_about(self) -> bool:
        """Whether the loss ended far above that of guessing, without having fallen steadily.

        With raw pixels or large initial weights the loss starts there, too, but it falls, however slowly.
        """
        if len(self.losses) < 2 or self.losses[-1] <= JUMP * math.log(self.n_classes):
            return False
        return self.losses[-1] > self.losses[0] or self.is_unsteady

    @property
    def lost(self) -> float:
        """Training accuracy of the best epoch less that of the last one."""
        return max(self.accuracies) - self.accuracies[-1] if self.accuracies else 0.0

    @property
    def best_training_epoch(self) -> int:
        """Number of the first epoch with the highest training accuracy."""
        return 1 + int(np.argmax(self.accuracies))

    @property
    def is_falling(self) -> bool:
        """Whether the training loss was still falling at the end, by more than 1 % from one fifth to the next."""
        if len(self.losses) < 2:
            return False
        before, last = last_fifths(self.losses)
        return last < (1 - WORTHWHILE_FALL) * before

    @property
    def is_unsteady(self) -> bool:
        """Whether the training loss jumped up and down at the end, by more than a tenth of itself an epoch."""
        if len(self.losses) < 5:
            return False
        values = np.asarray(self.losses[-_looked_at(len(self.losses)) :])
        return _downward_jitter(-values) > UNSTEADY * values.mean()

    @property
    def peak(self) -> tuple[int, float] | None:
        """Middle epoch of the best fifth of the held-out accuracies, and its mean less that of the last fifth.

        None where the accuracy has not clearly fallen since.
        """
        values = np.asarray(self.held_out_accuracies)
        if len(values) < 5:
            return None
        fifth = len(values) // 5
        means = np.convolve(values, np.full(fifth, 1 / fifth), mode="valid")
        best = int(means.argmax())
        drop = float(means[best] - means[-1])
        noise = max(_Z * _downward_jitter(values) * math.sqrt(2 / fifth), _one_image(self.n_held_out))
        if best + fifth > len(values) - fifth or drop <= max(WORTHWHILE_PEAK, noise) + ROUNDING:
            return None
        return best + 1 + fifth // 2, drop


def still_rising(accuracies: Sequence[float]) -> bool:
    """Whether accuracy still rises at the end: by more than 0.2 points, and by more than the epochs differ by chance.

    The mean of the last fifth of the epochs is compared with that of the fifth before; of 2 to 4 epochs the last with
    the one before. One epoch says nothing about a rise, so it is False.

    Raises
    ------
    InvalidSetting
        If an accuracy is not within 0 to 1.
    """
    return rise_of(accuracies).clear


def rise_of(accuracies: Sequence[float], n_images: int | None = None) -> Rise:
    """Return how much the accuracy rose from the last fifth of the epochs but one to the last.

    Its noise is that of two means of epochs whose accuracies jitter as these do when they fall; a smooth curve has
    none.

    Parameters
    ----------
    accuracies : sequence of float
        One an epoch, 0 to 1.
    n_images : int, optional
        Images they were measured on: one image more or less is no rise.

    Raises
    ------
    InvalidSetting
        If an accuracy is not within 0 to 1.
    """
    values = _checked(accuracies)
    if len(values) < 2:
        return Rise(0.0, 0.0)
    before, last = last_fifths(values.tolist())
    fifth = max(len(values) // 5, 1)
    noise = _Z * _downward_jitter(values[-_looked_at(len(values)) :]) * math.sqrt(2 / fifth)
    return Rise(last - before, max(noise, _one_image(n_images)))


def last_fifths(values: Sequence[float]) -> tuple[float, float]:
    """Return the means of the last fifth but one and of the last fifth of at least two values; under five, of one."""
    array = np.asarray(values, dtype=np.float64)
    fifth = max(len(array) // 5, 1)
    return float(array[-2 * fifth : -fifth].mean()), float(array[-fifth:].mean())


def _looked_at(n: int) -> int:
    """How many of the last epochs tell how much epochs differ."""
    return max(2 * (n // 5), 5)


def _downward_jitter(values: np.ndarray) -> float:
    """Return the standard deviation of independent noise whose falls from value to value would be as large as these.

    A rise may be the trend; of differences of independent values, half the squares are falls.
    """
    falls = np.minimum(np.diff(values), 0.0)
    return float(np.sqrt(np.mean(falls**2))) if len(falls) else 0.0


def _one_image(n_images: int | None) -> float:
    """Return the accuracy that one image makes; 0 where their number is not known."""
    return 0.0 if n_images is None else 1 / n_images


def _checked(accuracies: Sequence[float]) -> np.ndarray:
    values = np.asarray(list(accuracies), dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InvalidSetting("accuracies must be numbers from 0 to 1, one an epoch; leave out epochs without one")
    return values
