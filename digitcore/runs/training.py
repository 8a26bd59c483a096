"""One training from its spec: split, fit, evaluate. No dask, no store: the same from a notebook and in a worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from threadpoolctl import threadpool_limits

from digitcore.datasets import DATASETS, Dataset, DatasetEntry, Part, Split, load_dataset, split
from digitcore.datasets.splits import missing_classes
from digitcore.errors import DigitcoreError, Interrupted, InvalidSetting
from digitcore.evaluation import evaluate_part
from digitcore.insight.surgery import Surgery, operate
from digitcore.insight.weight_images import first_layer_name
from digitcore.models import MODELS, Epoch, make_model
from digitcore.models.architecture import plan
from digitcore.models.augmented_images import augmentation_of
from digitcore.models.checkpoint import n_epochs_of, under_prefix, with_prefix
from digitcore.models.ensemble import Ensemble, Model, first_member, members_of
from digitcore.models.layer_plans import is_small_dense
from digitcore.models.pauses import pauses
from digitcore.runs.arrays import RunArrays
from digitcore.runs.glimpse import Glimpse, Watcher
from digitcore.runs.run import Evaluation, State
from digitcore.runs.snapshots import Recorder
from digitcore.specs.run_spec import RunSpec

if TYPE_CHECKING:
    from digitcore.models.base import EpochClassifier

log = logging.getLogger(__name__)

# More than two gain little at the sizes of digits.
MOST_THREADS = 2
# Two threads gain a third to a half on an idle machine, but threads that meet after every few microseconds need both
# cores at the same moment: beside a browser that draws, digits-mlp (2700 multiply-adds of an image, 3.7 million of a
# step) takes twice as long. So they are for steps of so many multiply-adds, forward (mnist-dense 51 million, mnist-cnn
# 88), and for networks of so many, whatever the batch; narrow networks are trained by loops of one thread.
_LARGE_STEP = 20_000_000
_LARGE_NETWORK = 50_000
# So many images make a process compile and import all that a training does with more.
_FEW_IMAGES, _MANY_IMAGES = 64, 256
# After a stop, an epoch that ends within the first of these is finished: a stopped training of short epochs is then a
# training of fewer epochs. The second is for the evaluation of all parts.
FINISH_SECONDS, EVALUATION_SECONDS = 0.3, 5.0
# A checkpoint of a training that may be stopped or killed is taken so often, and after every epoch that is too long to
# be finished after a stop. One that is larger than this is not kept: such a training starts anew.
CHECKPOINT_SECONDS, MOST_CHECKPOINT_BYTES = 1.0, 64_000_000
# A glimpse of the model is shown so often, and less often where that would take a larger share of the training's time.
GLIMPSE_SECONDS, MOST_GLIMPSE_SHARE = 0.15, 0.02
STOPPED = "The training was stopped."
STOPPED_IN_FIRST_EPOCH = (
    "The training was stopped in its first epoch, so there is nothing to evaluate yet: train it again for longer."
)
STOPPED_IN_PARENT = (
    "The training was stopped before it went on with its own settings, so there is nothing to evaluate yet: let it go "
    "on."
)
STOPPED_IN_EVALUATION = (
    f"To evaluate the stopped training would have taken more than {EVALUATION_SECONDS:g} seconds, so its epochs and "
    "weights are kept without figures and predictions: train it again to the end to have them."
)


@dataclass
class Outcome:
    """What a training made.

    Attributes
    ----------
    state : {"done", "cancelled", "failed"}
        How it ended.
    reason : str
        Why it failed, or why it was not evaluated, in one or two sentences; empty otherwise.
    epochs : list of Epoch
        All epochs, in order.
    evaluation : Evaluation or None
        None when there was nothing to evaluate.
    arrays : RunArrays
        Weights, and where there is an evaluation the probabilities and positions of each part's images; snapshots; a
        checkpoint if one was requested.
    seconds : float
        Wall time of the training alone, without loading, evaluating, and what a process compiles and imports once; with
        that of the epochs it went on from.
    """

    state: State = "done"
    reason: str = ""
    epochs: list[Epoch] = field(default_factory=list)
    evaluation: Evaluation | None = None
    arrays: RunArrays = field(default_factory=lambda: RunArrays({}))
    seconds: float = 0.0

    @property
    def tensors(self) -> bytes | None:
        """The arrays in safetensors format, or None when there are none."""
        return self.arrays.tensors if self.arrays else None


def train_spec(
    spec: RunSpec,
    *,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_pause: Callable[[], object] = lambda: None,
    checkpoint: Mapping[str, np.ndarray] | None = None,
    keep_checkpoint: bool = False,
    on_checkpoint: Callable[[Mapping[str, np.ndarray]], object] | None = None,
    on_glimpse: Callable[[Glimpse], object] | None = None,
) -> Outcome:
    """Train what ``spec`` describes and evaluate it on every part.

    Parameters
    ----------
    spec : RunSpec
        What to train.
    on_epoch : callable, optional
        Gets each :class:`digitcore.models.Epoch` as soon as it is over.
    should_stop : callable, optional
        Asked before the first epoch, after each, and between batches several times a second. True ends the training, in
        the middle of an epoch if that is not over in 0.3 seconds: then the epoch is not reported, and the weights are
        those of the last batch (with ``patience``, of the best epoch). The evaluation gets 5 seconds from then on; if
        they are not enough, the outcome is "cancelled" and has epochs and weights, no evaluation, and a reason.
    on_pause : callable, optional
        Called between batches several times a second; may wait.
    checkpoint : mapping of str to ndarray, optional
        From :func:`checkpoint_of` a run of the same settings and no more epochs, or of the spec's parent: the training
        goes on from there. Its epochs are reported, too, so that the outcome is that of a training from the start, bit
        by bit. Without it, a parent is trained first.
    keep_checkpoint : bool
        Whether the outcome's arrays have what a longer training, or this one after a stop, needs to go on; not on an
        accelerator, and not if it takes more than 64 MB. After a stop it may be that of an epoch before the last one.
    on_checkpoint : callable, optional
        Gets what ``checkpoint`` takes, at most once a second, while the training is under way.
    on_glimpse : callable, optional
        Gets a :class:`digitcore.runs.glimpse.Glimpse` of the model after an epoch, at most seven times a second.

    Returns
    -------
    Outcome
        A failure that digitcore foresees (a diverged loss, a data set that is not there) is an outcome with state
        "failed" and a reason; anything else is raised.
    """
    outcome, stop = Outcome(), _Stop(should_stop, on_pause)
    options = _Options(on_epoch, checkpoint, keep_checkpoint, on_checkpoint, on_glimpse)
    if stop.requested():
        return Outcome(state="cancelled")
    try:
        data_split = split_for(spec)
        model = model_for(spec, data_split.dataset)
        if stop.requested():
            return Outcome(state="cancelled")
        with threads_for(spec), pauses(stop.look):
            _prepare(spec, data_split)
            with _timed(outcome):
                _fit(model, spec, data_split, outcome, options, stop)
            if spec.surgery is not None and outcome.epochs:
                _operate(first_member(model), spec.model, spec.surgery)
                if outcome.state == "done":
                    # No training can go on from changed weights.
                    outcome.arrays = outcome.arrays.without_checkpoint()
            _evaluate(model, spec, data_split, outcome, stop)
    except Interrupted:
        outcome.state = "cancelled"
        outcome.reason = STOPPED_IN_PARENT if outcome.epochs else STOPPED_IN_FIRST_EPOCH
    except DigitcoreError as error:
        outcome.state, outcome.reason = "failed", str(error)
    return outcome


def split_for(spec: RunSpec, dataset: Dataset | None = None) -> Split:
    """Return the parts of the data that ``spec`` trains, validates and tests on."""
    return split(dataset if dataset is not None else load_dataset(spec.dataset), **spec.split.model_dump())


def split_of_run(spec: RunSpec, arrays: Mapping[str, np.ndarray], dataset: Dataset | None = None) -> Split:
    """Return the parts that a run was evaluated on, from the positions it kept.

    They are those of :func:`split_for`, unless a later scikit-learn shuffles otherwise. Of runs that were kept before
    positions were noted they are derived again.
    """
    kept = RunArrays(arrays).indices
    if not kept:
        return split_for(spec, dataset)
    dataset = dataset if dataset is not None else load_dataset(spec.dataset)
    validation_is_test = spec.split.validation == "test"
    sources = {"train": "train", "validation": "test" if validation_is_test else "validation", "test": "test"}
    # A part without images keeps no positions.
    nothing = np.array([], dtype=np.int64)
    parts = {name: Part(name, dataset, kept.get(source, nothing)) for name, source in sources.items()}
    return Split(dataset, **parts, validation_is_test=validation_is_test)


def model_for(spec: RunSpec, dataset: Dataset | DatasetEntry) -> Model:
    """Return the untrained estimator of a spec, or its estimators that vote, for images of the shape of ``dataset``."""
    parameters = dict(spec.parameters)
    if MODELS[spec.model].takes_image_shape:
        parameters["image_shape"] = dataset.image_shape
    models = [make_model(spec.model, random_state=seed, **parameters) for seed in spec.seeds]
    return models[0] if len(models) == 1 else Ensemble(models)


def images_and_labels(part: Part, scaling: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what a model is trained on: images, float32 ``(n_images, height, width)``, and their classes."""
    return part.features(scaling).reshape(part.n_images, *part.dataset.image_shape), part.labels


