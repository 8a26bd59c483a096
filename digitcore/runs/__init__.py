"""Runs: what a training is (RunSpec, Run), who trains it (Engine), where it is kept (Store)."""

from digitcore.runs.engine import Engine
from digitcore.runs.run import Run
from digitcore.runs.spec import RunSpec, SplitSpec
from digitcore.runs.store import Store
from digitcore.runs.training import train_spec

__all__ = ["Engine", "Run", "RunSpec", "SplitSpec", "Store", "train_spec"]
