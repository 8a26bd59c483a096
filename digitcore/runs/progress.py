"""How far a run is, and how long one will take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from digitcore.datasets import DATASETS
from digitcore.models import MODELS
from digitcore.models.architecture import multiply_adds
from digitcore.models.augmented_images import augmentation_of, augmentation_seconds
from digitcore.models.hard_examples import images_per_epoch, updates_per_epoch
from digitcore.runs.run import Run
from digitcore.specs.run_spec import RunSpec
from digitcore.wording import about_text, rough_duration_text

# How many of the last epochs tell the present pace: of short ones as many as took so many seconds together, which a
# moment's work of others does not change.
PACE_EPOCHS, PACE_SECONDS = 10, 3.0

# One forward pass, and two backward passes (weights, inputs) that each cost as much.
PASSES_TRAINED = 3

# Fewer runs of a kind tell nothing for certain: one of them may have had to compile, or to share the machine. Of many
# the last ones count, as the machine may have become another.
FEWEST_RUNS, MOST_RUNS = 3, 15
# Until then the guess has the weight of so many runs, whose median no single run moves ...
_WEIGHT_OF_GUESS = 2
# ... and other machines are up to so many times slower or faster than the one that the guess was fitted to.
_GUESS_FACTOR = 3.0
# What a training takes besides its epochs (evaluation, messages), on the machine that the guess was fitted to.
_FIXED_SECONDS = 0.1
# A run tells nothing of a training that is more than so many times as long: most of the run's time was fixed.
_MOST_TIMES_LONGER = 30
# Quartiles that are nearer to each other than this are told as one figure.
_NARROW = 1.4


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
        Time to the last epoch at the present pace; None before the second epoch is over.
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
    low, high : float
        Between them, half of the runs on this machine would lie; without enough of those, what to expect of machines.
    measured : bool
        Whether enough runs of this machine are known to tell.
    """

    seconds: float
    n_runs: int
    low: float
    high: float
    measured: bool

    @property
    def words(self) -> str:
        """What a page says: "takes about 7 s on this machine", or that it is not yet known and perhaps 2 s to 20 s."""
        if not self.measured:
            return f"time on this machine not yet known, perhaps {_span(self.low, self.high)}"
        if self.seconds < 1 or self.high >= _NARROW * self.low:
            return f"takes {_span(self.low, self.high)} on this machine"
        return f"takes {about_text(self.seconds)} on this machine"


def progress_of(run: Run) -> Progress:
    """Return how far ``run`` is."""
    n_epochs = run.spec.parameters["epochs"]
    n_done = len(run.epochs)
    fraction = min(1.0, n_done / n_epochs)
    return Progress(n_done, n_epochs, fraction, _seconds_left(run, n_epochs - n_done))


def milestone_text(what: str, fraction: float) -> str:
    """Return what is worth telling at a share of the way, 0 to 1: the start, and then every quarter."""
    quarter = min(int(4 * fraction), 3)
    return f"{what} is {25 * quarter} % done." if quarter else f"{what} has started."


def _seconds_left(run: Run, n_left: int) -> float | None:
    if n_left <= 0:
        return 0.0
    pace, total = [], 0.0
    # The first epoch has to wait for much that the others find done.
    for epoch in reversed(run.epochs[1:]):
        if len(pace) >= PACE_EPOCHS and total >= PACE_SECONDS:
            break
        pace.append(epoch.seconds)
        total += epoch.seconds
    if not pace:
        return None
    # Of a few epochs one may have been held up; of many, some are held up again and again where others train, too.
    return n_left * (median(pace) if len(pace) <= PACE_EPOCHS else total / len(pace))


def expected_time(spec: RunSpec, past: Sequence[Run] = (), *, n_done: int = 0) -> ExpectedTime:
    """Return how long training ``spec`` will take.

    Parameters
    ----------
    spec : RunSpec
        What is to be trained.
    past : sequence of Run
        Runs of this machine, finished or under way, newest first. Those of the same model correct the guess by the
        median of measured over guessed time: of those on the same data set if there are enough, else of all. A run that
        took exceptionally long has no influence on it, also as the first one, and none that was much shorter.
    n_done : int
        Epochs that are trained already.
    """
    work = _work(spec)
    ratios, measured = _ratios(*_kind(spec, work), past)
    correction, guess = _correction(ratios), _FIXED_SECONDS + work * (1 - n_done / spec.parameters["epochs"])
    low, high = _quartiles(ratios) if measured else (correction / _GUESS_FACTOR, correction * _GUESS_FACTOR)
    return ExpectedTime(guess * correction, len(ratios), guess * low, guess * high, measured)


