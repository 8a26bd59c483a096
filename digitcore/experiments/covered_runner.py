"""A runner of experiments as pages see it: the test figures of locked parts are left out of what it returns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from digitcore.experiments.experiment import Experiment
from digitcore.experiments.plans import Plan
from digitcore.experiments.runner import ExperimentRunner
from digitcore.runs.covering import covered_run


class CoveredRunner:
    """A runner whose experiments have no covered test figures. What is not defined here is the runner's own.

    Parameters
    ----------
    runner : ExperimentRunner
        Who trains: it chooses by all figures, as if nothing were covered.
    """

    def __init__(self, runner: ExperimentRunner):
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def start(self, plan: Plan, visitor: str = "") -> Experiment:
        """As :meth:`ExperimentRunner.start`."""
        return self._shown(self._runner.start(plan, visitor))

    def experiment(self, digest: str) -> Experiment | None:
        """As :meth:`ExperimentRunner.experiment`."""
        experiment = self._runner.experiment(digest)
        return None if experiment is None else self._shown(experiment)

    def active(self) -> list[Experiment]:
        """As :meth:`ExperimentRunner.active`."""
        return [self._shown(experiment) for experiment in self._runner.active()]

    def wait(self, digest: str, timeout: float | None = None) -> Experiment:
        """As :meth:`ExperimentRunner.wait`."""
        return self._shown(self._runner.wait(digest, timeout))

    def _shown(self, experiment: Experiment) -> Experiment:
        covers = self._runner.engine.part_locks.covers
        covered = {digest: covered_run(run) for digest, run in experiment.runs.items() if covers(run)}
        if not covered:
            return experiment
        return replace(experiment, runs={**experiment.runs, **covered}, known_members=experiment.members)