def checkpoint_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """Return what a training needs to go on from the end of a run, from the run's arrays; None without it.

    Returns
    -------
    dict of str to ndarray or None
        What :meth:`digitcore.models.base.EpochClassifier.checkpoint` gave, and under ``"snapshots."`` the run's
        snapshots.
    """
    kept = RunArrays(arrays)
    return kept.checkpoint | with_prefix("snapshots", kept.snapshots) if kept.checkpoint else None


@dataclass(frozen=True)
class _Options:
    """What the caller of :func:`train_spec` asks for beside the spec."""

    on_epoch: Callable[[Epoch], None]
    checkpoint: Mapping[str, np.ndarray] | None
    keep_checkpoint: bool
    on_checkpoint: Callable[[Mapping[str, np.ndarray]], object] | None
    on_glimpse: Callable[[Glimpse], object] | None

    @property
    def takes_checkpoints(self) -> bool:
        """Whether anybody wants any."""
        return self.keep_checkpoint or self.on_checkpoint is not None


class _Checkpoints:
    """Takes checkpoints of a model in training every now and then, until one is too large.

    Parameters
    ----------
    options : _Options
        Who wants them.
    first : mapping of str to ndarray
        The one to begin with; may be empty.
    """

    def __init__(self, options: _Options, first: Mapping[str, np.ndarray]):
        self._options, self._wanted, self._taken_at = options, options.takes_checkpoints, time.monotonic()
        self.last = first

    def take(self, model: Model, recorder: Recorder, seconds: float, *, at_once: bool) -> None:
        """Take a checkpoint after an epoch of so many seconds, if it is time for one."""
        due = at_once or seconds >= FINISH_SECONDS or time.monotonic() - self._taken_at >= CHECKPOINT_SECONDS
        if not (due and self._wanted):
            return
        try:
            taken = model.checkpoint()
        except InvalidSetting:
            # On an accelerator, or a model that votes has ended early: what goes on does so from an earlier epoch.
            self._wanted = False
            return
        self._wanted = 0 < sum(array.nbytes for array in taken.values()) <= MOST_CHECKPOINT_BYTES
        self.last, self._taken_at = (taken if self._wanted else {}), time.monotonic()
        if self.last and self._options.on_checkpoint is not None:
            self._options.on_checkpoint({**self.last, **with_prefix("snapshots", recorder.arrays)})


