"""How robust a kept run is, computed in a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from digitcore.datasets import Part, features
from digitcore.evaluation.robustness import robustness_table
from digitcore.images.corruptions import CORRUPTIONS
from digitcore.runs.arrays import RunArrays
from digitcore.runs.prediction import RunModel
from digitcore.runs.run import Run
from digitcore.runs.training import all_classes, split_for, threads_for

# Of a part, for sixty predictions of each in some seconds: an interval is then at most four points wide.
MOST_CORRUPTED = 2000


def corrupted_positions(n_images: int) -> np.ndarray:
    """Return which images of a part are corrupted: all, or 2000 drawn at random, int64, ascending."""
    if n_images <= MOST_CORRUPTED:
        return np.arange(n_images)
    return np.sort(np.random.default_rng(0).choice(n_images, MOST_CORRUPTED, replace=False))


def run_robustness(
    run: Run, weights: Mapping[str, np.ndarray], part_name: str, *, corruptions: Sequence[str] = tuple(CORRUPTIONS)
) -> pd.DataFrame:
    """Return :func:`digitcore.evaluation.robustness.robustness_table` of a run on a part of its images.

    Runs in a worker, with one thread. The corruptions' seed is fixed: all runs see the same images.

    Parameters
    ----------
    run : Run
        A run that was evaluated.
    weights : mapping of str to ndarray
        As :attr:`digitcore.runs.arrays.RunArrays.weights`.
    part_name : {"train", "validation", "test"}
        Which part.
    corruptions : sequence of str
        Keys of :data:`digitcore.images.corruptions.CORRUPTIONS`. Default: all twelve.
    """
    part: Part = getattr(split_for(run.spec), part_name)
    positions = corrupted_positions(part.n_images)
    dataset = part.dataset
    model = RunModel(run, RunArrays.of(weights=weights), dataset.class_names)

    def predict(images: np.ndarray) -> np.ndarray:
        rows = features(images, max_value=dataset.max_value, scaling=run.spec.scaling)
        return all_classes(model.estimator, rows, dataset.n_classes).argmax(axis=1)

    with threads_for(run.spec, most=1):
        return robustness_table(
            predict, part.take(positions), part.labels[positions], corruptions=corruptions, max_value=dataset.max_value
        )
