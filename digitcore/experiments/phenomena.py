"""Phenomena: prepared pairs of trainings, a baseline and a variation of it, each of which shows one effect.

The settings were chosen by measurement: the comments give the ranges over ten seeds, of the baseline against the
variation, and the limits lie outside them. Accuracies are shares from 0 to 1, losses are mean cross-entropies in nats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Any

import numpy as np

from digitcore.datasets import DATASETS
from digitcore.glossary import explain
from digitcore.parameters import unknown_name
from digitcore.runs.robustness import run_robustness
from digitcore.runs.run import Run
from digitcore.runs.training import Outcome
from digitcore.specs.run_spec import RunSpec

# Gets what was trained, and what became of it.
Figure = Callable[[RunSpec, Outcome], float]
# The last epochs over which a validation loss is averaged: single ones jump.
N_LAST = 5


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A figure of both trainings, and where it has to lie for the phenomenon to be seen.

    Attributes
    ----------
    label : str
        Name of the figure.
    figure : callable
        See :data:`Figure`; pure.
    baseline, variation : tuple of float
        The smallest and the largest value that each of the two may have.
    """

    label: str
    figure: Figure
    baseline: tuple[float, float]
    variation: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Phenomenon:
    """A demonstration: two trainings, and what to watch in them.

    Attributes
    ----------
    name : str
        Key in :data:`PHENOMENA` and in links.
    topic, title : str
        Under which it is listed.
    terms : str
        Explanations of the terms that it uses, from :func:`digitcore.glossary.explain`; Markdown.
    watch : tuple of two str
        What to watch, in two sentences.
    baseline, variation : RunSpec
        What is trained first, and what is set beside it.
    effects : tuple of Effect
        What makes the phenomenon visible.
    """

    name: str
    topic: str
    title: str
    terms: str
    watch: tuple[str, str]
    baseline: RunSpec
    variation: RunSpec
    effects: tuple[Effect, ...]

    @property
    def words(self) -> str:
        """Both sentences."""
        return " ".join(self.watch)

    @property
    def downloads(self) -> str:
        """Label of the data set that has yet to be downloaded; empty where none has."""
        entries = [DATASETS[spec.dataset] for spec in (self.baseline, self.variation)]
        return next((entry.label for entry in entries if not entry.is_here()), "")


def missing_effects(phenomenon: Phenomenon, baseline: Outcome, variation: Outcome) -> list[str]:
    """Return a sentence for each figure that does not lie where it has to; none if the phenomenon is seen.

    Parameters
    ----------
    phenomenon : Phenomenon
        What is to be seen.
    baseline, variation : Outcome
        From :func:`digitcore.runs.training.train_spec` of its two specs.
    """
    sentences = []
    for effect in phenomenon.effects:
        for which, spec, outcome, (low, high) in (
            ("baseline", phenomenon.baseline, baseline, effect.baseline),
            ("variation", phenomenon.variation, variation, effect.variation),
        ):
            value = effect.figure(spec, outcome)
            if not low <= value <= high:
                sentences.append(f"{effect.label} of the {which} must be {low:g} to {high:g}, got {value:.4g}")
    return sentences


def load_phenomenon(name: str) -> Phenomenon:
    """Return the phenomenon of this name.

    Raises
    ------
    InvalidSetting
        If there is none.
    """
    if name not in PHENOMENA:
        raise unknown_name("phenomenon", name, PHENOMENA)
    return PHENOMENA[name]


def neighbors_of(name: str) -> tuple[str | None, str | None]:
    """Return the names of the phenomena before and after one; None at either end."""
    names = [None, *PHENOMENA, None]
    position = names.index(name)
    return names[position - 1], names[position + 1]


def topics() -> dict[str, list[Phenomenon]]:
    """Return the phenomena of each topic, in order."""
    found: dict[str, list[Phenomenon]] = {}
    for phenomenon in PHENOMENA.values():
        found.setdefault(phenomenon.topic, []).append(phenomenon)
    return found


def train_accuracy(spec: RunSpec, outcome: Outcome) -> float:
    """Return the accuracy on the training images at the end."""
    return outcome.evaluation.parts["train"].accuracy