class _Glimpses:
    """Takes glimpses of a model in training at limited intervals and passes them on.

    Parameters
    ----------
    options : _Options
        Who wants to see it.
    data_split, scaling
        Those of :class:`digitcore.runs.glimpse.Watcher`.
    """

    def __init__(self, options: _Options, data_split: Split, scaling: str):
        self._show = options.on_glimpse
        self._watcher = None if self._show is None else Watcher(data_split, scaling)
        self._next_at = 0.0

    def take(self, model: Model) -> None:
        """Take a glimpse of the model and pass it on, unless the last one was too short a time ago."""
        start = time.monotonic()
        if self._show is None or self._watcher is None or start < self._next_at:
            return
        self._show(self._watcher.look(model))
        seconds = time.monotonic() - start
        self._next_at = start + seconds + max(GLIMPSE_SECONDS, seconds / MOST_GLIMPSE_SHARE)


class _Stop:
    """The end that somebody has asked for, and how long after it what is under way may last.

    Parameters
    ----------
    should_stop, on_pause : callable
        Those of :func:`train_spec`.
    """

    def __init__(self, should_stop: Callable[[], bool], on_pause: Callable[[], object]):
        self._should_stop, self._on_pause = should_stop, on_pause
        self._requested_at: float | None = None
        self.allow(FINISH_SECONDS)

    def allow(self, seconds: float) -> None:
        """Let what begins now last for ``seconds`` after a stop that has been or will be asked for."""
        self._begun_at, self._seconds = time.monotonic(), seconds

    def requested(self) -> bool:
        """Whether somebody has asked for the end."""
        if self._requested_at is None and self._should_stop():
            self._requested_at = time.monotonic()
        return self._requested_at is not None

    def look(self) -> None:
        """Pause, and raise :class:`Interrupted` when the time after a stop is over."""
        self._on_pause()
        if self.requested() and time.monotonic() >= max(self._requested_at, self._begun_at) + self._seconds:
            raise Interrupted(STOPPED)


