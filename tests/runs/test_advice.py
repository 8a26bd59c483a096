"""What a verdict advises: each wrong advice of the past, and no contradiction over a grid of curves."""

import itertools
import math
import re
from functools import cache

import numpy as np
import pytest

from digitcore.errors import DivergedError
from digitcore.evaluation import PartEvaluation, wilson_interval
from digitcore.experiments.phenomena import PHENOMENA
from digitcore.models import Epoch
from digitcore.runs import Run, RunSpec
from digitcore.runs.advice import WIDE_LAYER, advice_for
from digitcore.runs.run import Evaluation
from digitcore.runs.summary import remark_of, verdict_of
from digitcore.runs.training import train_spec

N_EPOCHS = 40
T = np.arange(N_EPOCHS) / (N_EPOCHS - 1)
NOISE = np.random.default_rng(0).normal(0, 0.01, N_EPOCHS)
GUESSING = math.log(10)


def figures(accuracy, n):
    n_right = round(accuracy * n)
    return PartEvaluation(n, n_right, n_right / n, 1.0, *wilson_interval(n_right, n))


@cache
def spec_of(model="mlp", validation="cut", **parameters):
    split = {"validation": validation}
    return RunSpec(dataset="digits", model=model, split=split, parameters={"epochs": N_EPOCHS, **parameters})


def run_of(spec, train, test=None, *, accuracies=None, losses=None, held_out=None, state="done"):
    accuracies = np.full(N_EPOCHS, train) if accuracies is None else np.asarray(accuracies)
    losses = 2 * (1 - accuracies) if losses is None else losses
    held_out = accuracies if held_out is None else held_out
    watched = [None if spec.split.validation == "none" else float(value) for value in held_out]
    rows = zip(losses, accuracies, watched, strict=True)
    epochs = tuple(Epoch(i, float(loss), float(a), None, w, 0.1) for i, (loss, a, w) in enumerate(rows, 1))
    parts = {"train": figures(train, 1200)}
    if spec.split.validation == "cut":
        parts["validation"] = figures(held_out[-1], 150)
    if test is not None:
        parts["test"] = figures(test, 450)
    return Run(spec, state, epochs=epochs, evaluation=Evaluation(parts, 1, len(epochs)), seconds=1.0)


def said(run):
    """Everything that the page shows of a verdict, in one text."""
    verdict, advice = verdict_of(run), advice_for(run)
    words = (verdict.title, verdict.explanation, remark_of(run, verdict))
    return " ".join([*words, *((advice.words, advice.reason) if advice else ())])


def test_a_spike_is_answered_by_a_tenth_of_the_rate():
    accuracies = np.where(T < 0.6, 0.3 + T, 0.08)
    losses = np.where(T < 0.6, 2 - 2 * T, GUESSING)
    losses[24] = 41.0
    run = run_of(spec_of(learning_rate=0.5), 0.08, 0.08, accuracies=accuracies, losses=losses)
    advice = advice_for(run)
    assert verdict_of(run).kind == "diverged"
    assert advice.spec == run.spec.with_changes(parameters={"learning_rate": 0.05})
    assert advice.words == "Learning rate 0.05 instead of 0.5"


def test_a_training_whose_loss_was_not_finite_is_answered_too():
    run = Run(spec_of(learning_rate=30.0), "failed", reason=str(DivergedError(3, 30.0)))
    assert verdict_of(run).kind == "diverged"
    assert advice_for(run).changes == {"learning_rate": 3.0}


@pytest.mark.parametrize("reason", ["", "MNIST is not there."])
def test_another_failure_has_no_verdict(reason):
    run = Run(spec_of(), "failed", reason=reason)
    assert verdict_of(run) is None
    assert advice_for(run) is None


def test_a_rise_is_answered_by_more_epochs_and_said_once():
    run = run_of(spec_of(), 0.95, 0.9, accuracies=0.5 + 0.45 * T)
    assert advice_for(run).changes == {"epochs": 2 * N_EPOCHS}
    assert said(run).count("rising") == 1


