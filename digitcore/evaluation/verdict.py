"""How well a model fits: the verdict on a training, with the figures and the rule behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from digitcore.evaluation.metrics import AccuracyGap, PartAccuracy, PartEvaluation, accuracy_gap, wilson_interval
from digitcore.evaluation.trend import MUCH_LOST, ROUNDING, WORTHWHILE_RISE, TrainingCurve
from digitcore.wording import (
    counted,
    percent_text,
    points_interval_text,
    points_text,
    short_number,
    shown_difference,
)

Kind = Literal[
    "diverged",
    "learned nothing",
    "unstable",
    "still improving",
    "overfits",
    "underfits",
    "may overfit",
    "fits well",
]
# A difference of two points is what a learner can see on the curve; the published example of a good fit has 0.3.
HARMLESS_GAP = 0.02
# From here on a gap is the larger problem, unless the accuracy still gains a fair share of it in a fifth of the epochs:
# at that pace a second training as long would close it.
LARGE_GAP, FAIR_SHARE = 0.05, 0.2
# Below this a model has not learned its own training images: logistic regression reaches 92 % on MNIST.
GOOD_TRAIN_ACCURACY = 0.95
TITLES: Mapping[Kind, str] = {
    "diverged": "Diverged",
    "learned nothing": "Has learned nothing",
    "unstable": "Unstable",
    "still improving": "Still improving",
    "overfits": "Overfits",
    "underfits": "Underfits",
    "may overfit": "May overfit",
    "fits well": "Fits well",
}
# In the order in which they are tried.
RULES: Mapping[Kind, str] = {
    "diverged": "The model is hardly better than guessing, and its loss jumped up, its accuracy was lost again, "
    "or its loss stays far above that of guessing without falling steadily.",
    "learned nothing": "The model is hardly better than guessing, and never was better.",
    "unstable": f"The training accuracy ended more than {100 * MUCH_LOST:.0f} points below that of its best epoch.",
    "still improving": f"The mean accuracy of the last fifth of the epochs is more than {100 * WORTHWHILE_RISE:.1f} "
    "points above that of the fifth before, by more than the epochs differ by chance, and early stopping has not ended "
    "the training. A gap comes first if its whole 95 % interval lies above "
    f"{100 * LARGE_GAP:.0f} points and more than {1 / FAIR_SHARE:.0f} times the rise; and where no part was evaluated "
    "after each epoch, so that it is the training accuracy that rises, which tells nothing of new images.",
    "overfits": f"The whole 95 % interval of the gap between training and held-out accuracy lies above "
    f"{100 * HARMLESS_GAP:.0f} points.",
    "underfits": f"The training accuracy is below {100 * GOOD_TRAIN_ACCURACY:.0f} %.",
    "may overfit": f"The gap is above {100 * HARMLESS_GAP:.0f} points, but its interval reaches below them.",
    "fits well": "None of the other rules holds.",
}


@dataclass(frozen=True)
class Verdict:
    """What a training came to.

    Attributes
    ----------
    kind : str
        Key in :data:`RULES`.
    title, explanation : str
        The verdict in two words, and in two or three sentences with its figures.
    evidence : tuple of str
        All figures that the rules looked at, one line each.
    remark : str
        What else is worth knowing, in a sentence; empty when there is nothing. It never contradicts the verdict.
    near : bool
        Whether another draw of images, or another training, may well lie on the other side of a threshold; the
        explanation then says so.
    """

    kind: Kind
    title: str
    explanation: str
    evidence: tuple[str, ...] = ()
    remark: str = ""
    near: bool = False

    @property
    def rule(self) -> str:
        """The rule that decided."""
        return RULES[self.kind]


def judge_fit(
    train: PartAccuracy | PartEvaluation,
    held_out: PartAccuracy | PartEvaluation | None = None,
    curve: TrainingCurve | None = None,
    held_out_name: str = "test",
) -> Verdict:
    """Judge a training by its figures. The first of :data:`RULES` that holds decides.

    Parameters
    ----------
    train, held_out : PartAccuracy or PartEvaluation
        Accuracy and number of images of both parts; ``held_out=None`` where no images were held out.
    curve : TrainingCurve, optional
        The epochs. Without them nothing can be said of jumps and rises.
    held_out_name : str
        What to call the held-out part.

    Raises
    ------
    InvalidSetting
        If an accuracy is not within 0 to 1 or a part has no images.
    """
    train = PartAccuracy(train.accuracy, train.n_images)
    held_out = None if held_out is None else PartAccuracy(held_out.accuracy, held_out.n_images)
    facts = _Facts(train, held_out, curve if curve is not None else TrainingCurve(), held_out_name)
    kind = facts.kind
    near = facts.nearness(kind)
    sentences = [f"{facts.figures}.", facts.finding(kind), near]
    title = "Fits the training images" if kind == "fits well" and held_out is None else TITLES[kind]
    explanation = " ".join(sentence for sentence in sentences if sentence)
    return Verdict(kind, title, explanation, facts.evidence, facts.remark(kind), bool(near))


@dataclass(frozen=True)
class _Facts:
    """The figures of a training, and what follows from them."""

    train: PartAccuracy
    held_out: PartAccuracy | None
    curve: TrainingCurve
    name: str

    @cached_property
    def gap(self) -> AccuracyGap | None:
        """Of the two accuracies; None where no images were held out."""
        return None if self.held_out is None else accuracy_gap(self.train, self.held_out)

    def shown_gap(self) -> float:
        """Difference of the two accuracies as they are written; NaN without held-out images."""
        return math.nan if self.held_out is None else shown_difference(self.train.accuracy, self.held_out.accuracy, 2)

    @property
    def kind(self) -> Kind:
        """The first of the rules that holds."""
        if self.train.accuracy < self.curve.chance:
            curve = self.curve
            broke = curve.jump is not None or curve.has_collapsed or curve.is_thrown_about or self.lost > MUCH_LOST
            return "diverged" if broke else "learned nothing"
        # Not the first alone: early stopping may keep an early epoch, whose training accuracy was still low.
        if self.lost > MUCH_LOST and self.curve.lost > MUCH_LOST:
            return "unstable"
        certain = self.gap is not None and self.gap.low > HARMLESS_GAP + ROUNDING
        rises = self.curve.rise.clear and not (self.curve.ended_early or self.curve.annealed)
        if rises and not (certain and (self.gap_outweighs_rise or not self.curve.held_out_accuracies)):
            return "still improving"
        if certain:
            return "overfits"
        if self.train.accuracy < GOOD_TRAIN_ACCURACY - ROUNDING:
            return "underfits"
        return "may overfit" if self.gap is not None and self.gap.gap > HARMLESS_GAP + ROUNDING else "fits well"

    @property
    def gap_outweighs_rise(self) -> bool:
        """Whether the gap is so large that going on at the pace of the last epochs would not close it."""
        low = 0.0 if self.gap is None else self.gap.low
        return low > LARGE_GAP + ROUNDING and self.curve.rise.rise < FAIR_SHARE * low

    @property
    def lost(self) -> float:
        """Training accuracy of the best epoch less that of the weights that were kept; 0 without epochs."""
        return max(self.curve.accuracies, default=0.0) - self.train.accuracy

    @property
    def figures(self) -> str:
        """The accuracies as the first sentence of a verdict, without its full stop."""
        opening = f"Training accuracy {percent_text(self.train.accuracy)}"
        if self.held_out is None or self.gap is None:
            return f"{opening}; no images were held out, so whether the model overfits cannot be seen"
        gap = self.shown_gap()
        apart = f"a gap of {points_text(gap, 2)}" if gap >= 0 else f"{points_text(-gap, 2)} better than in training"
        return f"{opening}, {self.name} accuracy {percent_text(self.held_out.accuracy)}: {apart}"

    def finding(self, kind: Kind) -> str:
        """What the rule that decided found, in a sentence."""
        curve = self.curve
        if kind == "diverged":
            return f"{self._breakdown} {self._blame.capitalize()} is too high."
        if kind == "learned nothing":
            blamed = f" {curve.handicap.capitalize()} may be why." if curve.handicap else ""
            return f"That is hardly better than guessing among {curve.n_classes} classes.{blamed}"
        if kind == "unstable":
            best = max(curve.accuracies)
            return (
                f"In epoch {curve.best_training_epoch:,} it was {percent_text(best)} of the training images, and "
                f"the training lost it again: {self._blame} is too high."
            )
        if kind == "still improving":
            # A fifth of fewer epochs is one of them.
            last = "the last epoch" if len(curve.monitored) < 10 else "the last fifth of the epochs"
            rise = points_text(curve.rise.rise)
            return f"At the end {curve.monitored_name} accuracy was still rising, by {rise} in {last}."
        if kind == "overfits":
            return "That is more than the 2 points that are harmless, and more than chance explains."
        if kind == "underfits":
            return f"The model does not fit even its own training images (below {100 * GOOD_TRAIN_ACCURACY:.0f} %)."
        if kind == "fits well" and self.held_out is not None:
            return "What the model learned carries over to images it never saw."
        return ""

    @property
    def _blame(self) -> str:
        return f"{self.curve.handicap} or the learning rate" if self.curve.handicap else "the learning rate"

    @property
    def _breakdown(self) -> str:
        jump, lost = self.curve.jump, self.curve.lost > MUCH_LOST
        had = f"It had reached {percent_text(max(self.curve.accuracies))} of the training images." if lost else ""
        broke = ""
        if jump is not None:
            broke = f"In epoch {jump:,} the loss jumped to {short_number(self.curve.losses[jump - 1])}."
        elif self.curve.is_thrown_about:
            guessing = math.log(self.curve.n_classes)
            ended = short_number(self.curve.losses[-1])
            broke = f"The loss ended at {ended}, far above the {guessing:.2g} of guessing."
        found = " ".join(sentence for sentence in (had, broke) if sentence)
        return found or "The first updates threw the weights so far that the model only guesses."

    def nearness(self, kind: Kind) -> str:
        """What is near a threshold, in a sentence; empty where nothing is."""
        if kind == "still improving" and self.curve.rise.near:
            return "That is near the threshold: epochs differ as much by chance."
        gap = self.gap
        judged_by_gap = gap is not None and kind in ("may overfit", "fits well")
        if gap is not None and judged_by_gap and gap.low <= HARMLESS_GAP + ROUNDING < gap.high:
            return (
                f"That is near the threshold: on this many images the true gap may lie anywhere from "
                f"{points_interval_text(gap.low, gap.high)} points, and {100 * HARMLESS_GAP:.0f} points are harmless."
            )
        low, high = self._train_interval
        if kind in ("underfits", "fits well") and low <= GOOD_TRAIN_ACCURACY <= high:
            return f"The training accuracy is near the threshold of {100 * GOOD_TRAIN_ACCURACY:.0f} %."
        return ""

    def remark(self, kind: Kind) -> str:
        """What else is worth knowing and does not contradict the verdict, in a sentence."""
        gap = self.gap
        if kind == "still improving" and gap is not None and gap.low > HARMLESS_GAP + ROUNDING:
            return (
                f"Training accuracy is already {points_text(self.shown_gap(), 2)} ahead of {self.name} accuracy: more "
                "training images would narrow that."
            )
        if kind in ("overfits", "may overfit", "fits well") and self.curve.lost > MUCH_LOST:
            return (
                "The curves broke down at the end, and early stopping kept the weights from before: a lower learning "
                "rate would train more steadily."
            )
        return ""

    @property
    def evidence(self) -> tuple[str, ...]:
        """All figures, a line each."""
        lines = [_accuracy_line("Training", self.train)]
        if self.held_out is not None and self.gap is not None:
            lines.append(_accuracy_line(self.name.capitalize(), self.held_out))
            interval = f"{points_interval_text(self.gap.low, self.gap.high, 2)} points"
            lines.append(f"Gap {points_text(self.shown_gap(), 2)}, 95 % interval {interval}")
        return (*lines, *_curve_lines(self.curve))

    @property
    def _train_interval(self) -> tuple[float, float]:
        return wilson_interval(round(self.train.accuracy * self.train.n_images), self.train.n_images)


def _accuracy_line(name: str, part: PartAccuracy) -> str:
    low, high = wilson_interval(round(part.accuracy * part.n_images), part.n_images)
    return (
        f"{name} accuracy {percent_text(part.accuracy)}, 95 % interval {100 * low:.2f} to {percent_text(high)}, "
        f"{counted(part.n_images, 'image')}"
    )


def _curve_lines(curve: TrainingCurve) -> list[str]:
    """The figures of the curves, a line each."""
    if len(curve.losses) < 2:
        return []
    losses, best = curve.losses, max(curve.accuracies)
    first, last, lowest, highest = map(short_number, (losses[0], losses[-1], min(losses), max(losses)))
    lines = [
        f"Training loss {first} in the first epoch, {last} in the last; lowest {lowest}, highest {highest}",
        f"Best training accuracy over the epochs {percent_text(best)}, in epoch {curve.best_training_epoch:,}",
        f"Rise of the {curve.monitored_name} accuracy in the last fifth of the epochs {points_text(curve.rise.rise)}, "
        f"where chance makes up to {points_text(curve.rise.noise)}",
    ]
    if curve.ended_early:
        lines.append("Early stopping ended the training: the accuracy had not risen any more")
    return lines