_prepared: set[tuple[Any, ...]] = set()


def _prepare(spec: RunSpec, data_split: Split) -> None:
    """Train a copy of the model on a few images, unless this process has trained one of the same kind before.

    What is compiled and imported for the first training is then no part of its seconds.
    """
    if not MODELS[spec.model].warms_up or (kind := _kind(spec)) in _prepared:
        return
    n_at_once = spec.parameters["batch_size"] or _MANY_IMAGES
    few = data_split.train.indices[: min(max(n_at_once, _FEW_IMAGES), _MANY_IMAGES)]
    part = Part("train", data_split.dataset, few)
    images = images_and_labels(part, spec.scaling)
    model = first_member(model_for(spec, data_split.dataset)).set_params(epochs=1, patience=None)
    try:
        model.fit(*images, validation_data=images)
    except Interrupted:
        raise
    except (DigitcoreError, ValueError) as problem:  # the training itself tells it, if it has the same
        log.debug("Nothing could be prepared: %s", problem)
    _prepared.add(kind)


def _kind(spec: RunSpec) -> tuple[Any, ...]:
    """Return what decides which code trains a spec."""
    dataset, split = DATASETS[spec.dataset], spec.split
    layers = plan(spec.model, spec.parameters, dataset.image_shape, dataset.n_classes)
    shapes = [(each.kind, each.activation, each.window, each.stride, each.padding) for each in layers]
    n_at_once = min(spec.parameters["batch_size"] or dataset.n_images, split.max_train or dataset.n_images)
    choices = [value for value in spec.parameters.values() if isinstance(value, str)]
    is_augmented = augmentation_of(spec.parameters) is not None
    return (spec.model, *shapes, is_small_dense(layers, n_at_once), n_at_once > 1, is_augmented, *choices)


class _UnderWay(NamedTuple):
    """A training that has begun: its epochs to come, and what takes snapshots and checkpoints of it."""

    epochs: Iterator[Epoch]
    recorder: Recorder
    checkpoints: _Checkpoints


