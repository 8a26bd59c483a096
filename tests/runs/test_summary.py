import pytest

from digitcore.evaluation import evaluate_part
from digitcore.models import Epoch
from digitcore.runs import Run, RunSpec
from digitcore.runs.progress import expected_time, progress_of
from digitcore.runs.run import Evaluation
from digitcore.runs.summary import (
    NEVER_LEARNED,
    TEST_CHOSE_EPOCH,
    TRAIN_CHOSE_EPOCH,
    VALIDATION_IS_ALL,
    comparison_text,
    distinct_labels,
    end_text,
    held_out_name,
    learning_rates_of,
    run_labels,
    verdict_of,
    warnings_of,
)
from digitcore.specs.recipes import RECIPES
from digitcore.wording import duration_text


def part(n_right, n):
    import numpy as np

    truth = np.zeros(n, dtype=int)
    probabilities = np.zeros((n, 2))
    probabilities[np.arange(n), (np.arange(n) >= n_right).astype(int)] = 1
    return evaluate_part(truth, probabilities)


def run(parts, epochs=10, accuracies=(), state="done", missing=None, **spec):
    described = RunSpec(**{"dataset": "digits", "model": "mlp", "parameters": {"epochs": epochs}, **spec})
    shown = tuple(Epoch(i, 1.0, a, None, None, 0.5) for i, a in enumerate(accuracies, 1))
    evaluation = Evaluation(parts, best_epoch=1, n_epochs=len(shown), missing_classes=missing or {})
    return Run(described, state, epochs=shown, evaluation=evaluation, seconds=sum(e.seconds for e in shown))


@pytest.mark.parametrize(
    ("train", "test", "kind"),
    [
        ((990, 1000), (985, 1000), "fits well"),
        ((1000, 1000), (900, 1000), "overfits"),
        ((800, 1000), (795, 1000), "underfits"),
    ],
)
def test_the_verdict_follows_from_the_figures(train, test, kind):
    assert verdict_of(run({"train": part(*train), "test": part(*test)})).kind == kind


def test_a_run_that_still_rises_is_said_to():
    rising = run({"train": part(900, 1000), "test": part(890, 1000)}, accuracies=[i / 20 for i in range(1, 11)])
    assert verdict_of(rising).kind == "still improving"
    assert "was still rising" in verdict_of(rising).explanation
    assert warnings_of(rising) == []


def test_a_run_stopped_early_is_not_said_to_rise():
    stopped = run({"train": part(9, 10)}, epochs=50, accuracies=[i / 20 for i in range(1, 11)])
    assert warnings_of(stopped) == []


@pytest.mark.parametrize(
    ("state", "parts", "words"),
    [
        ("done", {"train": part(10, 10), "test": part(9, 10)}, "The training has ended: test accuracy 90.00 %."),
        ("cancelled", {"train": part(1, 2)}, "The training was stopped: train accuracy 50.00 %."),
        ("cancelled", {}, "The training was stopped."),
        ("failed", {}, "The training has failed."),
    ],
)
def test_the_end_is_told_with_the_accuracy_that_tells_most(state, parts, words):
    assert end_text(run(parts, state=state)) == words


@pytest.mark.parametrize(
    ("split", "parts", "warning"),
    [
        ({"validation": "test"}, ("train", "test"), TEST_CHOSE_EPOCH),
        ({"validation": "none"}, ("train", "test"), TRAIN_CHOSE_EPOCH),
        ({"validation": "cut", "test_size": 0.0}, ("train", "validation"), VALIDATION_IS_ALL),
    ],
)
def test_early_stopping_says_what_chose_the_epoch(split, parts, warning):
    stopped = run({name: part(9, 10) for name in parts}, split=split, parameters={"patience": 3})
    assert warnings_of(stopped) == [warning]


def test_a_clean_early_stopping_has_no_warning():
    clean = run(
        {name: part(9, 10) for name in ("train", "validation", "test")},
        split={"validation": "cut"},
        parameters={"patience": 3},
    )
    assert warnings_of(clean) == []


def test_a_missing_class_is_named():
    lacking = run({"train": part(9, 10)}, missing={"train": ["3", "7"], "test": []})
    assert warnings_of(lacking) == ["The train part has no image of classes 3, 7." + NEVER_LEARNED["train"]]


