"""What early stopping by the fold that is scored does to a cross-validation."""

import numpy as np
import pytest

from digitcore.experiments import CrossValidation
from digitcore.experiments.epoch_choice import EpochChoice, early_ends_text, epoch_choice, epoch_choice_warning
from digitcore.models import Epoch
from digitcore.runs import Run, RunSpec
from digitcore.runs.run import Evaluation
from digitcore.runs.training import split_for, train_spec
from tests.experiments.figures import figures

SPEC = RunSpec(dataset="digits", model="softmax", split={"validation": "fold"}, parameters={"patience": 2})


def fold(*accuracies, spec=SPEC):
    epochs = tuple(Epoch(i, 1.0, 1.0, 1.0, accuracy, 0.1) for i, accuracy in enumerate(accuracies, 1))
    return Run(spec, "done", epochs=epochs, evaluation=Evaluation({"validation": figures(max(accuracies))}))


def test_the_epoch_of_each_fold_is_chosen_by_the_others():
    # The others choose epoch 2 for the first and the second, and epoch 1 for the third; the second ended after two.
    choice = epoch_choice([fold(0.5, 0.8, 0.6), fold(0.7, 0.9), fold(0.8, 0.7, 0.1)])
    assert choice == EpochChoice(pytest.approx((0.8 + 0.9 + 0.8) / 3), pytest.approx((0.8 + 0.9 + 0.7) / 3))


def test_choosing_by_itself_is_too_favourable_on_noise(rng):
    runs = [fold(*(0.9 + rng.normal(0, 0.03, 100)).clip(0, 1)) for _ in range(5)]
    choice = epoch_choice(runs)
    assert choice.by_itself - choice.by_others > 0.05
    words = epoch_choice_warning(runs)
    assert f"{100 * choice.by_others:.2f} %" in words
    assert f"{100 * (choice.by_itself - choice.by_others):.1f} points less" in words


def test_where_nothing_was_chosen_by_the_fold_there_is_no_warning():
    never = SPEC.with_changes(parameters={"patience": None})
    nested = SPEC.with_changes(split={"stopping_size": 0.2})
    for spec in (never, nested):
        assert epoch_choice_warning([fold(0.5, 0.6, spec=spec), fold(0.6, 0.5, spec=spec)]) == ""
    assert epoch_choice_warning([fold(0.5, 0.6)]) == ""


def test_a_nested_fold_is_scored_on_images_that_chose_nothing():
    spec = RunSpec(
        dataset="digits",
        model="softmax",
        split={"test_size": 0.5, "max_images": 200},
        parameters={"epochs": 30, "patience": 5, "learning_rate": 0.02},
    )
    member = CrossValidation(spec, 4, nested=True).members[0]
    outcome, divided = train_spec(member.spec), split_for(member.spec)
    assert outcome.evaluation.parts["validation"].n_images == divided.validation.n_images == 25
    watched = [epoch.validation_accuracy for epoch in outcome.epochs]
    # Fifteen images were watched, a fifth of the other 75: no accuracy of 25 images looks like these.
    assert np.array(watched) * 15 == pytest.approx(np.round(np.array(watched) * 15))
    assert outcome.evaluation.best_epoch == 1 + int(np.argmax(watched))


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((4, 4, 4), ""),
        (
            (3, 4, 4),
            "One training ended early, after 3 epochs: from epoch 3 on the lines are means of those that went on",
        ),
        ((3, 4, 3), "2 of 3 trainings ended early, after 3 epochs: from epoch 3 on"),
        ((3, 4, 2), "2 of 3 trainings ended early, after 2 to 3 epochs: from epoch 2 on"),
        ((3, 3, 2), "All 3 trainings ended early, after 2 to 3 epochs: from epoch 2 on"),
        ((3, 3, 3), "All 3 trainings ended early, after 3 epochs."),
    ],
)
def test_all_trainings_that_ended_early_are_counted(ends, words):
    spec = SPEC.with_changes(parameters={"epochs": 4})
    text = early_ends_text([fold(*[0.5] * n, spec=spec) for n in ends])
    assert text.startswith(words) and (text == words) is (words == "" or words.endswith("."))
