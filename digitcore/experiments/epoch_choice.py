"""Early stopping in a cross-validation: which folds it ended, and what it costs that it watches the fold scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitcore.runs.run import Run
from digitcore.wording import counted, percent_text


@dataclass(frozen=True)
class EpochChoice:
    """Mean validation accuracies (0 to 1) over the folds, by who chose the epoch of each.

    Attributes
    ----------
    by_itself : float
        The fold's own accuracies did: what early stopping keeps.
    by_others : float
        The other folds did, by the mean of theirs: the fold has no say in it.
    """

    by_itself: float
    by_others: float


def epoch_choice(runs: Sequence[Run]) -> EpochChoice | None:
    """Return the mean accuracies with each fold's epoch chosen by itself, as early stopping does, and by the others.

    Parameters
    ----------
    runs : sequence of Run
        The folds that are done, with their epochs.

    Returns
    -------
    EpochChoice or None
        None without early stopping or where it watched other images than the fold's, for a single fold, for votes,
        whose epochs are those of no one model, and for runs without validation accuracies.
    """
    curves = [np.array([epoch.validation_accuracy for epoch in run.epochs], dtype=float) for run in runs]
    stops = all(
        run.spec.parameters["patience"] is not None and not run.spec.split.stopping_size and run.spec.members == 1
        for run in runs
    )
    if not stops or len(curves) < 2 or any(len(curve) == 0 or np.isnan(curve).any() for curve in curves):
        return None
    longest = max(len(curve) for curve in curves)
    # What ended early would hardly have changed: that is why it ended.
    padded = np.stack([np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves])  # (n_runs, n_epochs)
    of_others = padded.sum(axis=0) - padded
    chosen = of_others.argmax(axis=1)
    return EpochChoice(float(padded.max(axis=1).mean()), float(padded[np.arange(len(curves)), chosen].mean()))


def epoch_choice_warning(runs: Sequence[Run]) -> str:
    """Return what a reader of the folds' accuracies must know about early stopping; empty where there is nothing."""
    choice = epoch_choice(runs)
    if choice is None:
        return ""
    points = 100 * (choice.by_itself - choice.by_others)
    less = f"{points:.1f} points less" if points >= 0.05 else "hardly any different"
    return (
        "Early stopping chose each fold's epoch by the images that the fold is then scored on, so the validation "
        f"accuracy is too favourable, most of all with few images. With each fold's epoch chosen by the other folds it "
        f"is {percent_text(choice.by_others)}, {less}: report that figure."
    )


def early_ends_text(runs: Sequence[Run]) -> str:
    """Return how many of the trainings ended before their last epoch, and what that makes of curves of means.

    Empty where none did.

    Parameters
    ----------
    runs : sequence of Run
        Those that are done, with their epochs; all have the same number of epochs to do.
    """
    ends = sorted(n for run in runs if (n := len(run.epochs)) < run.spec.parameters["epochs"])
    if not ends:
        return ""
    if len(ends) == len(runs):
        who = f"All {len(runs)} trainings" if len(runs) > 1 else "The training"
    else:
        who = "One training" if len(ends) == 1 else f"{len(ends)} of {len(runs)} trainings"
    if ends[0] == max(len(run.epochs) for run in runs):
        return f"{who} ended early, after {counted(ends[0], 'epoch')}."
    when = counted(ends[0], "epoch")
    if ends[0] < ends[-1]:
        when = f"{ends[0]:,} to {counted(ends[-1], 'epoch')}"
    return (
        f"{who} ended early, after {when}: from epoch {ends[0]:,} on the lines are means of those that went on, and "
        "their ends are not the figures above."
    )
