"""A plan trained from Python: with an engine on all cores, or one training after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from digitcore.experiments.experiment import Experiment, has_ended, members_of
from digitcore.experiments.halving import is_halving
from digitcore.experiments.plans import Member, Plan
from digitcore.experiments.runner import ExperimentRunner
from digitcore.runs.engine import Engine
from digitcore.runs.run import Run
from digitcore.runs.training import checkpoint_of, train_spec


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