def more_epochs(n_epochs: int) -> int:
    """Return how many epochs to offer after so many, 1 or more: 10, or as many as the power of ten below them."""
    return max(10, 10 ** int(math.log10(n_epochs)))


def expected_seconds(specs: Sequence[RunSpec], past: Sequence[Run] = ()) -> list[float]:
    """Return the seconds of :func:`expected_time` for many specs, looking at ``past`` once for each kind."""
    works = [_work(spec) for spec in specs]
    kinds = [_kind(spec, work) for spec, work in zip(specs, works, strict=True)]
    corrections = {kind: _correction(_ratios(*kind, past)[0]) for kind in set(kinds)}
    return [(_FIXED_SECONDS + work) * corrections[kind] for work, kind in zip(works, kinds, strict=True)]


def is_measured(specs: Sequence[RunSpec], past: Sequence[Run]) -> bool:
    """Return True if enough runs of this machine are known to tell how long each of ``specs`` takes."""
    return all(_ratios(*kind, past)[1] for kind in {_kind(spec, _work(spec)) for spec in specs})


def _span(low: float, high: float) -> str:
    shortest, longest = rough_duration_text(low), rough_duration_text(high)
    if shortest == longest:
        return longest
    return f"up to {longest}" if low < 1 else f"{shortest} to {longest}"


def _work(spec: RunSpec) -> float:
    """Return how long all epochs of a training take by the guess, in seconds."""
    return _seconds_per_epoch(spec) * spec.parameters["epochs"]


def _kind(spec: RunSpec, work: float) -> tuple[str, str, float]:
    """Return model and data set of a training, and for how long by the guess a run must have trained to tell of it."""
    # In powers of ten, so that the trainings of an experiment are of few kinds.
    magnitude = 10.0 ** math.floor(math.log10(work)) if work > _FIXED_SECONDS else 0.0
    return spec.model, spec.dataset, 10 * magnitude / _MOST_TIMES_LONGER


def _ratios(model: str, dataset: str, least_work: float, past: Sequence[Run]) -> tuple[list[float], bool]:
    """Return measured over guessed time of the runs that tell most of a kind, and whether they are enough."""
    alike = [run for run in past if run.spec.model == model and _seconds(run) > 0 and run.n_trained]
    same = _telling([run for run in alike if run.spec.dataset == dataset], least_work)
    measured = len(same) >= FEWEST_RUNS
    return same if measured else _telling(alike, least_work), measured


def _telling(runs: Sequence[Run], least_work: float) -> list[float]:
    """Return measured over guessed time of the first runs whose epochs took long enough."""
    ratios: list[float] = []
    for run in runs:
        if len(ratios) == MOST_RUNS:
            break
        work = _seconds_per_epoch(run.spec) * run.n_trained
        if work >= least_work:
            ratios.append(_seconds(run) / (_FIXED_SECONDS + work))
    return ratios


def _correction(ratios: Sequence[float]) -> float:
    guesses = [1.0] * _WEIGHT_OF_GUESS if len(ratios) < FEWEST_RUNS else []
    return median([*guesses, *ratios])


def _quartiles(ratios: Sequence[float]) -> tuple[float, float]:
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return low, high


def _seconds(run: Run) -> float:
    return run.seconds or sum(epoch.seconds for epoch in run.epochs)


def _seconds_per_epoch(spec: RunSpec) -> float:
    dataset = DATASETS[spec.dataset]
    n_train, n_held_out = part_sizes(spec)
    n_updates = updates_per_epoch(spec.parameters, n_train)
    n_train = images_per_epoch(spec.parameters, n_train)
    forward = multiply_adds(spec.model, spec.parameters, dataset.image_shape, dataset.n_classes)
    work = forward * (PASSES_TRAINED * n_train + n_held_out)
    model = MODELS[spec.model]
    changes = augmentation_seconds(augmentation_of(spec.parameters), n_train * math.prod(dataset.image_shape))
    seconds = changes + work * model.seconds_per_multiply_add + n_updates * model.seconds_per_update
    return spec.members * seconds


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