def test_a_training_that_early_stopping_ended_is_not_told_to_train_longer():
    spec = spec_of(patience=5, epochs=1000)
    run = run_of(spec, 0.9, 0.9, accuracies=0.5 + 0.4 * T)
    assert verdict_of(run).kind == "underfits"
    advice = advice_for(run)
    assert "epochs" not in advice.changes and "patience" not in advice.changes
    assert "more epochs" not in said(run)


def test_a_training_that_was_stopped_is_told_to_go_to_its_end():
    spec = spec_of(epochs=200)
    run = run_of(spec, 0.9, 0.88, accuracies=0.5 + 0.4 * T, state="cancelled")
    advice = advice_for(run)
    assert advice.spec == spec
    assert advice.words == "All 200 epochs with the same settings"
    assert advice.reason == "Only 40 of 200 epochs were trained."


def test_a_peak_that_is_past_is_answered_by_early_stopping():
    held_out = np.where(T < 0.4, 0.7 + 0.5 * T, 0.9 - 0.1 * (T - 0.4))
    for validation in ("cut", "test", "none"):
        run = run_of(spec_of(validation=validation), 1.0, 0.85, held_out=held_out)
        assert verdict_of(run).kind == "overfits"
        assert ("patience" in advice_for(run).changes) is (validation != "none")
        assert "rising" not in said(run)
    assert advice_for(run_of(spec_of(validation="test"), 1.0, 0.85, held_out=held_out)).spec.split.validation == "cut"


def test_images_that_were_left_out_are_advised_first_against_overfitting():
    spec = spec_of().with_changes(split={"max_train": 100, "max_images": 700})
    assert advice_for(run_of(spec, 1.0, 0.8)).changes == {"max_train": None, "max_images": None}


@pytest.mark.parametrize(
    ("dataset", "model", "parameters", "advised"),
    [
        ("mnist", "softmax", {}, False),
        ("mnist", "mlp", {"hidden_units": (32, 16)}, False),
        ("mnist", "mlp", {"hidden_units": (512,)}, True),
        ("mnist", "mlp", {"hidden_units": (512,), "dropout": 0.5}, False),
        ("mnist", "cnn", {"hidden_units": (128,), "dropout": 0.0}, True),
        ("digits", "mlp", {"hidden_units": (512,)}, False),
    ],
)
def test_dropout_is_advised_only_where_it_helps(dataset, model, parameters, advised):
    spec = spec_of(model, **parameters).with_changes(dataset=dataset)
    advice = advice_for(run_of(spec, 1.0, 0.85))
    assert ("dropout" in advice.changes) is advised
    assert "ropout" not in said(run_of(spec_of("softmax"), 1.0, 0.85))


def test_a_model_without_room_gets_more():
    flat = dict(losses=np.full(N_EPOCHS, 0.5))
    # Where patience has ended a training that was still falling slowly, one layer gets no farther.
    plateau = run_of(spec_of("softmax", patience=5, epochs=1000), 0.9, 0.9, losses=0.6 - 0.2 * T)
    assert advice_for(plateau).changes == {"model": "mlp"}
    assert advice_for(run_of(spec_of("softmax"), 0.9, 0.9, **flat)).changes == {"model": "mlp"}
    assert advice_for(run_of(spec_of(hidden_units=(8, 4)), 0.9, 0.9, **flat)).changes == {"hidden_units": (16, 8)}
    assert advice_for(run_of(spec_of(hidden_units=(8,), dropout=0.8), 0.9, 0.9, **flat)).changes == {"dropout": 0.4}
    jumping = np.where(np.arange(N_EPOCHS) % 2, 0.8, 0.3)
    calmer = advice_for(run_of(spec_of(learning_rate=0.3), 0.9, 0.9, losses=jumping))
    assert calmer.changes == {"learning_rate": 0.1}


def test_a_rate_at_the_end_of_its_range_is_not_advised_again():
    run = run_of(spec_of(learning_rate=1e-8), 0.1, 0.1, losses=np.where(T < 0.5, 0.1, 50.0))
    assert verdict_of(run).kind == "diverged"
    assert advice_for(run) is None


