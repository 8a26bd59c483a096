"""Bootstrap intervals of a run's figures: computed once, in a thread of their own, so that no click waits for them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future, wait
from dataclasses import dataclass

import numpy as np

from digitcore.errors import DigitcoreError
from digitcore.evaluation.comparison import calibration_error_interval, loss_interval

# Of ten thousand images both intervals take about this long: with them the page needs no second look.
PATIENCE_SECONDS = 0.15
MOST_KEPT = 1000


@dataclass(frozen=True)
class Intervals:
    """95 % bootstrap intervals of a run's figures on a part.

    Attributes
    ----------
    loss : tuple of float
        Ends of the interval of the mean cross-entropy, in nats.
    calibration_error : tuple of float
        Ends of that of the expected calibration error, 0 to 1.
    """

    loss: tuple[float, float]
    calibration_error: tuple[float, float]


def compute_intervals(labels: np.ndarray, probabilities: np.ndarray) -> Intervals:
    """Return the intervals of the figures of labels ``(n_images,)`` and probabilities ``(n_images, n_classes)``."""
    return Intervals(loss_interval(labels, probabilities), calibration_error_interval(labels, probabilities))


class IntervalCache:
    """The intervals by what they belong to, such as a run's digest and time; safe to use from several threads."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[Intervals]] = OrderedDict()

    def get(
        self, key: Hashable, labels: np.ndarray, probabilities: np.ndarray, *, patience: float = PATIENCE_SECONDS
    ) -> Future[Intervals]:
        """Return the intervals of a key; the first call begins to compute them, and waits ``patience`` seconds."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            future = self._kept[key] = Future()
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        # A daemon: the end of the server does not wait for it.
        threading.Thread(
            target=self._compute, args=(future, labels, probabilities), name="interval", daemon=True
        ).start()
        wait([future], patience)
        return future

    def _compute(self, future: Future[Intervals], labels: np.ndarray, probabilities: np.ndarray) -> None:
        with self._one_at_a_time:
            try:
                future.set_result(compute_intervals(labels, probabilities))
            except DigitcoreError as problem:
                future.set_exception(problem)