def _fit(model: Model, spec: RunSpec, data_split: Split, outcome: Outcome, options: _Options, stop: _Stop) -> None:
    epochs, recorder, checkpoints = _begin(model, spec, data_split, outcome, options, stop)
    n_before, glimpses = n_epochs_of(checkpoints.last), _Glimpses(options, data_split, spec.scaling)
    with closing(epochs):
        try:
            for epoch in epochs:
                _tell(epoch, outcome, options)
                glimpses.take(model)
                stopped = stop.requested()
                last = stopped or _is_last(epoch, model)
                recorder.take(epoch.number, last=last)
                checkpoints.take(model, recorder, epoch.seconds, at_once=last)
                if stopped:
                    raise Interrupted(STOPPED)
        except Interrupted:
            outcome.state = "cancelled"
    if n_before and model.n_iter_ == n_before:
        recorder.take(model.n_iter_, last=True)  # there was nothing left to train
    _keep(outcome, options, recorder, checkpoints)


def _is_last(epoch: Epoch, model: Model) -> bool:
    """Whether the training ends with an epoch, planned or by early stopping."""
    return epoch.number == model.epochs or all(
        member.patience is not None and epoch.number - member.best_epoch_ >= member.patience
        for member in members_of(model)
    )


def _keep(outcome: Outcome, options: _Options, recorder: Recorder, checkpoints: _Checkpoints) -> None:
    """Add snapshots, and the last checkpoint if it is wanted, to the outcome."""
    if options.keep_checkpoint:
        outcome.arrays |= RunArrays.of(checkpoint=checkpoints.last)
    outcome.arrays |= RunArrays.of(snapshots=recorder.arrays)


def _operate(model: EpochClassifier, name: str, surgery: Surgery) -> None:
    """Change the weights of a trained model; which epoch was best is kept."""
    weights, best_epoch = model.get_weights(), model.best_epoch_
    changed = operate(weights, first_layer_name(name, weights), surgery)
    model.restore(changed, classes=model.classes_, n_features=model.n_features_in_)
    model.best_epoch_ = best_epoch


def _tell(epoch: Epoch, outcome: Outcome, options: _Options) -> None:
    """Add an epoch to the outcome and report it, unless that was done before."""
    if epoch.number > len(outcome.epochs):
        outcome.epochs.append(epoch)
        options.on_epoch(epoch)