CURVES = {
    "rises": 0.3 + 0.6 * T,
    "rises a little": 0.93 + 0.01 * T,
    "levels off": 0.99 - 0.7 * np.exp(-10 * T),
    "is level": np.full(N_EPOCHS, 0.97),
    "is noisy": 0.95 + NOISE,
    "is low": np.full(N_EPOCHS, 0.7),
    "guesses": np.full(N_EPOCHS, 0.1),
    "passes a peak": 0.95 - 0.3 * (T - 0.4) ** 2,
    "breaks down": np.where(T < 0.7, 0.4 + 0.7 * T, 0.1),
    "breaks down in part": np.where(T < 0.7, 0.3 + T, 0.5),
    "jumps": 0.8 + 0.15 * (np.arange(N_EPOCHS) % 2),
}
MODELS = [
    ("softmax", {}),
    ("mlp", {"hidden_units": (16,)}),
    ("mlp", {"hidden_units": (256,), "dropout": 0.3}),
    ("cnn", {"channels": (4,), "hidden_units": ()}),
]
# What the held-out part does beside the training part: the same, or one of these.
HELD_OUT = ("", "rises", "is level", "passes a peak")
# How a training ended: patience, and its state.
ENDS = ((None, "done"), (5, "done"), (None, "cancelled"))
GRID = list(itertools.product(CURVES, HELD_OUT, (0.0, 0.03, 0.2), ("none", "cut", "test"), ENDS))


def contradictions(run):
    """What does not go together in all that is said of a run."""
    advice, text = advice_for(run), said(run)
    changes = advice.changes if advice else {}
    rate = changes.get("learning_rate", run.spec.parameters["learning_rate"]) - run.spec.parameters["learning_rate"]
    longer = changes.get("epochs", 0) > run.spec.parameters["epochs"] or "more epochs" in text
    ended_early = run.state == "done" and len(run.epochs) < run.spec.parameters["epochs"]
    wide = max(run.spec.parameters.get("hidden_units", ()), default=0) >= WIDE_LAYER
    raised_dropout = changes.get("dropout", 0) > run.spec.parameters.get("dropout", 0)
    return {
        "longer and shorter": longer and bool(re.search("fewer epochs|early stopping keeps the best", text)),
        "longer after early stopping": ended_early and (longer or "rising" in text),
        "rising and falling": "rising" in text and "has fallen" in text,
        "rate up though too high": rate > 0 and bool(re.search("too high|lower learning rate|jump", text)),
        "rate down though too slow": rate < 0 and "too slow" in text,
        "rising twice": text.count("rising") > 1 or text.count("still improving") > 1,
        "dropout without use": raised_dropout and not (wide and run.spec.dataset != "digits"),
        "no change": advice is not None and advice.spec == run.spec and run.state != "cancelled",
        "two remarks": len(re.findall(r"[a-z][.:] [A-Z]", verdict_of(run).remark)) > 0,
        "near unsaid": verdict_of(run).near != ("near the threshold" in verdict_of(run).explanation),
    }


@pytest.mark.parametrize(("model", "parameters"), MODELS)
def test_nothing_that_is_said_of_a_run_contradicts_itself(model, parameters):
    kinds = set()
    for train, held_out, gap, validation, (patience, state) in GRID:
        epochs = 200 if patience or state == "cancelled" else N_EPOCHS
        spec = spec_of(model, validation, **parameters, patience=patience, epochs=epochs)
        accuracies, end = CURVES[train], CURVES[train][-1]
        jumped = np.where(accuracies < np.maximum.accumulate(accuracies) - 0.2, 30.0, 2.3 * (1 - accuracies))
        run = run_of(
            spec,
            end,
            max(end - gap, 0.0),
            accuracies=accuracies,
            losses=jumped,
            held_out=CURVES[held_out or train],
            state=state,
        )
        found = [name for name, there in contradictions(run).items() if there]
        assert not found, (found, train, held_out, gap, validation, patience, state, said(run))
        kinds.add(verdict_of(run).kind)
    assert len(kinds) == 8


@pytest.mark.parametrize(
    "losses",
    [
        14.8 + 1.6 * T,  # climbs
        16 + 3 * np.sin(40 * T),  # is thrown about
    ],
)
def test_a_loss_that_stays_far_above_guessing_is_answered_by_a_tenth_of_the_rate(losses):
    run = run_of(spec_of(learning_rate=3.0), 0.11, 0.1, losses=losses)
    verdict = verdict_of(run)
    assert verdict.kind == "diverged"
    assert "far above the 2.3 of guessing. The learning rate is too high." in verdict.explanation
    assert advice_for(run).changes == {"learning_rate": 0.3}


