"""What to say about an experiment: what it is, what is best, what to mind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from digitcore.errors import InvalidSetting
from digitcore.experiments.plans import CrossValidation, LearningCurve, Plan, RecipeTables, Sweep, plan_from_json
from digitcore.runs.store import KeptExperiment
from digitcore.specs.recipes import RECIPES
from digitcore.specs.settings import all_settings, setting_label
from digitcore.specs.titles import spec_title
from digitcore.wording import counted

CHOSEN_BY_TEST = (
    "The points are compared by the test part, so the best one's accuracy is too favourable: for an honest figure "
    "watch a validation part instead, and look at the test part once."
)
DIFFERENT_DATA = "The points are of different data sets: their accuracies do not compare."
DIFFERENT_PARTS = (
    "Some points are measured on other parts of the data than others, because the split itself was varied: only those "
    "measured on the most telling part can be best."
)
CHOSEN_BY_TRAIN = "There are no images held out: the points are compared by the training part itself."


def plan_words(plan: Plan) -> str:
    """Return a plan in a few words: how many trainings of what."""
    if isinstance(plan, RecipeTables):
        recipe = RECIPES[plan.recipe]
        figures = "all published figures" if recipe.measured is None else "the measured figure"
        return f"{recipe.name}: {figures}, {counted(_n_trainings(plan), 'training')}"
    title = spec_title(plan.spec, varied=_varied(plan))
    return f"{_rule_words(plan)} of {title}" if title else _rule_words(plan)


def point_words(values: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return a point of a sweep in words: "Learning rate 0.1, Batch size full batch"."""
    known = all_settings()
    return ", ".join(f"{known[name].record.label} {setting_label(name, values[name])}" for name in names)


def member_columns(plan: Plan) -> dict[str, str]:
    """Return the columns that tell the members of a plan apart, and their titles."""
    if isinstance(plan, CrossValidation):
        return {"fold": "Fold"}
    if isinstance(plan, LearningCurve):
        return {"n_train": "Training images", "repeat": "Repeat"}
    if isinstance(plan, RecipeTables):
        folds = {"fold": "Fold"} if RECIPES[plan.recipe].cross_validations else {}
        return {"table": "Table", "column": "Setting", "seed": "Seed", **folds}
    return {**{axis.name: axis.record.label for axis in plan.axes}, "seed": "Seed"}


def sweep_warnings(sweep: Sweep, members: pd.DataFrame) -> list[str]:
    """Return what a reader of the best point's accuracy must know, a sentence each.

    Parameters
    ----------
    sweep : Sweep
        The plan.
    members : DataFrame
        From :func:`digitcore.experiments.tables.members_table`.
    """
    parts = {part for part in members["score_part"] if part is not None}
    warnings = [DIFFERENT_DATA] if any(axis.name == "dataset" for axis in sweep.axes) else []
    if len(parts) > 1:
        warnings.append(DIFFERENT_PARTS)
    if "validation" not in parts and parts:
        warnings.append(CHOSEN_BY_TEST if "test" in parts else CHOSEN_BY_TRAIN)
    return warnings


def readable_experiments(kept: Iterable[KeptExperiment]) -> list[KeptExperiment]:
    """Return those of kept experiments whose data set, model and kind this version knows."""
    readable = []
    for experiment in kept:
        with contextlib.suppress(InvalidSetting):
            plan_from_json(experiment.plan)
            readable.append(experiment)
    return readable


def _varied(plan: CrossValidation | Sweep | LearningCurve) -> list[str]:
    """Return the flat names of the settings that a plan sets itself, whatever its spec says."""
    if isinstance(plan, CrossValidation):
        return ["validation", "validation_size", "n_folds", "fold", "stratify", "stopping_size"]
    if isinstance(plan, LearningCurve):
        return ["max_train"]
    return [axis.name for axis in plan.axes]


def _rule_words(plan: CrossValidation | Sweep | LearningCurve) -> str:
    if isinstance(plan, CrossValidation):
        return f"{plan.k} {'stratified ' if plan.stratify else ''}folds"
    if isinstance(plan, LearningCurve):
        return f"{counted(len(plan.sizes), 'size')} × {counted(plan.n_repeats, 'repeat')}"
    seeds = f" × {plan.n_seeds} seeds" if plan.n_seeds > 1 else ""
    labels = " × ".join(axis.record.label for axis in plan.axes)
    return f"{labels}: {counted(len(plan.points), 'point')}{seeds}"


def _n_trainings(plan: Plan) -> int:
    return len({member.digest for member in plan.members})
