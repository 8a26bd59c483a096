"""What to say about an experiment: what it is, what is best, what to mind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from digitcore.datasets import DATASETS
from digitcore.errors import InvalidSetting
from digitcore.experiments.plans import CrossValidation, LearningCurve, Plan, RecipeTables, Sweep, plan_from_json
from digitcore.models import MODELS
from digitcore.recipes import RECIPES, recipe_of
from digitcore.runs.spec import RunSpec
from digitcore.runs.store import KeptExperiment
from digitcore.settings import setting_label, settings_of

CHOSEN_BY_TEST = (
    "The points are compared by the test part, so the best one's accuracy is too favourable: for an honest figure "
    "watch a validation part instead, and look at the test part once."
)
CHOSEN_BY_TRAIN = "There are no images held out: the points are compared by the training part itself."


def plan_words(plan: Plan) -> str:
    """Return a plan in a few words: how many trainings of what."""
    if isinstance(plan, RecipeTables):
        return f"{RECIPES[plan.recipe].title}: all published figures, {_counted(_n_trainings(plan), 'training')}"
    return f"{_rule_words(plan)} of {spec_words(plan.spec)}"


def spec_words(spec: RunSpec) -> str:
    """Return a spec in a few words: its recipe, or data set and model, and its epochs."""
    recipe = recipe_of(spec)
    name = recipe.name if recipe else f"{DATASETS[spec.dataset].label}, {MODELS[spec.model].label}"
    return f"{name}, {_counted(spec.parameters['epochs'], 'epoch')}"


def point_words(values: Mapping[str, Any], names: Iterable[str], model: str) -> str:
    """Return a point of a sweep in words: "Learning rate 0.1, Batch size full batch"."""
    known = settings_of(model)
    labels = {name: known[name].record.label if name in known else name for name in names}
    return ", ".join(f"{label} {setting_label(name, values[name], model)}" for name, label in labels.items())


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


def sweep_warning(sweep: Sweep) -> str:
    """Return what a reader of the best point's accuracy must know; empty when it was compared as it should be."""
    split = sweep.spec.split
    if split.validation in ("cut", "fold"):
        return ""
    has_test = split.kind == "official" or split.test_size > 0
    return CHOSEN_BY_TEST if has_test else CHOSEN_BY_TRAIN


def _rule_words(plan: CrossValidation | Sweep | LearningCurve) -> str:
    if isinstance(plan, CrossValidation):
        return f"{plan.k} {'stratified ' if plan.stratify else ''}folds"
    if isinstance(plan, LearningCurve):
        return f"{_counted(len(plan.sizes), 'size')} × {_counted(plan.n_repeats, 'repeat')}"
    seeds = f" × {plan.n_seeds} seeds" if plan.n_seeds > 1 else ""
    labels = " × ".join(axis.record.label for axis in plan.axes)
    return f"{labels}: {_counted(len(plan.points), 'point')}{seeds}"


def _n_trainings(plan: Plan) -> int:
    return len({member.digest for member in plan.members})


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def readable_experiments(kept: Iterable[KeptExperiment]) -> list[KeptExperiment]:
    """Return those of kept experiments whose data set, model and kind this version knows."""
    readable = []
    for experiment in kept:
        with contextlib.suppress(InvalidSetting):
            plan_from_json(experiment.plan)
            readable.append(experiment)
    return readable
