"""What to say about a run that has ended: figures, verdict, warnings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from digitcore.datasets import DATASETS
from digitcore.errors import DivergedError
from digitcore.evaluation import TrainingCurve, Verdict, judge_fit
from digitcore.evaluation.verdict import TITLES
from digitcore.models import MODELS
from digitcore.models.augmented_images import augmentation_of
from digitcore.models.hard_examples import updates_per_epoch
from digitcore.models.schedules import learning_rates_table
from digitcore.runs.progress import part_sizes
from digitcore.runs.run import Run
from digitcore.specs.recipes import Recipe
from digitcore.specs.run_spec import RunSpec
from digitcore.specs.titles import spec_titles
from digitcore.wording import percent_text, points_change_text, shown_difference

TEST_CHOSE_EPOCH = (
    "The test part was used to choose the epoch, so its accuracy is too favourable: it no longer tells how the model "
    "does on images it has never met. Use a validation part instead."
)
VALIDATION_IS_ALL = (
    "The validation part chose the epoch, and there is no test part beside it: its accuracy is a little too favourable."
)
NEVER_LEARNED = {"train": " The model cannot predict what it never saw, and the curves leave those images out."}
TRAIN_CHOSE_EPOCH = "There is no validation part, so early stopping watched the training accuracy itself."


# From these values on, seen on scikit-learn's digits: such dropout in layers of 16 to 32 units, such a decay at the
# usual learning rates, such smoothing. The last number is the part of the value to try instead.
_HANDICAPS = (
    ("dropout", "dropout", 0.6, 0.5),
    ("weight_decay", "weight decay", 0.1, 0.0),
    ("label_smoothing", "label smoothing", 0.7, 0.1),
)


def held_out_name(run: Run) -> str | None:
    """Return the part that tells best how the model does on new images: test, else validation, else None."""
    return next((name for name in ("test", "validation") if name in run.figures), None)


def chosen_by(run: Run) -> str | None:
    """Return the part by whose accuracy runs are compared: validation, else test, else train; None without any.

    Covered test figures are not made up for by those of the training part.
    """
    if run.covered:
        return "validation" if "validation" in run.figures else None
    return next((name for name in ("validation", "test", "train") if name in run.figures), None)


def score_of(run: Run) -> float:
    """Return the accuracy (0 to 1) by which runs are compared; NaN without one."""
    part = chosen_by(run)
    return math.nan if part is None else run.figures[part].accuracy


def validation_name(run: Run) -> str:
    """Return the name of the validation curves: "test" where the test part is used for validation."""
    if run.spec.split.stopping_size:
        return "early stopping"
    return "test" if run.spec.split.validation == "test" else "validation"


def learning_rates_of(run: Run) -> pd.DataFrame | None:
    """Return the learning rates of a run, as :func:`learning_rates_table` does; None where no schedule changes them.

    Of a run that has ended they are those of the epochs that it has.
    """
    if not has_schedule(run.spec):
        return None
    n_train = run.figures["train"].n_images if "train" in run.figures else part_sizes(run.spec)[0]
    return _rates_until(run.spec.parameters["epochs"] if run.active else len(run.epochs), run.spec, n_train)


def has_schedule(spec: RunSpec) -> bool:
    """Return True if a learning-rate schedule changes the rate, in this training or one that it goes on from."""
    scheduled = spec.parameters.get("schedule", "constant") != "constant"
    return scheduled or (spec.parent is not None and has_schedule(spec.parent))


def _rates_until(n_epochs: int, spec: RunSpec, n_train: int) -> pd.DataFrame:
    parent, n_before, tables = spec.parent, spec.n_inherited, []
    if parent is not None:
        tables.append(_rates_until(min(n_epochs, n_before), parent, part_sizes(parent)[0]))
    if n_epochs > n_before:
        own = {**spec.parameters, "epochs": spec.parameters["epochs"] - n_before}
        table = learning_rates_table(own, updates_per_epoch(own, n_train), n_epochs - n_before)
        tables.append(table.assign(epoch=table["epoch"] + n_before))
    return pd.concat(tables, ignore_index=True)


def is_trained_harder(spec: RunSpec) -> bool:
    """Return True if the training curve is of images that are harder to tell than they are after the training.

    That is a network's, by dropout, by augmentation, or because an epoch trains on the hardest images. The curve of
    softmax regression is of all images as they are.
    """
    parameters = spec.parameters
    is_harder = parameters.get("dropout", 0.0) > 0 or parameters.get("hard_fraction") is not None
    return MODELS[spec.model].uses_torch and (is_harder or augmentation_of(parameters) is not None)


def end_text(run: Run) -> str:
    """Return in a sentence that a run has ended, with the accuracy that tells most; one that failed has its reason."""
    if run.state == "failed":
        return "The training has failed."
    ended = "was stopped" if run.state == "cancelled" else "has ended"
    name = held_out_name(run) or chosen_by(run)
    if name is None:
        return f"The training {ended}."
    return f"The training {ended}: {name} accuracy {percent_text(run.figures[name].accuracy)}."


def curve_of(run: Run) -> TrainingCurve:
    """Return the run's epochs as a verdict reads them."""
    monitored, patience = validation_name(run), run.spec.parameters["patience"]
    figures = run.figures.get(monitored)
    return TrainingCurve.of(
        run.epochs,
        held_out_name=monitored,
        n_held_out=None if figures is None else figures.n_images,
        n_classes=DATASETS[run.spec.dataset].n_classes,
        ended_early=run.state == "done" and patience is not None and not _used_all_epochs(run),
        annealed=run.spec.ends_its_schedule and _used_all_epochs(run),
        handicap=next((words for words, _ in handicaps_of(run.spec)), ""),
    )


