"""What runs inside a dask worker: train one spec, report its epochs, listen for the stop signal."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter

import numpy as np
from distributed import Event, get_worker

from digitcore.directories import home_directory
from digitcore.errors import OutOfMemory
from digitcore.models import Epoch
from digitcore.runs.memory import within_memory
from digitcore.runs.spec import RunSpec
from digitcore.runs.training import Outcome, n_threads, train_spec
from digitcore.runs.turns import turn_on

log = logging.getLogger(__name__)

# 1001 epochs in half a second would be 1001 messages and as many writes; the page looks less often than this.
REPORT_SECONDS = 0.15
# Nobody watches the curve of a training in the background; its messages cost the others a tenth of the cores.
BACKGROUND_REPORT_SECONDS = 1.0
_figures = attrgetter(*(field.name for field in fields(Epoch)))


class Reporter:
    """Sends the epochs of one training to the server, several in one message when they are quick.

    Parameters
    ----------
    topic : str
        Where the server listens.
    stop_name : str
        Name of the distributed event that the server sets to end the training.
    every_seconds : float
        Time between messages.
    """

    def __init__(self, topic: str, stop_name: str, every_seconds: float):
        self._worker = get_worker()
        self._topic, self._every_seconds = topic, every_seconds
        self._stop = Event(stop_name)
        self._waiting: list[tuple] = []
        self._sent_at = 0.0
        self._stopped = False
        self.asked_to_stop()

    def start(self) -> None:
        """Tell the server that the training begins."""
        self._send({"started": True})

    def add(self, epoch: Epoch) -> None:
        """Report an epoch, now or with the next ones."""
        self._waiting.append(_figures(epoch))
        if time.monotonic() - self._sent_at >= self._every_seconds:
            self.flush()
            self.asked_to_stop()

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            self._send({"epochs": self._waiting})
            self._waiting = []

    def should_stop(self) -> bool:
        """Whether the server asked for the end; up to date as of the last message sent."""
        return self._stopped

    def asked_to_stop(self) -> bool:
        """Ask the server whether to stop; this takes a millisecond. Without an answer the training goes on."""
        try:
            self._stopped = self._stop.is_set()
        except (OSError, TimeoutError) as error:  # a busy machine; the next question will be answered
            log.warning("Whether to stop could not be asked: %s", error)
        return self._stopped

    def _send(self, message: dict) -> None:
        self._worker.log_event(self._topic, message)
        self._sent_at = time.monotonic()


def train_in_worker(
    spec_json: str,
    topic: str,
    stop_name: str,
    checkpoint: Mapping[str, np.ndarray] | None = None,
    keep_checkpoint: bool = False,
    background: bool = False,
) -> Outcome:
    """Train a spec when it is its turn and return its outcome, reporting to ``topic`` on the way.

    ``checkpoint`` and ``keep_checkpoint`` are those of :func:`digitcore.runs.training.train_spec`. In the
    ``background`` reports are rarer. A training that needs too much memory is an outcome with state "failed".
    """
    try:
        return within_memory(_train, spec_json, topic, stop_name, checkpoint, keep_checkpoint, background)
    except OutOfMemory as error:
        return Outcome(state="failed", reason=str(error))


def _train(
    spec_json: str,
    topic: str,
    stop_name: str,
    checkpoint: Mapping[str, np.ndarray] | None,
    keep_checkpoint: bool,
    background: bool,
) -> Outcome:
    reporter = Reporter(topic, stop_name, BACKGROUND_REPORT_SECONDS if background else REPORT_SECONDS)
    spec = RunSpec.from_json(spec_json)
    with turn_on(home_directory() / "turns", alone=n_threads(spec) > 1) as turn:

        def after_epoch(epoch: Epoch) -> None:
            reporter.add(epoch)
            if turn is not None:
                turn.pass_on(reporter.asked_to_stop)

        if turn is not None:
            turn.wait(reporter.asked_to_stop)
        reporter.start()
        outcome = train_spec(
            spec,
            on_epoch=after_epoch,
            should_stop=reporter.should_stop,
            checkpoint=checkpoint,
            keep_checkpoint=keep_checkpoint,
        )
        reporter.flush()
    return outcome


def warm_up() -> None:
    """Train for a moment, so that no user waits for what the first training of a process imports."""
    for model in ("mlp", "cnn"):
        parameters = {"epochs": 2, "batch_size": None}
        train_spec(RunSpec(dataset="digits", model=model, split={"max_train": 20}, parameters=parameters))
