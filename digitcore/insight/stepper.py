"""Train a model a given number of batches at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digitcore.errors import DivergedError
from digitcore.evaluation.metrics import losses_of
from digitcore.models.training import Batch

if TYPE_CHECKING:
    from digitcore.models.base import EpochClassifier

# Points of a chart at most.
_MOST_POINTS = 300


class Stepper:
    """Trains a model batch by batch, as ``fit`` would.

    Parameters
    ----------
    model : EpochClassifier
        A fresh one, which is trained.
    X : array-like, float, (n_images, n_pixels)
        Training images, scaled.
    y : array-like, (n_images,)
        Their labels.

    Attributes
    ----------
    model : EpochClassifier
        It predicts with the weights that it has now.
    batch : Batch or None
        What is trained on next; None at the end of the training.
    losses : list of float
        Mean cross-entropy of each batch so far, in nats, just before its update, dropout off.
    problem : str
        Why the training could not go on, a sentence; then the model has no weights any more.

    Raises
    ------
    InvalidSetting
        See :meth:`digitcore.models.base.EpochClassifier.iter_batches`.
    """

    def __init__(self, model: EpochClassifier, X: np.ndarray, y: np.ndarray):
        self.model = model
        self._batches = model.iter_batches(X, y)
        self.losses: list[float] = []
        self.problem = ""
        self.batch: Batch | None = next(self._batches)

    @property
    def n_left_in_epoch(self) -> int:
        """Batches to the end of the present epoch; 0 at the end of the training."""
        return 0 if self.batch is None else self.batch.n_batches - self.batch.number + 1

    def step(self, n_batches: int = 1, seconds: float = np.inf) -> None:
        """Train on so many more batches, or on as many as fit into this time."""
        deadline = time.monotonic() + seconds
        for _ in range(n_batches):
            if self.batch is None or time.monotonic() > deadline:
                return
            self.losses.append(self._loss(self.batch))
            try:
                self.batch = next(self._batches, None)
            except DivergedError as problem:
                self.batch, self.problem = None, str(problem)

    def gradients(self) -> dict[str, np.ndarray]:
        """Return the gradient of the next batch's mean cross-entropy by every weight, dropout off; empty at the end.

        With plain gradient descent, unsmoothed labels and no clipping, the next update is minus the learning rate times
        this.
        """
        return {} if self.batch is None else self.model.weight_gradients(self.batch.X, self.batch.y)

    def losses_table(self) -> pd.DataFrame:
        """Return ``batch`` (int64, from 1) and ``loss`` (float64, nats), one row per batch, thinned to 300."""
        n_done = len(self.losses)
        kept = np.arange(n_done)
        if n_done > _MOST_POINTS:
            kept = np.unique(np.linspace(0, n_done - 1, _MOST_POINTS).round().astype(np.int64))
        return pd.DataFrame({"batch": kept + 1, "loss": np.array(self.losses, dtype=float)[kept]})

    def _loss(self, batch: Batch) -> float:
        probabilities = self.model.predict_proba(batch.X)
        return float(losses_of(np.searchsorted(self.model.classes_, batch.y), probabilities).mean())