@pytest.mark.parametrize(
    ("parts", "name"),
    [(("train", "validation", "test"), "test"), (("train", "validation"), "validation"), (("train",), None)],
)
def test_the_part_that_tells_most_is_the_test_part(parts, name):
    assert held_out_name(run({part_name: part(9, 10) for part_name in parts})) == name


def test_the_distance_to_the_published_figure_is_in_points():
    recipe = RECIPES["digits-mlp"]
    assert comparison_text(run({"test": part(957, 1000)}), recipe).endswith("here +1.00 points")


def test_an_own_recipes_figure_is_told_with_its_interval():
    recipe = RECIPES["digits-best"]
    text = comparison_text(run({"test": part(990, 1000)}), recipe)
    assert text.startswith(f"{100 * recipe.measured.low:.2f} to {100 * recipe.measured.high:.2f}, 10 splits; here ")


def test_a_label_says_what_and_how_well():
    (label,) = run_labels([run({"test": part(957, 1000)})]).values()
    assert label == "Digits 8×8, MLP, 10 epochs, 0 of 10 epochs, test 95.70 %"


def test_runs_that_differ_in_a_setting_have_different_labels():
    rates = [0.01 * n for n in range(1, 11)]
    runs = [run({"test": part(957, 1000)}, parameters={"epochs": 10, "learning_rate": rate}) for rate in rates]
    labels = run_labels(runs)
    for each, rate in zip(runs[1:], rates[1:], strict=True):
        assert f"rate {rate:.12g}" in labels[each.digest]
    assert len(set(labels.values())) == 10
    assert not any("(2)" in label for label in labels.values())


def test_progress_counts_epochs_and_time():
    progress = progress_of(run({}, epochs=10, accuracies=[0.1] * 4, state="running"))
    assert (progress.n_done, progress.n_epochs, progress.fraction) == (4, 10, 0.4)
    assert progress.seconds_left == pytest.approx(3.0)


def test_progress_before_the_first_epoch_knows_no_time():
    assert progress_of(run({}, state="running")).seconds_left is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.1 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_in_words(seconds, text):
    assert duration_text(seconds) == text


def test_twice_the_epochs_take_twice_the_time():
    once, twice = (expected_time(RunSpec(dataset="digits", model="mlp", parameters={"epochs": n})) for n in (10, 20))
    none = expected_time(RunSpec(dataset="digits", model="mlp", parameters={"epochs": 10}), n_done=10)
    assert twice.seconds - none.seconds == pytest.approx(2 * (once.seconds - none.seconds))
    assert once.n_runs == 0


def test_past_runs_correct_the_expected_time():
    past = run({"train": part(9, 10)}, epochs=10, accuracies=[0.5] * 10)
    expected = expected_time(past.spec, [past] * 3)
    assert expected.seconds == pytest.approx(5.0)
    assert expected.n_runs == 3


def test_runs_of_another_model_correct_nothing():
    past = run({"train": part(9, 10)}, epochs=10, accuracies=[0.5] * 10)
    assert expected_time(RunSpec(dataset="digits", model="softmax"), [past]).n_runs == 0


def test_equal_labels_are_told_apart_by_a_number():
    assert distinct_labels({"x": "A", "y": "B", "z": "A"}) == {"x": "A", "y": "B", "z": "A (2)"}


def test_a_run_with_a_constant_rate_has_no_table_of_rates():
    assert learning_rates_of(run({"train": part(9, 10)}, accuracies=[0.5, 0.6])) is None


@pytest.mark.parametrize(("state", "n_epochs"), [("done", 2), ("running", 4)])
def test_the_rates_of_a_run_are_those_of_its_batches_and_epochs(state, n_epochs):
    parameters = {"schedule": "step", "step_epochs": 1, "step_factor": 0.5, "epochs": 4, "batch_size": 4}
    table = learning_rates_of(run({"train": part(9, 10)}, accuracies=[0.5, 0.6], state=state, parameters=parameters))
    # Ten images are three batches of four.
    assert len(table) == 3 * n_epochs + 1
    assert table["learning_rate"].unique() == pytest.approx([0.01 * 0.5**epoch for epoch in range(n_epochs)])
