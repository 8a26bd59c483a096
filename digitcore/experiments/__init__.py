"""Experiments: lists of trainings made by a rule, each a normal run, and what they say together."""

from digitcore.experiments.axes import Axis, Range
from digitcore.experiments.comparison import RunsComparison, compare
from digitcore.experiments.experiment import Experiment
from digitcore.experiments.lr_range import lr_range_test
from digitcore.experiments.plans import CrossValidation, LearningCurve, Plan, RecipeTables, Sweep
from digitcore.experiments.run_plan import cross_validate, learning_curve, run_plan, sweep
from digitcore.experiments.runner import ExperimentRunner

__all__ = [
    "Axis",
    "CrossValidation",
    "Experiment",
    "ExperimentRunner",
    "LearningCurve",
    "Plan",
    "Range",
    "RecipeTables",
    "RunsComparison",
    "Sweep",
    "compare",
    "cross_validate",
    "learning_curve",
    "lr_range_test",
    "run_plan",
    "sweep",
]
