"""The figures of a training: accuracies with their intervals and their difference to the baseline, and the time."""

from __future__ import annotations

import math

import streamlit as st

from digitcore.evaluation import PartEvaluation, wilson_interval
from digitcore.glossary import explain
from digitcore.runs import Run
from digitcore.runs.summary import comparison_text, validation_name
from digitcore.specs.recipes import recipe_of
from digitcore.wording import accuracy_label, counted, duration_text, percent_interval_text, percent_text
from pages.parts import metric, part_lock, session

# Four stand beside each other on a laptop, two on a phone.
FIGURE_WIDTH = 132
ACCURACY_HELP = {
    "train": explain("accuracy", "train part", "interval"),
    "validation": explain("accuracy", "validation part", "interval"),
    "test": explain("accuracy", "test part", "interval"),
}


def show(run: Run, base: Run | None) -> None:
    """Show the accuracies of a run, as they stand while it is trained, and how they differ from the baseline's."""
    recipe = recipe_of(run.spec)
    with st.container(horizontal=True, key="figures"):
        # Of several models together no image is right or wrong before they vote.
        are_means = run.spec.members > 1 and not run.evaluated
        for name, part in _figures_of(run).items():
            other = None if base is None else _figures_of(base).get(name)
            counts = "" if are_means else f"{part.n_right:,} of {part.n_images:,} images right. "
            _show_figure(
                accuracy_label(name),
                percent_text(part.accuracy),
                f"mean of {run.spec.members} models" if are_means else _interval_note(part),
                f"{counts}{ACCURACY_HELP[name]}",
                _change(part.accuracy, other),
            )
        if run.evaluated and run.covered:
            _show_figure("Test accuracy", part_lock.LOCKED, "Not opened yet", ACCURACY_HELP["test"])
        seconds = run.seconds or sum(epoch.seconds for epoch in run.epochs)
        n_epochs = counted(len(run.epochs), "epoch")
        # Before the first epoch has ended, no time was measured.
        has_time = run.epochs or not run.active
        words = duration_text(seconds) if has_time else "–"
        _show_figure("Training time", words, n_epochs, explain("training time", "epoch"))
        if recipe is not None and run.evaluated:
            note = comparison_text(run, recipe)
            _show_figure(recipe.accuracy_label, percent_text(recipe.accuracy), note, recipe.accuracy_help)


def _figures_of(run: Run) -> dict[str, PartEvaluation]:
    """Return the figures of a run's parts; while it is trained those of its last epoch."""
    if run.evaluated or not run.epochs:
        return dict(run.figures)
    last, split = run.epochs[-1], session.split_of(run.spec)
    figures = {"train": _at_epoch(last.train_accuracy, last.train_loss, split.train.n_images)}
    if last.validation_accuracy is not None and validation_name(run) in ACCURACY_HELP:
        n_images = split.monitored.n_images
        figures[validation_name(run)] = _at_epoch(last.validation_accuracy, last.validation_loss, n_images)
    return figures


def _at_epoch(accuracy: float, loss: float, n_images: int) -> PartEvaluation:
    n_right = round(accuracy * n_images)
    return PartEvaluation(n_images, n_right, accuracy, loss, *wilson_interval(n_right, n_images))


def _interval_note(part: PartEvaluation) -> str:
    # In one line, at 100 % too.
    return percent_interval_text(part.accuracy_low, part.accuracy_high).replace(" ", "\u00a0")


def _change(accuracy: float, other: PartEvaluation | None) -> float | None:
    if other is None or not (math.isfinite(accuracy) and math.isfinite(other.accuracy)):
        return None
    return accuracy - other.accuracy


def _show_figure(label: str, value: str, note: str, help_text: str, change: float | None = None) -> None:
    with st.container(width=FIGURE_WIDTH, gap=None):
        metric.show(label, value, change, help=help_text)
        st.caption(note)
