"""How well a model fits: the verdict on a training, and what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.evaluation.metrics import PartAccuracy, PartEvaluation, accuracy_gap
from digitcore.wording import percent_text

Kind = Literal["fits well", "overfits", "underfits", "still improving"]
# A difference of two points is what a learner can see on the curve; the published example of a good fit has 0.3.
HARMLESS_GAP = 0.02
# Below this a model has not learned its own training images: logistic regression reaches 92 % on MNIST.
GOOD_TRAIN_ACCURACY = 0.95
# Rise of the mean accuracy from one fifth of the epochs to the next that is worth more epochs.
WORTHWHILE_RISE = 0.002
# Relative fall of the mean training loss between the same fifths that still counts as falling.
WORTHWHILE_FALL = 0.01
# Keeps 0.952 - 0.950 from being larger than 0.002.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Verdict:
    """What a training came to: its kind, a title, and one or two sentences with the figures in them."""

    kind: Kind
    title: str
    explanation: str


def still_rising(accuracies: Sequence[float]) -> bool:
    """Whether accuracy still rises at the end, by more than 0.2 points.

    The mean of the last fifth of the epochs is compared with that of the fifth before; of 2 to 4 epochs the last with
    the one before. One epoch says nothing about a rise, so it is False.

    Raises
    ------
    InvalidSetting
        If an accuracy is not within 0 to 1.
    """
    values = np.asarray(list(accuracies), dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InvalidSetting("accuracies must be numbers from 0 to 1, one an epoch; leave out epochs without one")
    if len(values) < 2:
        return False
    before, last = _last_fifths(values)
    return bool(last - before > WORTHWHILE_RISE + ROUNDING)


def judge_fit(
    train: PartAccuracy | PartEvaluation,
    held_out: PartAccuracy | PartEvaluation | None = None,
    accuracies: Sequence[float] = (),
    train_losses: Sequence[float] = (),
    held_out_name: str = "test",
) -> Verdict:
    """Judge a training by its figures. The first rule that holds decides.

    1. *overfits*: training accuracy is more than 2 points above held-out accuracy, and chance does not explain it
       (:func:`accuracy_gap`);
    2. *still improving*: :func:`still_rising` of ``accuracies``;
    3. *underfits*: training accuracy is below 95 %;
    4. *fits well*.

    Parameters
    ----------
    train, held_out : PartAccuracy or PartEvaluation
        Accuracy and number of images of both parts; ``held_out=None`` where no images were held out.
    accuracies : sequence of float
        One an epoch, 0 to 1: of the held-out part where there is one, of the training part otherwise.
    train_losses : sequence of float
        One an epoch; they choose the advice against underfitting.
    held_out_name : str
        What to call the held-out part in the explanation.

    Raises
    ------
    InvalidSetting
        If an accuracy is not within 0 to 1 or a part has no images.
    """
    parts = [PartAccuracy(part.accuracy, part.n_images) for part in (train, held_out) if part is not None]
    gap = accuracy_gap(*parts) if held_out is not None else None
    figures = _figures(train, held_out, held_out_name)
    if gap is not None and gap.gap > HARMLESS_GAP + ROUNDING:
        if gap.gap > gap.noise:
            explanation = (
                f"{figures}, more than chance explains (±{100 * gap.noise:.1f} points). "
                "More training images, dropout, a smaller model or fewer epochs narrow it."
            )
            return Verdict("overfits", "Overfits", explanation)
        figures += f", which chance alone can explain (±{100 * gap.noise:.1f} points)"
    if still_rising(accuracies):
        before, last = _last_fifths(np.asarray(list(accuracies), dtype=np.float64))
        rise = f"At the end accuracy was still rising (by {100 * (last - before):.1f} points): train for more epochs."
        return Verdict("still improving", "Still improving", f"{figures}. {rise}")
    if train.accuracy < GOOD_TRAIN_ACCURACY - ROUNDING:
        return Verdict("underfits", "Underfits", f"{figures}. {_advice_against_underfitting(train_losses)}")
    if held_out is None:
        return Verdict("fits well", "Fits the training images", f"{figures}.")
    return Verdict("fits well", "Fits well", f"{figures}. What the model learned carries over to images it never saw.")


def _figures(train: Any, held_out: Any | None, held_out_name: str) -> str:
    """The figures as the first sentence of a verdict, without its full stop."""
    opening = f"Training accuracy {percent_text(train.accuracy, 1)}"
    if held_out is None:
        return f"{opening}; no images were held out, so whether the model overfits cannot be seen"
    points = 100 * (train.accuracy - held_out.accuracy)
    apart = f"a gap of {points:.1f} points" if points > -0.05 else f"{-points:.1f} points better than in training"
    return f"{opening}, {held_out_name} accuracy {percent_text(held_out.accuracy, 1)}: {apart}"


def _advice_against_underfitting(train_losses: Sequence[float]) -> str:
    start = f"The model does not yet fit its own training images (below {100 * GOOD_TRAIN_ACCURACY:.0f} %)"
    losses = np.asarray(list(train_losses), dtype=np.float64)
    if len(losses) >= 2:
        before, last = _last_fifths(losses)
        if last < (1 - WORTHWHILE_FALL) * before:
            return f"{start} but its loss is still falling: train for more epochs or with a larger learning rate."
    return f"{start}: try a larger model, another learning rate or more epochs."


def _last_fifths(values: np.ndarray) -> tuple[float, float]:
    """Means of the last fifth but one and of the last fifth of at least two values; under five, of one value each."""
    fifth = max(len(values) // 5, 1)
    return float(values[-2 * fifth : -fifth].mean()), float(values[-fifth:].mean())
