"""How far a run is, and how long one will take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from digitcore.datasets import DATASETS
from digitcore.models import MODELS
from digitcore.models.architecture import multiply_adds
from digitcore.runs.run import Run
from digitcore.specs.run_spec import RunSpec

# How many of the last epochs tell the present pace.
PACE_EPOCHS = 10

# One forward pass, and two backward passes (weights, inputs) that each cost as much.
PASSES_TRAINED = 3


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    n_done, n_epochs : int
        Epochs done, and the maximum number of epochs.
    fraction : float
        Share done, 0 to 1.
    seconds_left : float or None
        Time to the last epoch at the present pace; None before the first epoch is over.
    """

    n_done: int
    n_epochs: int
    fraction: float
    seconds_left: float | None


@dataclass(frozen=True)
class ExpectedTime:
    """How long a training will take.

    Attributes
    ----------
    seconds : float
        Wall time of all epochs, without early stopping.
    n_runs : int
        Runs of this machine that the figure rests on; 0 for a first guess.
    """

    seconds: float
    n_runs: int


def progress_of(run: Run) -> Progress:
    """Return how far ``run`` is."""
    n_epochs = run.spec.parameters["epochs"]
    n_done = len(run.epochs)
    pace = [epoch.seconds for epoch in run.epochs[-PACE_EPOCHS:]]
    seconds_left = (n_epochs - n_done) * sum(pace) / len(pace) if pace else None
    return Progress(n_done, n_epochs, min(1.0, n_done / n_epochs), seconds_left)


def expected_time(spec: RunSpec, past: Sequence[Run] = ()) -> ExpectedTime:
    """Return how long training ``spec`` will take.

    Parameters
    ----------
    spec : RunSpec
        What is to be trained.
    past : sequence of Run
        Runs of this machine, finished or under way. Those of the same model correct the estimate by the median of true
        over estimated time.
    """
    correction, n_runs = _correction(spec.model, past)
    return ExpectedTime(_seconds_per_epoch(spec) * spec.parameters["epochs"] * correction, n_runs)


def expected_seconds(specs: Sequence[RunSpec], past: Sequence[Run] = ()) -> list[float]:
    """Return the seconds of :func:`expected_time` for many specs, looking at ``past`` once for each model."""
    corrections = {model: _correction(model, past)[0] for model in {spec.model for spec in specs}}
    return [_seconds_per_epoch(spec) * spec.parameters["epochs"] * corrections[spec.model] for spec in specs]


def _correction(model: str, past: Sequence[Run]) -> tuple[float, int]:
    """Return the median of true over estimated time of the runs of a model, and their number."""
    alike = [run for run in past if run.spec.model == model and _seconds(run) > 0 and _n_trained(run)]
    ratios = [_seconds(run) / (_seconds_per_epoch(run.spec) * _n_trained(run)) for run in alike]
    return (median(ratios) if ratios else 1.0), len(ratios)


def _n_trained(run: Run) -> int:
    return run.n_trained


def _seconds(run: Run) -> float:
    return run.seconds or sum(epoch.seconds for epoch in run.epochs)


def _seconds_per_epoch(spec: RunSpec) -> float:
    dataset = DATASETS[spec.dataset]
    n_train, n_held_out = part_sizes(spec)
    n_updates = max(1, -(-n_train // (spec.parameters["batch_size"] or n_train)))
    forward = multiply_adds(spec.model, spec.parameters, dataset.image_shape, dataset.n_classes)
    work = forward * (PASSES_TRAINED * n_train + n_held_out)
    model = MODELS[spec.model]
    return work * model.seconds_per_multiply_add + n_updates * model.seconds_per_update


def part_sizes(spec: RunSpec) -> tuple[int, int]:
    """Return the numbers of training and monitored images; for a fold, approximately."""
    split, n_images = spec.split, DATASETS[spec.dataset].n_images
    official = DATASETS[spec.dataset].n_official_train
    n_images = min(n_images, split.max_images or n_images)
    n_test = n_images - official if split.kind == "official" else math.ceil(n_images * split.test_size)
    n_train = n_images - n_test
    share = {"cut": split.validation_size, "fold": 1 / split.n_folds}.get(split.validation, 0)
    n_cut = math.ceil(n_train * share)
    n_train -= n_cut
    n_monitored = math.ceil(n_train * split.stopping_size) if split.validation == "fold" else 0
    n_train = min(n_train - n_monitored, split.max_train or n_train)
    return max(1, n_train), n_test if split.validation == "test" else n_monitored or n_cut
