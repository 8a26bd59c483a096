"""What a learning-rate range test finds, and when it has seen enough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.models.hyperparameters import LEARNING_RATE
from digitcore.parameters import Integer

_BETA = 0.9
# The loss, as a multiple of the lowest smoothed one, from which a training has certainly blown up.
_HOPELESS = 4.0
_N_STEPS = Integer(
    name="n_steps", label="Steps", help="Updates of the test.", default=100, minimum=2, maximum=10_000, slider=(20, 500)
)


class LRRange(NamedTuple):
    """The loss of each batch, in nats, before its update at each learning rate; both float64 ``(n_done,)``."""

    rates: np.ndarray
    losses: np.ndarray


def geometric_rates(lowest: float, highest: float, n_steps: int) -> np.ndarray:
    """Return learning rates from ``lowest`` to ``highest``, float64 ``(n_steps,)``, each the same times the last.

    Raises
    ------
    InvalidSetting
        If the ends are not two learning rates, ascending, or ``n_steps`` is not a whole number from 2 to 10000.
    """
    for name, end in (("lowest", lowest), ("highest", highest)):
        replace(LEARNING_RATE, name=name).clean(end)
    if not lowest < highest:
        raise InvalidSetting(f"lowest must be below highest, got {lowest!r} and {highest!r}")
    return np.geomspace(lowest, highest, _N_STEPS.clean(n_steps))


def smoothed(losses: Iterable[float]) -> Iterator[float]:
    """Yield the exponential mean of the losses so far, corrected for its start at zero (Adam's way)."""
    mean = 0.0
    for number, loss in enumerate(losses, start=1):
        mean = _BETA * mean + (1 - _BETA) * loss
        yield mean / (1 - _BETA**number)


def until_hopeless(losses: Iterable[float]) -> list[float]:
    """Take losses until one is above four times the lowest smoothed one, or is not finite and left out."""
    taken: list[float] = []

    def finite() -> Iterator[float]:
        for loss in losses:
            if not math.isfinite(loss):
                return
            taken.append(loss)
            yield loss

    lowest = math.inf
    for mean in smoothed(finite()):
        lowest = min(lowest, mean)
        if taken[-1] > _HOPELESS * lowest:
            break
    return taken
