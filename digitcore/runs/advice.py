"""What to try next after a training: one change of its settings that its verdict asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from digitcore.datasets import DATASETS
from digitcore.errors import InvalidSetting
from digitcore.evaluation import Kind, Verdict
from digitcore.models import MODELS
from digitcore.models.hyperparameters import EPOCHS, LEARNING_RATE
from digitcore.runs.run import Run
from digitcore.runs.summary import curve_of, handicaps_of, verdict_of
from digitcore.specs.run_spec import RunSpec
from digitcore.specs.settings import all_settings, setting_label, setting_value, settings_of, with_settings
from digitcore.wording import counted

# A test part larger than this may give images to the training.
LARGE_TEST_SIZE = 0.3
# On MNIST dropout helps from such layers on, on the small images of scikit-learn's digits not with any
# (benchmarks/choices.md). Where between the two it begins to help is a choice, not a measurement.
WIDE_LAYER, FEW_PIXELS = 128, 256
HIGH_DROPOUT, USEFUL_DROPOUT = 0.3, 0.5
FEW_EPOCHS = 5
# Of the model's default learning rate.
SMALL_RATE = 0.1
# Share of the validation part, and of the epochs that early stopping waits, where a training had none.
VALIDATION_SHARE, PATIENCE_SHARE, LEAST_PATIENCE = 0.1, 0.1, 3


@dataclass(frozen=True)
class Advice:
    """One change to try.

    Attributes
    ----------
    reason : str
        Why it should help, as a sentence.
    spec : RunSpec
        The settings with the change.
    changes : mapping of str to Any
        What is changed, by the settings' flat names; empty where the same training is to be done to its end.
    words : str
        The change in words: "Learning rate 0.05 instead of 0.5".
    """

    reason: str
    spec: RunSpec
    changes: Mapping[str, Any]
    words: str


def advice_for(run: Run, verdict: Verdict | None = None) -> Advice | None:
    """Return what to try after a run, or None where no setting is left to change or the run has no verdict.

    Parameters
    ----------
    run : Run
        With its epochs.
    verdict : Verdict, optional
        That of :func:`digitcore.runs.summary.verdict_of`, where it is known already.
    """
    verdict = verdict if verdict is not None else verdict_of(run)
    if verdict is None:
        return None
    for reason, changes in _CANDIDATES[verdict.kind](run):
        advice = _advice(run.spec, reason, changes)
        if advice is not None:
            return advice
    return None


_Candidates = Iterator[tuple[str, Mapping[str, Any]]]
# What asks for the same training, to its end.
_TO_ITS_END: Mapping[str, Any] = {}


def _without_handicap(run: Run) -> _Candidates:
    for words, changes in handicaps_of(run.spec):
        yield f"{words.capitalize()} alone can keep a model from learning.", changes


def _after_divergence(run: Run) -> _Candidates:
    yield from _without_handicap(run)
    yield "A tenth of the learning rate takes shorter steps.", {"learning_rate": _rate(run.spec, 0.1)}


def _after_instability(run: Run) -> _Candidates:
    yield from _without_handicap(run)
    yield "A third of the learning rate takes shorter steps.", {"learning_rate": _rate(run.spec, 1 / 3)}


def _after_nothing(run: Run) -> _Candidates:
    if _was_stopped(run):
        yield _unfinished(run), _TO_ITS_END
    yield from _without_handicap(run)
    parameters = run.spec.parameters
    if parameters.get("initial_bias", 0.0) < 0 and parameters.get("activation") == "relu":
        yield (
            "With biases below zero a ReLU may be zero for every image, and then no gradient passes it.",
            {"initial_bias": 0.0},
        )
    if parameters.get("weight_scale", 1.0) < 1:
        yield "Weights that start so small pass hardly any gradient on.", {"weight_scale": 1.0}
    if len(run.epochs) <= FEW_EPOCHS:
        yield "So few epochs may not be enough to begin.", {"epochs": _epochs(run.spec, 10)}
    yield "Ten times the learning rate leaves the start sooner.", {"learning_rate": _rate(run.spec, 10)}


def _after_rise(run: Run) -> _Candidates:
    if _was_stopped(run):
        yield _unfinished(run), _TO_ITS_END
    yield from _without_handicap(run)
    yield "Twice as many epochs show where the rise ends.", {"epochs": _epochs(run.spec, 2)}


def _after_overfit(run: Run) -> _Candidates:
    spec, curve = run.spec, curve_of(run)
    limits = {name: None for name in ("max_train", "max_images") if setting_value(spec, name) is not None}
    if limits:
        yield "More training images narrow the gap most.", limits
    if curve.peak is not None and spec.parameters["patience"] is None:
        epoch, drop = curve.peak
        yield (
            f"The {curve.monitored_name} accuracy was best about epoch {epoch:,} and has fallen by {100 * drop:.1f} "
            "points since: early stopping keeps the best epoch.",
            _early_stopping(run),
        )
    if spec.split.kind == "random" and spec.split.test_size > LARGE_TEST_SIZE:
        yield "A smaller test part leaves more images to train on.", {"test_size": 0.25}
    is_wide = max(spec.parameters.get("hidden_units", ()), default=0) >= WIDE_LAYER
    is_large = prod(DATASETS[spec.dataset].image_shape) > FEW_PIXELS
    if is_wide and is_large and spec.parameters.get("dropout", USEFUL_DROPOUT) < USEFUL_DROPOUT:
        yield "Dropout keeps wide layers from learning single images by heart.", {"dropout": USEFUL_DROPOUT}
    if spec.model != "cnn" and "cnn" in MODELS:
        yield "A convolutional network finds a shape wherever it stands, and so needs fewer images.", {"model": "cnn"}
    smaller = _resized(spec, 0.5)
    if smaller:
        yield "All images are in use: a smaller model has less room to learn them by heart.", smaller


def _after_near_overfit(run: Run) -> _Candidates:
    if run.spec.split.kind == "random":
        yield "Another split shows whether the gap is there again.", {"split_seed": run.spec.split.random_state + 1}
    yield from _after_overfit(run)


def _after_underfit(run: Run) -> _Candidates:
    spec, curve = run.spec, curve_of(run)
    if _was_stopped(run):
        yield _unfinished(run), _TO_ITS_END
    yield from _without_handicap(run)
    if curve.jump is not None or curve.is_unsteady:
        rate = {"learning_rate": _rate(spec, 1 / 3)}
        yield "The loss jumps up and down: a third of the learning rate calms it.", rate
    if curve.is_falling and not curve.ended_early:
        yield "The training loss is still falling.", {"epochs": _epochs(spec, 2)}
    elif curve.is_falling and spec.model != "softmax":
        rate = {"learning_rate": _rate(spec, 3)}
        yield "The loss was still falling, too slowly for early stopping: a larger learning rate is quicker.", rate
    if len(run.epochs) <= FEW_EPOCHS and not curve.ended_early:
        yield "So few epochs may not be enough.", {"epochs": _epochs(spec, 10)}
    if spec.parameters["learning_rate"] <= SMALL_RATE * settings_of(spec.model)["learning_rate"].record.default:
        yield "So small a learning rate hardly moves the weights.", {"learning_rate": _rate(spec, 10)}
    dropout = spec.parameters.get("dropout", 0.0)
    if dropout >= HIGH_DROPOUT:
        yield "So much dropout keeps the model from learning even its training images.", {"dropout": dropout / 2}
    if spec.model == "softmax":
        yield "Hidden layers can learn what one layer cannot.", {"model": "mlp"}
    larger = _resized(spec, 2)
    if larger:
        yield "A larger model can learn more.", larger


def _after_good_fit(run: Run) -> _Candidates:
    yield "Another seed shows how much of this is luck.", {"seed": run.spec.seed_of_repeat(1)}


_CANDIDATES: Mapping[Kind, Callable[[Run], _Candidates]] = {
    "diverged": _after_divergence,
    "learned nothing": _after_nothing,
    "unstable": _after_instability,
    "still improving": _after_rise,
    "overfits": _after_overfit,
    "underfits": _after_underfit,
    "may overfit": _after_near_overfit,
    "fits well": _after_good_fit,
}


def _advice(spec: RunSpec, reason: str, changes: Mapping[str, Any]) -> Advice | None:
    """Return the advice, or None where the change is not valid or changes nothing."""
    try:
        new = with_settings(spec, changes)
    except InvalidSetting:
        return None
    if new == spec and changes:
        return None
    return Advice(reason, new, changes, _words(spec, changes))


def _words(spec: RunSpec, changes: Mapping[str, Any]) -> str:
    if not changes:
        return f"All {counted(spec.parameters['epochs'], 'epoch')} with the same settings"
    known, parts = all_settings(), []
    for name, value in changes.items():
        before = setting_label(name, setting_value(spec, name))
        parts.append(f"{known[name].record.label} {setting_label(name, value)} instead of {before}")
    return ", ".join(parts)


def _was_stopped(run: Run) -> bool:
    return run.state == "cancelled" and len(run.epochs) < run.spec.parameters["epochs"]


def _unfinished(run: Run) -> str:
    return f"Only {len(run.epochs)} of {counted(run.spec.parameters['epochs'], 'epoch')} were trained."


def _rate(spec: RunSpec, factor: float) -> float:
    rate = float(f"{spec.parameters['learning_rate'] * factor:.2g}")
    return min(max(rate, LEARNING_RATE.minimum), LEARNING_RATE.maximum)


def _epochs(spec: RunSpec, factor: int) -> int:
    return min(spec.parameters["epochs"] * factor, EPOCHS.maximum)


def _early_stopping(run: Run) -> dict[str, Any]:
    patience = max(LEAST_PATIENCE, round(PATIENCE_SHARE * run.spec.parameters["epochs"]))
    if run.spec.split.validation in ("cut", "fold"):
        return {"patience": patience}
    return {"patience": patience, "validation": "cut", "validation_size": VALIDATION_SHARE}


def _resized(spec: RunSpec, factor: float) -> dict[str, Any]:
    """Return the sizes of the model's layers times ``factor``; empty where there is none to change."""
    sizes = {name: spec.parameters[name] for name in ("channels", "hidden_units") if spec.parameters.get(name)}
    return {name: tuple(max(1, round(size * factor)) for size in units) for name, units in sizes.items()}
