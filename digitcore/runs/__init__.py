"""Runs: what a training is (RunSpec, Run), who trains it (Engine), where it is kept (Store)."""

from digitcore.runs.engine import Engine
from digitcore.runs.run import Run
from digitcore.runs.store import Store
from digitcore.runs.training import train_spec
from digitcore.specs.run_spec import RunSpec, SplitSpec

__all__ = ["Engine", "Run", "RunSpec", "SplitSpec", "Store", "train_spec"]