def test_a_loss_that_starts_far_above_guessing_and_falls_slowly_asks_for_a_larger_rate():
    run = run_of(spec_of(learning_rate=1e-5), 0.1, 0.1, losses=16 - T)
    assert verdict_of(run).kind == "learned nothing"
    assert advice_for(run).changes == {"learning_rate": 1e-4}


def test_weights_and_biases_that_let_no_gradient_through_are_put_back_before_the_rate_is_raised():
    flat = np.full(N_EPOCHS, GUESSING)
    dead = run_of(spec_of(initial_bias=-3.0, initialization="he"), 0.1, 0.1, losses=flat)
    assert advice_for(dead).changes == {"initial_bias": 0.0}
    faint = run_of(spec_of(weight_scale=0.01, activation="tanh"), 0.1, 0.1, losses=flat)
    assert advice_for(faint).changes == {"weight_scale": 1.0}
    neither = run_of(spec_of(initial_bias=-3.0, initialization="he", activation="tanh"), 0.1, 0.1, losses=flat)
    assert set(advice_for(neither).changes) == {"learning_rate"}


@pytest.mark.parametrize(
    ("name", "changes"), [("rate-too-high", {"learning_rate": 0.3}), ("dead-relus", {"initial_bias": 0.0})]
)
def test_what_is_advised_after_a_phenomenon_does_not_contradict_it(name, changes):
    spec = PHENOMENA[name].variation
    outcome = train_spec(spec)
    run = Run(spec, outcome.state, epochs=tuple(outcome.epochs), evaluation=outcome.evaluation)
    assert advice_for(run).changes == changes


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("softmax", {"learning_rate": 1e-7, "epochs": 1}),
        ("softmax", {"epochs": 1}),
        ("softmax", {"learning_rate": 1e-4, "epochs": 30}),
        ("softmax", {"weight_decay": 1.0}),
        ("mlp", {"dropout": 0.9, "epochs": 300}),
        ("mlp", {"weight_decay": 1.0, "epochs": 100}),
        ("mlp", {"label_smoothing": 0.9, "epochs": 100}),
        ("mlp", {"learning_rate": 1.0, "epochs": 1}),
        ("mlp", {"max_norm": 0.1, "epochs": 30}),
        ("mlp", {"schedule": "step", "step_epochs": 1, "epochs": 30}),
        ("cnn", {"schedule": "one_cycle", "learning_rate": 0.1, "epochs": 2}),
    ],
    ids=str,
)
def test_what_is_advised_after_a_weak_training_makes_a_better_one(model, parameters):
    spec = RunSpec(dataset="digits", model=model, parameters=parameters)
    before = trained_run(spec)
    after = trained_run(advice_for(before).spec)
    assert after.figures["train"].accuracy > before.figures["train"].accuracy + 0.02


def trained_run(spec):
    outcome = train_spec(spec)
    return Run(spec, outcome.state, outcome.reason, outcome.epochs, outcome.evaluation, seconds=outcome.seconds)


def test_a_schedule_that_has_ended_rises_no_more():
    spec = spec_of(schedule="one_cycle")
    rising = dict(accuracies=0.9 + 0.09 * T)
    assert verdict_of(run_of(spec_of(), 0.99, 0.98, **rising)).kind == "still improving"
    assert verdict_of(run_of(spec, 0.99, 0.98, **rising)).kind != "still improving"
    stopped = run_of(spec.with_changes(parameters={"epochs": 2 * N_EPOCHS}), 0.99, 0.98, **rising, state="cancelled")
    assert verdict_of(stopped).kind == "still improving"


def test_the_rate_is_not_blamed_alone_where_another_setting_may_be_the_cause():
    guess = dict(accuracies=np.full(N_EPOCHS, 0.1), losses=np.full(N_EPOCHS, GUESSING))
    nothing = run_of(spec_of(weight_decay=1.0), 0.1, 0.1, **guess)
    assert "Weight decay 1 may be why." in said(nothing)
    assert advice_for(nothing).changes == {"weight_decay": 0.0}
