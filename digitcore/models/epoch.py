"""What a training reports after each epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Epoch:
    """The figures of one epoch.

    Attributes
    ----------
    number : int
        Counted from 1.
    train_loss : float
        Mean cross-entropy of the training images, in nats.
    train_accuracy : float
        Share of the training images that were right, 0 to 1.
    validation_loss, validation_accuracy : float or None
        The same for the validation images after the epoch's updates; None without validation data.
    seconds : float
        Wall time of the epoch, its evaluation included.
    """

    number: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float

    @property
    def monitored_accuracy(self) -> float:
        """The accuracy that decides which epoch is best: validation's, or training's where there is no validation."""
        return self.train_accuracy if self.validation_accuracy is None else self.validation_accuracy
