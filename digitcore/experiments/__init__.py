"""Experiments: lists of trainings made by a rule, each a normal run, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from digitcore.experiments.axes import Axis, Range
from digitcore.experiments.experiment import Experiment
from digitcore.experiments.here import run_plan
from digitcore.experiments.plans import CrossValidation, LearningCurve, Plan, RecipeTables, Sweep
from digitcore.experiments.rate_range import rate_range
from digitcore.experiments.runner import ExperimentRunner
from digitcore.experiments.tables import members_table
from digitcore.runs.engine import Engine
from digitcore.runs.spec import RunSpec

__all__ = [
    "Axis",
    "CrossValidation",
    "Experiment",
    "ExperimentRunner",
    "LearningCurve",
    "Plan",
    "Range",
    "RecipeTables",
    "Sweep",
    "cross_validate",
    "learning_curve",
    "rate_range",
    "run_plan",
    "sweep",
]


def cross_validate(
    spec: RunSpec,
    k: int = 5,
    *,
    stratify: bool = False,
    engine: Engine | None = None,
    progress: Callable[..., Any] | None = None,
) -> pd.DataFrame:
    """Train ``spec`` on all folds but one of its training part, for each of ``k`` folds.

    Parameters
    ----------
    spec : RunSpec
        What is trained; a test part stays out of the folds.
    k : int
        Number of folds, from 2.
    stratify : bool
        Whether every fold has nearly the same share of every class.
    engine, progress
        See :func:`run_plan`.

    Returns
    -------
    DataFrame
        A row for each ``fold``, see :func:`digitcore.experiments.tables.members_table`.

    Raises
    ------
    InvalidSetting
        If ``k`` is not valid.

    Examples
    --------
    >>> table = cross_validate(RunSpec(dataset="digits", model="softmax"), k=5)
    >>> table["validation_accuracy"].mean()
    """
    return members_table(run_plan(CrossValidation(spec, k, stratify), engine, progress))


def sweep(
    spec: RunSpec,
    values: Mapping[str, Range | Sequence],
    *,
    engine: Engine | None = None,
    progress: Callable[..., Any] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Train ``spec`` with settings varied.

    Parameters
    ----------
    spec : RunSpec
        What is varied.
    values : mapping of str to sequence or Range
        For flat names of settings (see :func:`digitcore.settings.settings_of`) their values.
    engine, progress
        See :func:`run_plan`.
    **options
        ``n_seeds``, ``n_random`` and ``factor`` of :class:`Sweep`.

    Returns
    -------
    DataFrame
        A row for each point and seed, see :func:`digitcore.experiments.tables.members_table`.

    Raises
    ------
    InvalidSetting
        If a name, a value or an option is not valid.

    Examples
    --------
    >>> sweep(RunSpec(dataset="digits", model="softmax"), {"learning_rate": Range(0.001, 1, n=4, scale="log")})
    """
    axes = tuple(Axis.of(name, given) for name, given in values.items())
    return members_table(run_plan(Sweep(spec, axes, **options), engine, progress))


def learning_curve(
    spec: RunSpec,
    sizes: Sequence[int],
    *,
    n_repeats: int = 3,
    engine: Engine | None = None,
    progress: Callable[..., Any] | None = None,
) -> pd.DataFrame:
    """Train ``spec`` on training parts of several sizes.

    Parameters
    ----------
    spec : RunSpec
        What is trained.
    sizes : sequence of int
        Numbers of training images; larger ones than there are mean all.
    n_repeats : int
        Trainings of each size, each on other images with another seed.
    engine, progress
        See :func:`run_plan`.

    Returns
    -------
    DataFrame
        A row for each ``n_train`` and ``repeat``, see :func:`digitcore.experiments.tables.members_table`.

    Raises
    ------
    InvalidSetting
        If a number is not valid, or the spec holds no images out.
    """
    return members_table(run_plan(LearningCurve(spec, tuple(sizes), n_repeats), engine, progress))