def _divided(given: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return a model's checkpoint and the snapshots beside it."""
    snapshots = under_prefix("snapshots", given)
    return {name: array for name, array in given.items() if not name.startswith("snapshots.")}, snapshots


def _train_parent(spec: RunSpec, options: _Options, outcome: Outcome, stop: _Stop) -> Mapping[str, np.ndarray]:
    """Train what a spec goes on from and return what :func:`checkpoint_of` does."""
    parent = cast(RunSpec, spec.parent)
    data_split = split_for(parent)
    model = model_for(parent, data_split.dataset)
    with threads_for(parent):
        epochs, recorder, checkpoints = _begin(model, parent, data_split, outcome, options, stop)
        end = checkpoints.last
        with closing(epochs):
            try:
                for epoch in epochs:
                    _tell(epoch, outcome, options)
                    recorder.take(epoch.number)
                    if epoch.number == model.epochs:
                        end = model.checkpoint()
                    stopped = stop.requested()
                    checkpoints.take(model, recorder, epoch.seconds, at_once=stopped)
                    if stopped:
                        raise Interrupted(STOPPED)
            except Interrupted:
                _keep(outcome, options, recorder, checkpoints)
                raise
    return {**end, **with_prefix("snapshots", recorder.arrays)}


def _begin(
    model: Model, spec: RunSpec, data_split: Split, outcome: Outcome, options: _Options, stop: _Stop
) -> _UnderWay:
    """Begin to train a spec where its checkpoint ends, after its parents, and report the epochs before."""
    checkpoint, snapshots = _divided(options.checkpoint or {})
    if n_epochs_of(checkpoint) < spec.n_inherited:
        checkpoint, snapshots = _divided(_train_parent(spec, options, outcome, stop))
    X, y = images_and_labels(data_split.train, spec.scaling)
    epochs = _epochs_from(checkpoint, model, spec, (X, y, validation_data_of(data_split, spec.scaling)))
    # Epochs that were trained before, and not in this call as a parent's.
    outcome.seconds += sum(epoch.seconds for epoch in model.history_[len(outcome.epochs) :])
    for epoch in model.history_:
        _tell(epoch, outcome, options)
    # The checkpoint that it began with stays if there is nothing left to train.
    return _UnderWay(epochs, Recorder(first_member(model), X, y, snapshots), _Checkpoints(options, checkpoint))


def _epochs_from(
    checkpoint: Mapping[str, np.ndarray], model: Model, spec: RunSpec, data: tuple[Any, ...]
) -> Iterator[Epoch]:
    """Return the epochs after a checkpoint; all of them if it is empty or of another training."""
    if not checkpoint:
        return model.iter_fit(*data)
    if spec.parent is not None and n_epochs_of(checkpoint) == spec.n_inherited:
        other_seed = spec.random_state != spec.parent.random_state
        checkpoint = {name: array for name, array in checkpoint.items() if not (other_seed and name == "random")}
    try:
        return model.iter_fit(*data, resume_from=checkpoint, n_inherited=spec.n_inherited)
    except InvalidSetting as problem:
        if spec.parent is not None:
            raise
        log.warning("Training from the start instead of a checkpoint: %s", problem)
        return model.iter_fit(*data)


def validation_data_of(data_split: Split, scaling: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the monitored images and labels of classes that the training part has; None without any."""
    held_out = data_split.monitored
    known = np.isin(held_out.labels, data_split.train.labels)
    return (held_out.features(scaling)[known], held_out.labels[known]) if known.any() else None


def _evaluate(model: Model, spec: RunSpec, data_split: Split, outcome: Outcome, stop: _Stop) -> None:
    outcome.arrays |= RunArrays.of(weights=model.get_weights())
    if not outcome.epochs:
        outcome.reason = STOPPED_IN_FIRST_EPOCH
        return
    stop.allow(EVALUATION_SECONDS)
    try:
        probabilities = {
            part.name: all_classes(model, part.features(spec.scaling), data_split.dataset.n_classes)
            for part in data_split.parts
        }
    except Interrupted:
        outcome.state, outcome.reason = "cancelled", STOPPED_IN_EVALUATION
        return
    outcome.arrays |= RunArrays.of(
        probabilities=probabilities, indices={part.name: part.indices for part in data_split.parts}
    )
    outcome.evaluation = Evaluation(
        parts={part.name: evaluate_part(part.labels, probabilities[part.name]) for part in data_split.parts},
        best_epoch=int(model.best_epoch_),
        n_epochs=len(outcome.epochs),
        missing_classes={part.name: tuple(missing_classes(part)) for part in data_split.parts},
    )


def all_classes(model: Model, X: np.ndarray, n_classes: int) -> np.ndarray:
    """Return probabilities with a column for every class of the data set, also those the training part lacked."""
    probabilities = np.zeros((len(X), n_classes), dtype=np.float32)
    probabilities[:, model.classes_] = model.predict_proba(X)
    return probabilities


@contextmanager
def _timed(outcome: Outcome) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        outcome.seconds += time.perf_counter() - start


def n_threads(spec: RunSpec) -> int:
    """Return the number of threads that train ``spec`` fastest on two cores: 1 or :data:`MOST_THREADS`."""
    if not MODELS[spec.model].uses_torch:
        return 1
    dataset = DATASETS[spec.dataset]
    split = spec.split
    n_images = min(dataset.n_images, split.max_train or dataset.n_images, split.max_images or dataset.n_images)
    at_once = min(spec.parameters["batch_size"] or n_images, n_images)
    layers = plan(spec.model, spec.parameters, dataset.image_shape, dataset.n_classes)
    if is_small_dense(layers, at_once):
        return 1
    work = sum(layer.multiply_adds for layer in layers)
    return MOST_THREADS if work >= _LARGE_NETWORK or at_once * work >= _LARGE_STEP else 1


@contextmanager
def threads_for(spec: RunSpec, most: int = MOST_THREADS) -> Iterator[None]:
    """Give the model's library the number of threads that is fastest for it, at most ``most``, whatever else runs.

    A fixed number makes equal specs give equal bits.
    """
    number = min(most, n_threads(spec))
    if not MODELS[spec.model].uses_torch:
        with threadpool_limits(number, user_api="blas"):
            yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