def handicaps_of(spec: RunSpec) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the settings that alone may keep a model from learning, in words, and what to have in place of each."""
    parameters = spec.parameters
    return [
        (f"{words} {parameters[name]:g}", {name: round(part * parameters[name], 3)})
        for name, words, least, part in _HANDICAPS
        if parameters.get(name, 0.0) >= least
    ]


def verdict_of(run: Run) -> Verdict | None:
    """Return how well the model fits; None before it was evaluated, unless the training failed by diverging.

    None, too, of weights that were changed after the training.
    """
    figures, held_out = run.figures, held_out_name(run)
    if run.spec.surgery is not None:
        # The curves are those of other weights.
        return None
    if "train" in figures:
        return judge_fit(figures["train"], figures.get(held_out), curve_of(run), held_out or "test")
    if run.state == "failed" and run.reason.startswith(DivergedError.BEGINNING):
        return Verdict("diverged", TITLES["diverged"], "The updates threw the weights farther and farther.")
    return None


def warnings_of(run: Run) -> list[str]:
    """Return what a reader of the run's figures must know, one sentence or two each."""
    warnings = [_early_stopping_warning(run)] if run.spec.parameters["patience"] is not None else []
    for part, names in (run.evaluation.missing_classes if run.evaluation else {}).items():
        if names:
            classes = "class" if len(names) == 1 else "classes"
            warnings.append(
                f"The {part} part has no image of {classes} {', '.join(names)}.{NEVER_LEARNED.get(part, '')}"
            )
    return [warning for warning in warnings if warning]


def remark_of(run: Run, verdict: Verdict) -> str:
    """Return the one remark beside a verdict: what a reader of the figures must know, else the verdict's own."""
    return " ".join(warnings_of(run)) or verdict.remark


def _early_stopping_warning(run: Run) -> str:
    split = run.spec.split
    if split.validation == "test":
        return TEST_CHOSE_EPOCH
    if split.stopping_size:
        return ""
    if split.validation == "none":
        return TRAIN_CHOSE_EPOCH
    return "" if "test" in run.figures or run.covered else VALIDATION_IS_ALL


def _used_all_epochs(run: Run) -> bool:
    return len(run.epochs) >= run.spec.parameters["epochs"]


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """Return by digest each run of a list in a few words: what tells it from the others, how well, when.

    No two labels are equal.
    """
    titles = spec_titles([run.spec for run in runs])
    labels = {run.digest: f"{title}{_outcome(run)}" for run, title in zip(runs, titles, strict=True)}
    return distinct_labels(labels)


def _outcome(run: Run) -> str:
    held_out, planned = held_out_name(run), run.spec.parameters["epochs"]
    epochs = f", {run.n_trained:,} of {planned:,} epochs" if run.n_trained < planned else ""
    score = f", {held_out} {percent_text(run.figures[held_out].accuracy)}" if held_out else ""
    when = f" · {run.created_at:%d %b %H:%M} UTC" if run.created_at else ""
    return f"{epochs}{score}{when}"


def distinct_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels by key of which no two are equal: "A", "A (2)"; a page knows a choice by its label alone."""
    seen: Counter[str] = Counter()
    distinct = {}
    for key, label in labels.items():
        seen[label] += 1
        distinct[key] = label if seen[label] == 1 else f"{label} ({seen[label]})"
    return distinct


def comparison_text(run: Run, recipe: Recipe) -> str:
    """Return what is said beside the recipe's figure, published or measured, and how far the run is from it."""
    part = run.figures.get(recipe.accuracy_part)
    if part is None:
        return recipe.accuracy_words
    return f"{recipe.accuracy_words}; here {points_change_text(shown_difference(part.accuracy, recipe.accuracy, 2), 2)}"