def held_out_accuracy(spec: RunSpec, outcome: Outcome) -> float:
    """Return the accuracy on the test images at the end."""
    return outcome.evaluation.parts["test"].accuracy


def train_loss(spec: RunSpec, outcome: Outcome) -> float:
    """Return the training loss of the last epoch."""
    return outcome.epochs[-1].train_loss


def first_train_loss(spec: RunSpec, outcome: Outcome) -> float:
    """Return the training loss of the first epoch."""
    return outcome.epochs[0].train_loss


def n_epochs(spec: RunSpec, outcome: Outcome) -> float:
    """Return how many epochs were trained."""
    return len(outcome.epochs)


def last_validation_loss(spec: RunSpec, outcome: Outcome) -> float:
    """Return the validation loss, averaged over the last five epochs."""
    return float(np.mean([epoch.validation_loss for epoch in outcome.epochs[-N_LAST:]]))


def validation_rise(spec: RunSpec, outcome: Outcome) -> float:
    """Return the validation loss at the end as a multiple of its lowest; 1 if it fell to the end."""
    return last_validation_loss(spec, outcome) / min(epoch.validation_loss for epoch in outcome.epochs)


def loss_gap(spec: RunSpec, outcome: Outcome) -> float:
    """Return how far the validation loss lies above the training loss, averaged over the last five epochs."""
    last_train_loss = float(np.mean([epoch.train_loss for epoch in outcome.epochs[-N_LAST:]]))
    return last_validation_loss(spec, outcome) - last_train_loss


def dead_share(spec: RunSpec, outcome: Outcome) -> float:
    """Return the share of the first hidden layer's units that are dead at the end, 0 to 1."""
    silent = next(values for name, values in outcome.arrays.snapshots.items() if name.startswith("silent."))
    return float(silent[-1])


def shifted_accuracy(spec: RunSpec, outcome: Outcome) -> float:
    """Return the test accuracy under shifts, averaged over the five severities."""
    run = Run(spec, outcome.state, epochs=tuple(outcome.epochs), evaluation=outcome.evaluation)
    table = run_robustness(run, outcome.arrays.weights, "test", corruptions=("shift",))
    return float(table.loc[table["severity"] > 0, "accuracy"].mean())


def n_first_weights(spec: RunSpec, outcome: Outcome) -> float:
    """Return how many weights the first hidden layer has, without biases."""
    return float(outcome.arrays.weights["dense_1.weight"].size)


def _spec(
    model: str = "mlp", *, dataset: str = "digits", seed: int = 0, split: Mapping[str, Any] | None = None, **parameters
) -> RunSpec:
    """Return a spec whose curves show the test part, unless the ``split`` has a validation part."""
    return RunSpec(
        dataset=dataset,
        model=model,
        random_state=seed,
        split={"validation": "test", **(split or {})},
        parameters=parameters,
    )


def _phenomenon(
    name: str,
    topic: str,
    title: str,
    terms: str,
    watch: tuple[str, str],
    baseline: RunSpec,
    changes: Mapping[str, Any],
    effects: Sequence[Effect],
) -> Phenomenon:
    """Return a phenomenon whose variation is the baseline with ``changes`` of :meth:`RunSpec.with_changes`."""
    return Phenomenon(
        name=name,
        topic=topic,
        title=title,
        terms=terms,
        watch=watch,
        baseline=baseline,
        variation=baseline.with_changes(**changes),
        effects=tuple(effects),
    )


def _parameters(**parameters: Any) -> dict[str, Any]:
    return {"parameters": parameters}


