"""A plan trained from Python: with an engine on all cores, or one training after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from digitcore.experiments.axes import Axis, Range
from digitcore.experiments.experiment import Experiment, has_ended, members_of
from digitcore.experiments.halving import is_halving
from digitcore.experiments.plans import CrossValidation, LearningCurve, Member, Plan, Sweep
from digitcore.experiments.runner import ExperimentRunner
from digitcore.experiments.tables import members_table
from digitcore.runs.engine import Engine
from digitcore.runs.run import Run
from digitcore.runs.training import checkpoint_of, train_spec
from digitcore.specs.run_spec import RunSpec


def run_plan(plan: Plan, engine: Engine | None = None, progress: Callable[..., Any] | None = None) -> Experiment:
    """Train all members of a plan and return the experiment.

    Parameters
    ----------
    plan : Plan
        What to train.
    engine : Engine, optional
        Who trains, on all its workers; its store keeps the runs. Without one they are trained here one after the
        other, and nothing is kept.
    progress : callable, optional
        Something like ``tqdm.tqdm``: called with ``total`` it returns a bar with ``update(n)``, ``close()`` and an
        attribute ``total``, which grows where successive halving adds members.
    """
    bar = _Bar(progress, len(plan.members))
    try:
        return _run_here(plan, bar) if engine is None else _run_with(engine, plan, bar)
    finally:
        bar.close()


def cross_validate(
    spec: RunSpec,
    k: int = 5,
    *,
    stratify: bool = False,
    engine: Engine | None = None,
    progress: Callable[..., Any] | None = None,
) -> pd.DataFrame:
    """Train ``spec`` on all folds but one of its training part, for each of ``k`` folds.

    Early stopping watches images of the other folds, so that a fold has no say in what it is scored on.

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
        If ``spec`` is no RunSpec, or ``k`` is not valid.

    Examples
    --------
    >>> table = cross_validate(RunSpec(dataset="digits", model="softmax"), k=5)
    >>> table["validation_accuracy"].mean()
    """
    return members_table(run_plan(CrossValidation(spec, k, stratify, nested=True), engine, progress))


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
        For flat names of settings (see :func:`digitcore.specs.settings.settings_of`) their values.
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
        If ``spec`` is no RunSpec, or a name, a value or an option is not valid.

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
        If ``spec`` is no RunSpec, a number is not valid, or the spec holds no images out.
    """
    return members_table(run_plan(LearningCurve(spec, tuple(sizes), n_repeats), engine, progress))


class _Bar:
    """What tells the caller how far it is; nothing without a caller who asks."""

    def __init__(self, progress: Callable[..., Any] | None, total: int):
        self._bar = progress(total=total) if progress is not None else None
        self._n_ended = 0

    def show(self, plan: Plan, runs: Mapping[str, Run]) -> None:
        if self._bar is None:
            return
        experiment = Experiment(plan, runs=runs)
        self._bar.total = experiment.n_trainings
        self._bar.update(experiment.n_ended - self._n_ended)
        self._n_ended = experiment.n_ended

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _run_with(engine: Engine, plan: Plan, bar: _Bar) -> Experiment:
    with ExperimentRunner(engine) as runner:
        runner.start(plan)
        try:
            while (experiment := runner.experiment(plan.digest)).state == "running":
                bar.show(plan, experiment.runs)
                engine.wait_for_change(0.1)
        except BaseException:
            runner.stop(plan.digest)
            raise
    bar.show(plan, experiment.runs)
    return experiment


def _run_here(plan: Plan, bar: _Bar) -> Experiment:
    runs: dict[str, Run] = {}
    checkpoints: dict[str, dict[str, np.ndarray] | None] = {}
    created_at = datetime.now(UTC)
    while (member := _next_member(plan, runs)) is not None:
        before = checkpoints.pop(member.continues.digest, None) if member.continues else None
        outcome = train_spec(member.spec, checkpoint=before, keep_checkpoint=is_halving(plan))
        checkpoints[member.digest] = checkpoint_of(outcome.arrays)
        runs[member.digest] = Run(
            spec=member.spec,
            state=outcome.state,
            reason=outcome.reason,
            epochs=tuple(outcome.epochs),
            evaluation=outcome.evaluation,
            created_at=datetime.now(UTC),
            seconds=outcome.seconds,
        )
        bar.show(plan, runs)
    seconds = (datetime.now(UTC) - created_at).total_seconds()
    return Experiment(plan, "done", runs=runs, seconds=seconds, created_at=created_at)


def _next_member(plan: Plan, runs: Mapping[str, Run]) -> Member | None:
    return next((member for member in members_of(plan, runs) if not has_ended(member, runs)), None)
