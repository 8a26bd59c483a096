"""Probabilities of the training images from models that have not been trained on them."""

from __future__ import annotations

import numpy as np

from digitcore.datasets import Part
from digitcore.datasets.splits import folds
from digitcore.runs.training import all_classes, model_for, split_for, threads_for, validation_data_of
from digitcore.specs.run_spec import RunSpec

N_FOLDS = 5


def folds_of(part: Part, random_state: int) -> list[np.ndarray]:
    """Return the positions of each of five folds, with nearly the same share of every class.

    Raises
    ------
    InvalidSetting
        If no class has an image for each fold.
    """
    return [held_out for _, held_out in folds(part.labels, N_FOLDS, random_state=random_state)]


def fold_probabilities(spec_json: str, fold: int) -> np.ndarray:
    """Train a spec without one fold of its training part, and return what it makes of that fold.

    Runs in a worker, with one thread, so that the folds keep all cores busy side by side.

    Parameters
    ----------
    spec_json : str
        The spec.
    fold : int
        From 0.

    Returns
    -------
    ndarray of shape (n_images of the fold, n_classes), float32
    """
    spec = RunSpec.from_json(spec_json)
    data_split = split_for(spec)
    part = data_split.train
    held_out = folds_of(part, spec.random_state)[fold]
    others = np.setdiff1d(np.arange(part.n_images), held_out)
    X, model = part.features(spec.scaling), model_for(spec, part.dataset)
    with threads_for(spec, most=1):
        # What early stopping watches is no image of a fold.
        model.fit(X[others], part.labels[others], validation_data_of(data_split, spec.scaling))
        return all_classes(model, X[held_out], part.dataset.n_classes)


def joined_folds(part: Part, random_state: int, results: list[np.ndarray]) -> np.ndarray:
    """Return the results of all folds in the order of the part, float32 ``(n_images, n_classes)``."""
    probabilities = np.empty((part.n_images, results[0].shape[1]), dtype=np.float32)
    for held_out, rows in zip(folds_of(part, random_state), results, strict=True):
        probabilities[held_out] = rows
    return probabilities
