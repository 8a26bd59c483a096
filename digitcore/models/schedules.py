"""Learning-rate schedules: the rate of every update of a training, with the formulas and defaults of PyTorch.

References
----------
Step: ``torch.optim.lr_scheduler.StepLR``, an epoch at a time. Cosine: ``CosineAnnealingLR``, an update at a time;
Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017. One cycle: ``OneCycleLR``, an
update at a time, its momentum constant; Smith and Topin, "Super-convergence", 2018.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

# One cycle begins at the highest rate over the first of these, and ends at its first rate over the second.
START_DIVISOR, END_DIVISOR = 25.0, 1e4
# Schedules whose rates depend on how many epochs there will be.
WITH_AN_END = frozenset({"cosine", "one_cycle"})
# Points of a chart of the rates.
_MOST_POINTS = 300


class Schedule:
    """The learning rates of a training, one update after the other.

    Parameters
    ----------
    settings : mapping
        Clean hyperparameters; without a ``schedule`` the rate is constant.
    n_batches : int
        Updates of an epoch.

    Attributes
    ----------
    is_constant : bool
        Whether every update has the same rate.
    """

    def __init__(self, settings: Mapping[str, Any], n_batches: int):
        self._settings, self._n_batches = settings, n_batches
        self._kind = settings.get("schedule", "constant")
        self.is_constant = self._kind == "constant"
        self._n_steps = 0

    def next_rate(self) -> float:
        """Return the rate of the next update."""
        self._n_steps += 1
        return self.rate(self._n_steps - 1)

    def rate(self, step: int) -> float:
        """Return the rate of an update, counted from 0."""
        highest = self._settings["learning_rate"]
        if self._kind == "step":
            n_reductions = step // self._n_batches // self._settings["step_epochs"]
            return highest * self._settings["step_factor"] ** n_reductions
        n_steps = self._settings["epochs"] * self._n_batches
        if self._kind == "cosine":
            return _between(highest, 0.0, step / n_steps)
        if self._kind == "one_cycle":
            return _one_cycle(highest, step, n_steps, self._settings["warm_up"])
        return highest

    def state(self) -> dict[str, np.ndarray]:
        """Return how many updates there have been, and of a schedule with an end, of how many epochs it is."""
        if self.is_constant:
            return {}
        end = {"n_epochs": np.array(self._settings["epochs"], dtype=np.int64)} if self._kind in WITH_AN_END else {}
        return {"n_steps": np.array(self._n_steps, dtype=np.int64), **end}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what :meth:`state` of an equal schedule gave."""
        if not self.is_constant:
            self._n_steps = int(state["n_steps"])


def learning_rates_table(settings: Mapping[str, Any], n_batches: int, n_epochs: int | None = None) -> pd.DataFrame:
    """Return the learning rate over a training, thinned so that a chart's data stays small.

    Parameters
    ----------
    settings : mapping
        Clean hyperparameters.
    n_batches : int
        Updates of an epoch.
    n_epochs : int, optional
        Epochs to return; all that were asked for by default.

    Returns
    -------
    DataFrame
        ``epoch`` (float64, 0 at the start, 1 after the first epoch) and ``learning_rate`` from there on, up to the next
        row. The last row, the end of the last epoch, has the rate of the last update.
    """
    n_steps = (n_epochs or settings["epochs"]) * n_batches
    schedule = Schedule(settings, n_batches)
    steps = np.arange(n_steps)
    if n_steps > _MOST_POINTS:
        steps = np.linspace(0, n_steps - 1, _MOST_POINTS).round().astype(np.int64)
    rates = [schedule.rate(step) for step in steps.tolist()]
    return pd.DataFrame({"epoch": np.append(steps, n_steps) / n_batches, "learning_rate": [*rates, rates[-1]]})


def _one_cycle(highest: float, step: int, n_steps: int, warm_up: float) -> float:
    first = highest / START_DIVISOR
    # As in PyTorch, the highest rate may fall between two updates.
    top = warm_up * n_steps - 1
    if step < top:
        return _between(first, highest, step / top)
    rest = n_steps - 1 - top
    return _between(highest, first / END_DIVISOR, (step - top) / rest if rest else 0.0)


def _between(start: float, end: float, share: float) -> float:
    """Return the value after a ``share`` of the way from start to end along half a cosine wave."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
