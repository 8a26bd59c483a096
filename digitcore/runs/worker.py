"""What runs inside a dask worker: train a spec or compute something, report epochs, listen for the stop signal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np
from distributed import Event, get_worker

from digitcore.directories import home_directory
from digitcore.errors import Interrupted, InvalidSetting, OutOfMemory
from digitcore.images.distortion import affine_transforms, warped
from digitcore.insight.projection import tsne_coordinates
from digitcore.models import MODELS, Epoch
from digitcore.models.pauses import pauses
from digitcore.runs.checkpoint_file import CheckpointFile
from digitcore.runs.child import run_in_child
from digitcore.runs.core_locks import turn_for
from digitcore.runs.glimpse import Glimpse
from digitcore.runs.memory import within_memory
from digitcore.runs.training import Outcome, n_threads, train_spec
from digitcore.specs.run_spec import RunSpec

UNKNOWN_HERE = (
    "The processes that train cannot read these settings ({problem}): if the model or the data set is your own, have a "
    "module register it, and name that module in DIGITCORE_PLUGINS before the engine is started."
)
log = logging.getLogger(__name__)

# The dask topic on which the glimpses of all trainings are sent.
GLIMPSES = "digitcore-glimpses"
# 1001 epochs in half a second would be 1001 messages and as many writes; the page looks less often than this.
REPORT_SECONDS = 0.15
# Nobody watches the curve of a training in the background; its messages cost the others a tenth of the cores.
BACKGROUND_REPORT_SECONDS = 1.0
# To ask whether to stop takes a millisecond of both processes.
STOP_SECONDS, BACKGROUND_STOP_SECONDS = 0.5, 1.0
# Functions of libraries that know no pauses: only their process can be ended.
_WITHOUT_PAUSES = frozenset({tsne_coordinates})
_figures = attrgetter(*(field.name for field in fields(Epoch)))


class StopSignal:
    """The event by which the server asks a task of this worker to end.

    Parameters
    ----------
    name : str
        Name of the distributed event.
    every_seconds : float
        Time from one question to the next: each takes a millisecond.
    """

    def __init__(self, name: str, every_seconds: float):
        self._event, self._every_seconds = Event(name), every_seconds
        self._is_set, self._asked_at = False, -every_seconds

    def is_set(self) -> bool:
        """Whether to end; asks the server unless it was asked a moment ago."""
        if not self._is_set and time.monotonic() - self._asked_at >= self._every_seconds:
            try:
                self._is_set = self._event.is_set()
            except (OSError, TimeoutError) as error:  # a scheduler under load is no reason to end
                log.warning("Could not ask whether to stop: %s", error)
            self._asked_at = time.monotonic()
        return self._is_set


class Reporter:
    """Sends the epochs of one training to the server, several in one message when they are quick.

    Parameters
    ----------
    topic : str
        Where the server listens.
    digest : str
        Of the training's spec.
    every_seconds : float
        Time between messages.
    """

    def __init__(self, topic: str, digest: str, every_seconds: float):
        self._worker = get_worker()
        self._topic, self._digest, self._every_seconds = topic, digest, every_seconds
        self._waiting: list[tuple[Any, ...]] = []
        self._sent_at = 0.0

    def start(self) -> None:
        """Tell the server that the training begins."""
        self._send({"started": True})

    def add(self, epoch: Epoch) -> None:
        """Report an epoch, now or with the next ones."""
        self._waiting.append(_figures(epoch))
        if time.monotonic() - self._sent_at >= self._every_seconds:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            self._send({"epochs": self._waiting})
            self._waiting = []

    def show(self, glimpse: Glimpse) -> None:
        """Send a glimpse of the model."""
        # On one topic for all trainings: a scheduler keeps the last messages of each topic for as long as it runs.
        message = {"topic": self._topic, "digest": self._digest, "glimpse": glimpse.to_bytes()}
        self._worker.log_event(GLIMPSES, message)

    def _send(self, message: dict[str, Any]) -> None:
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
    ``background`` reports are rarer. A training that needs too much memory is an outcome with state "failed". One that
    was killed on this machine goes on from its last checkpoint there.
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
    try:
        spec = RunSpec.from_json(spec_json)
    except InvalidSetting as problem:
        return Outcome(state="failed", reason=UNKNOWN_HERE.format(problem=str(problem).rstrip(".")))
    every_seconds = BACKGROUND_REPORT_SECONDS if background else REPORT_SECONDS
    reporter = Reporter(topic, spec.digest, every_seconds)
    stop = StopSignal(stop_name, BACKGROUND_STOP_SECONDS if background else STOP_SECONDS)
    file = CheckpointFile(home_directory() / "checkpoints", spec.digest)
    with turn_for(n_threads(spec), home_directory() / "turns") as turn:
        turn.wait(stop.is_set)
        reporter.start()
        outcome = train_spec(
            spec,
            on_epoch=reporter.add,
            should_stop=stop.is_set,
            on_pause=lambda: turn.pass_on(stop.is_set),
            checkpoint=file.latest(checkpoint),
            keep_checkpoint=keep_checkpoint,
            on_checkpoint=file.keep,
            # Nobody watches a training in the background.
            on_glimpse=None if background else reporter.show,
        )
        reporter.flush()
        file.remove()
    return outcome


def compute_in_worker(function: Callable[..., Any], arguments: Sequence[Any], stop_name: str) -> Any:
    """Return ``function(*arguments)``, unless the server sets the event ``stop_name`` before its end.

    Trainings and predictions in it end at their next pause; they should take one thread, as no turn is waited for. A
    function that has no pauses runs in a process of its own, which is ended.

    Raises
    ------
    Interrupted
        If the event was set.
    """
    stop = StopSignal(stop_name, STOP_SECONDS)

    def look() -> None:
        if stop.is_set():
            raise Interrupted("The computation was stopped.")

    look()
    with pauses(look):
        return run_in_child(function, arguments) if function in _WITHOUT_PAUSES else function(*arguments)


def warm_up() -> None:
    """Train for a moment, so that no user waits for what the first training of a process imports and compiles."""
    for dtype in (np.uint8, np.float32):  # of corruptions, and of augmentation
        warped(np.zeros((1, 8, 8), dtype), *affine_transforms((8, 8)))
    for model in [entry for entry in MODELS.values() if entry.warms_up]:
        records = {record.name for record in model.parameters}
        for dropout, n_images in product((0.0, 0.2) if "dropout" in records else (None,), (20, 100)):
            # In batches of 20 and of 100 images, as small networks and large ones are trained.
            parameters = {} if dropout is None else {"dropout": dropout}
            _train_for_a_moment(model.name, n_images, parameters)
    # Few filters have loops of their own.
    _train_for_a_moment("cnn", 20, {"channels": (8,)})
    # Of several channels, too.
    _train_for_a_moment("cnn", 20, {"channels": (8, 8), "padding": "same"})


def _train_for_a_moment(model: str, n_images: int, parameters: Mapping[str, Any]) -> None:
    split = {"max_train": n_images, "validation": "cut"}
    parameters = {"epochs": 2, "batch_size": None, **parameters}
    train_spec(RunSpec(dataset="digits", model=model, split=split, parameters=parameters))
