"""What it costs the honesty of a cross-validation that early stopping watches the fold that is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitcore.runs.run import Run
from digitcore.wording import percent_text


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