_STEPS, _WEIGHTS, _FIT, _MODELS, _CHANCE = (
    "The steps of gradient descent",
    "Weights at the start",
    "Overfitting, and what helps",
    "What a model can express",
    "Chance",
)
_LEARNED = (0.88, 1.0)
_SMALL = {"hidden_units": (32, 16), "epochs": 30, "batch_size": 32}
_RATE = _spec(**_SMALL, activation="tanh", learning_rate=0.3)
_BATCHES = _spec(**{**_SMALL, "epochs": 40}, learning_rate=0.05)
_BIAS = _spec(hidden_units=(64,), epochs=20, batch_size=32, learning_rate=0.1, initialization="he", initial_bias=0.0)
_HELD_OUT = {"validation": "cut", "validation_size": 0.25, "max_train": 700}
_LONG = _spec(
    split=_HELD_OUT, hidden_units=(64, 64, 64), optimizer="adam", learning_rate=0.005, epochs=100, batch_size=32
)
_WIDE = _spec(
    split={"max_train": 700},
    hidden_units=(256, 128),
    optimizer="adam",
    learning_rate=0.002,
    epochs=80,
    batch_size=64,
)
_FEW = _spec(
    split={"max_train": 150}, hidden_units=(64,), optimizer="adam", learning_rate=0.01, epochs=30, batch_size=32
)
_STEADY = {"epochs": 60, "batch_size": 32, "learning_rate": 0.3}
_TRAINED = {"optimizer": "adam", "learning_rate": 0.005, "epochs": 14, "batch_size": 32}
_IMAGES = {"hidden_units": (64,), "optimizer": "adam", "learning_rate": 0.003, "epochs": 20, "batch_size": 32}

_ALL = (
    _phenomenon(
        "rate-too-high",
        _STEPS,
        "Learning rate too high",
        explain("learning rate", "loss", "epoch"),
        (
            "With ten times the rate each step jumps over the minimum: the loss climbs far above the 2.3 of guessing.",
            "The accuracy stays near 10 %, and more epochs do not help.",
        ),
        _RATE,
        _parameters(learning_rate=3.0),
        [
            # 0.0147 to 0.0254 against 16.4 to 20.4.
            Effect(label="Training loss", figure=train_loss, baseline=(0, 0.3), variation=(6, inf)),
            # 0.962 to 0.978 against 0.0822 to 0.116.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=_LEARNED, variation=(0, 0.3)),
        ],
    ),
    _phenomenon(
        "rate-too-low",
        _STEPS,
        "Learning rate too low",
        explain("learning rate", "loss", "epoch"),
        (
            "With a three-hundredth of the rate the loss falls so slowly that thirty epochs hardly change it.",
            "Nothing is wrong with the model: the curve still points down, so train longer or raise the rate.",
        ),
        _RATE,
        _parameters(learning_rate=0.001),
        [
            # 0.0147 to 0.0254 against 2.25 to 2.29.
            Effect(label="Training loss", figure=train_loss, baseline=(0, 0.3), variation=(1.8, 2.35)),
            # 0.962 to 0.978 against 0.0822 to 0.278.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=_LEARNED, variation=(0, 0.7)),
        ],
    ),
    _phenomenon(
        "full-batch",
        _STEPS,
        "Full batch against mini-batches",
        explain("batch size", "epoch", "loss"),
        (
            "Both see every image forty times, but the full batch makes one step per epoch and mini-batches of 32 make "
            "43.",
            "Watch how little forty steps change: the full batch's loss hardly leaves 2.3.",
        ),
        _BATCHES,
        _parameters(batch_size=None),
        [
            # 0.0894 to 0.137 against 2.28 to 2.31.
            Effect(label="Training loss", figure=train_loss, baseline=(0, 0.3), variation=(2.0, 2.35)),
            # 0.802 to 0.956 against 0.0822 to 0.182.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0.7, 1), variation=(0, 0.6)),
        ],
    ),
    _phenomenon(
        "momentum",
        _STEPS,
        "Momentum",
        explain("momentum", "learning rate", "loss"),
        (
            "At a rate of 0.01 plain gradient descent is still on its way after thirty epochs.",
            "With momentum 0.9 steps in the same direction add up, and the loss falls many times faster.",
        ),
        _spec(**_SMALL, learning_rate=0.01),
        _parameters(momentum=0.9),
        [
            # 1.45 to 2.14 against 0.0549 to 0.114.
            Effect(label="Training loss", figure=train_loss, baseline=(1.0, 2.35), variation=(0, 0.3)),
            # 0.360 to 0.596 against 0.920 to 0.962.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0, 0.8), variation=_LEARNED),
        ],
    ),
    _phenomenon(
        "large-initialisation",
        _WEIGHTS,
        "Initial weights too large",
        explain("scale of the initial weights", "loss"),
        (
            "With initial weights twenty times as large the first epoch's loss is far above the 2.3 of guessing.",
            "The first steps are so violent that they break the network, and it hardly recovers.",
        ),
        _BATCHES,
        _parameters(weight_scale=20.0),
        [
            # 2.29 to 2.32 against 19.2 to 42.
            Effect(label="First training loss", figure=first_train_loss, baseline=(0, 2.35), variation=(6, inf)),
            # 0.802 to 0.956 against 0.0822 to 0.444.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0.7, 1), variation=(0, 0.6)),
        ],
    ),
    _phenomenon(
        "dead-relus",
        _WEIGHTS,
        "Dead ReLUs",
        explain("ReLU", "dead unit", "gradient", "initial bias"),
        (
            "With an initial bias of −3 every ReLU gives zero for every image, so no gradient flows back: the loss "
            "stays at 2.30.",
            "On Weights, the layer tables show that all hidden units are dead, and its weight images stay noise.",
        ),
        _BIAS,
        _parameters(initial_bias=-3.0),
        [
            # 0.0469 to 0.141 against 1.000.
            Effect(label="Share of dead units", figure=dead_share, baseline=(0, 0.4), variation=(0.95, 1)),
            # 0.909 to 0.964 against 0.0822 to 0.0956.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=_LEARNED, variation=(0, 0.3)),
        ],
    ),
    _phenomenon(
        "overfitting",
        _FIT,
        "Overfitting on 700 images",
        explain("overfitting", "validation part", "loss"),
        (
            "From 15 to 100 epochs the training loss goes to zero, but the validation loss turns and rises: the "
            "network gets surer of its mistakes.",
            "All 700 training images are right, and about one in twenty of the others is wrong.",
        ),
        _LONG.with_changes(**_parameters(epochs=15)),
        _parameters(epochs=100),
        [
            # 1.09 to 1.61 against 1.23 to 1.58.
            Effect(label="Rise of the validation loss", figure=validation_rise, baseline=(1, 2), variation=(1.12, inf)),
            # 0.0146 to 0.0555 against 5e-05 to 9e-05.
            Effect(label="Training loss", figure=train_loss, baseline=(0.004, 0.3), variation=(0, 0.002)),
            # 0.976 to 1.000 against 1.000.
            Effect(label="Training accuracy", figure=train_accuracy, baseline=(0.9, 1), variation=(0.999, 1)),
            # 0.927 to 0.964 against 0.942 to 0.967.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0.85, 0.985), variation=(0.9, 0.985)),
        ],
    ),
    _phenomenon(
        "early-stopping",
        _FIT,
        "Early stopping",
        explain("early stopping", "validation part", "overfitting"),
        (
            "The training ends as soon as the validation accuracy has not improved for 10 epochs, after a fraction of "
            "the baseline's 100.",
            "The weights of the best epoch are kept, and the test accuracy is about the same.",
        ),
        _LONG,
        _parameters(patience=10),
        [
            # 100 against 18 to 42.
            Effect(label="Epochs", figure=n_epochs, baseline=(100, 100), variation=(11, 70)),
            # 0.942 to 0.967 against 0.938 to 0.964.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0.92, 1), variation=(0.92, 1)),
        ],
    ),
    _phenomenon(
        "dropout",
        _FIT,
        "Dropout against overfitting",
        explain("dropout", "overfitting", "gap"),
        (
            "With six in ten hidden units left out at random the training loss falls more slowly and stays higher.",
            "The test loss ends lower than without dropout: the gap between the two curves has shrunk.",
        ),
        _WIDE,
        _parameters(dropout=0.6),
        [
            # 0.111 to 0.136 against 0.0864 to 0.0966.
            Effect(label="Validation loss", figure=last_validation_loss, baseline=(0.104, 0.3), variation=(0, 0.104)),
            # 0.110 to 0.134 against 0.0273 to 0.0512.
            Effect(label="Gap of the losses", figure=loss_gap, baseline=(0.09, 0.3), variation=(0, 0.07)),
        ],
    ),
    _phenomenon(
        "more-data",
        _FIT,
        "More data against overfitting",
        explain("overfitting", "gap", "fewer training images"),
        (
            "With 150 images the network learns all of them, and its test loss stays far above its training loss.",
            "With all 1,347 images the same network gets several points more of the test images right.",
        ),
        _FEW,
        {"split": {"max_train": None}},
        [
            # 1.000 against 0.998 to 1.000.
            Effect(label="Training accuracy", figure=train_accuracy, baseline=(0.99, 1), variation=(0.98, 1)),
            # 0.876 to 0.902 against 0.969 to 0.976.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0, 0.945), variation=(0.955, 1)),
        ],
    ),
    Phenomenon(
        name="linear-model",
        topic=_MODELS,
        title="The limits of a linear model",
        terms=explain("softmax", "weight image", "hidden layers"),
        watch=(
            "Softmax regression has ten weight images, one template per class, so it never gets all training images "
            "right.",
            "The baseline's hidden layer combines 64 smaller patterns, and its training loss goes on to zero.",
        ),
        baseline=_spec(**_STEADY, hidden_units=(64,), activation="tanh"),
        variation=_spec("softmax", **_STEADY),
        effects=(
            # 0.990 to 1.000 against 0.983 to 0.987.
            Effect(label="Training accuracy", figure=train_accuracy, baseline=(0.988, 1), variation=(0.9, 0.9875)),
            # 0.0113 to 0.0121 against 0.0931 to 0.0961.
            Effect(label="Training loss", figure=train_loss, baseline=(0, 0.03), variation=(0.06, 0.3)),
        ),
    ),
    Phenomenon(
        name="cnn-on-shifted-images",
        topic=_MODELS,
        title="CNN against MLP on shifted images",
        terms=explain("convolution filters", "robustness"),
        watch=(
            "On the test images as they are, the two are close; on Mistakes, Robustness shows what is left when the "
            "images are shifted.",
            "The CNN keeps more of its accuracy, because its filters find a stroke wherever it is.",
        ),
        baseline=_spec(**_TRAINED, hidden_units=(64,)),
        variation=_spec("cnn", **_TRAINED, channels=(12, 20), padding="same", hidden_units=(), dropout=0.25),
        effects=(
            # 0.958 to 0.976 against 0.969 to 0.987.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0.94, 1), variation=(0.95, 1)),
            # 0.383 to 0.402 against 0.463 to 0.577.
            Effect(label="Shifted", figure=shifted_accuracy, baseline=(0, 0.43), variation=(0.44, 1)),
        ),
    ),
    Phenomenon(
        name="8x8-against-28x28",
        topic=_MODELS,
        title="8×8 against 28×28 pixels",
        terms=explain("pixel", "weight image"),
        watch=(
            "The same network with as many images: 28×28 pixels give its first layer twelve times the weights, and "
            "those at the border of the images stay noise.",
            "It learns its training images as well, but fewer of the test images are right.",
        ),
        baseline=_spec(**_IMAGES),
        variation=_spec(dataset="mnist", split={"max_images": DATASETS["digits"].n_images}, **_IMAGES),
        effects=(
            # 0.993 to 0.996 against 1.000.
            Effect(label="Training accuracy", figure=train_accuracy, baseline=(0.98, 1), variation=(0.98, 1)),
            # 0.967 to 0.973 against 0.876 to 0.887.
            Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0.95, 1), variation=(0.8, 0.94)),
            Effect(label="Weights", figure=n_first_weights, baseline=(4096, 4096), variation=(50176, 50176)),
        ),
    ),
    _phenomenon(
        "another-seed",
        _CHANCE,
        "Another seed: what is noise",
        explain("seed", "accuracy"),
        (
            "Only the seed differs, so the weights start elsewhere and the images come in another order: the curves "
            "are close, but not the same.",
            "The test accuracy differs by chance alone; the same seed again would give the same curves, bit for bit.",
        ),
        _spec(hidden_units=(64,), epochs=30, batch_size=32, learning_rate=0.1),
        {"random_state": 1},
        # 0.956 to 0.967 against 0.956 to 0.967.
        [Effect(label="Test accuracy", figure=held_out_accuracy, baseline=(0.94, 0.98), variation=(0.94, 0.98))],
    ),
)
PHENOMENA: Mapping[str, Phenomenon] = MappingProxyType({phenomenon.name: phenomenon for phenomenon in _ALL})
