import math
import statistics

import numpy as np
import pandas as pd
import pytest

from digitcore.experiments import Axis, CrossValidation, Experiment, LearningCurve, Range, Sweep, run_plan
from digitcore.experiments.summary import (
    CHOSEN_BY_TEST,
    CHOSEN_BY_TRAIN,
    DIFFERENT_DATA,
    DIFFERENT_PARTS,
    point_words,
    sweep_warnings,
)
from digitcore.experiments.tables import (
    axis_scale,
    best_spec,
    fold_curves_table,
    fold_means_table,
    gap_table,
    heat_table,
    importance_table,
    in_percent,
    labelled,
    learning_curve_table,
    line_table,
    members_table,
    parallel_table,
    part_predictions,
    part_scores_table,
    part_summary_table,
    points_table,
    spread,
)
from digitcore.models import Epoch
from digitcore.runs import Run, RunSpec, train_spec
from digitcore.runs.run import Evaluation
from digitcore.runs.training import split_for
from tests.experiments.figures import figures

SPEC = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 4})


def run_of(spec, *, accuracy=0.5, part="test", state="done", epochs=(), n_train=100):
    parts = {"train": figures(1.0, n_train, loss=0.1), part: figures(accuracy)}
    return Run(spec, state, epochs=epochs, evaluation=Evaluation(parts, n_epochs=4), seconds=2.0)


def sweep_of(scores, **values):
    """An experiment whose members have these scores, in order; None for one that has not begun."""
    plan = Sweep(SPEC, tuple(Axis.of(name, given) for name, given in values.items()))
    pairs = zip(plan.members, scores, strict=True)
    runs = {m.digest: run_of(m.spec, accuracy=score) for m, score in pairs if score is not None}
    return Experiment(plan, "done", runs=runs)


def test_spread_is_the_sample_standard_deviation():
    found = spread([0.1, 0.4, math.nan, 0.7])
    assert found["mean"] == pytest.approx(0.4)
    assert found["sd"] == pytest.approx(statistics.stdev([0.1, 0.4, 0.7]))
    assert (found["low"], found["high"]) == (pytest.approx(0.1), pytest.approx(0.7))
    assert found["n"] == 3


def test_one_value_has_no_spread_and_none_has_no_mean():
    assert math.isnan(spread([0.5])["sd"])
    assert math.isnan(spread([])["mean"]) and spread([])["n"] == 0


def test_a_member_that_has_not_begun_waits():
    table = members_table(sweep_of([0.7, None], learning_rate=[0.1, 0.01]))
    assert list(table["state"]) == ["done", "waiting"]
    assert table["score"][0] == 0.7
    assert math.isnan(table["score"][1])


def test_none_and_numbers_stay_what_they_are():
    table = members_table(sweep_of([0.7, 0.8], batch_size=[16, None]))
    assert list(table["batch_size"]) == [16, None]
    assert isinstance(table["batch_size"][0], int)
    assert list(labelled(table, ["batch_size"])["batch_size"]) == ["16", "full batch"]


def test_an_impossible_member_has_its_reason():
    plan = Sweep(RunSpec(dataset="digits", model="cnn"), (Axis.of("kernel_size", [3, 15]),))
    table = members_table(Experiment(plan, "done"))
    assert table["state"][1] == "failed"
    assert "15" in table["reason"][1]


def test_fold_curves_are_means_over_the_folds_that_reached_an_epoch():
    lines = [[0.5, 0.7], [0.7, 0.8], [0.9]]
    runs = [
        run_of(SPEC, epochs=tuple(Epoch(n, 1.0, a, 2.0, a / 2, 0.1) for n, a in enumerate(line, 1))) for line in lines
    ]
    table = fold_curves_table(runs, "accuracy").set_index(["part", "epoch"])
    assert table.loc[("train", 1), "mean"] == pytest.approx(0.7)
    assert table.loc[("train", 1), "sd"] == pytest.approx(0.2)
    assert table.loc[("train", 2), "mean"] == pytest.approx(0.75)
    assert table.loc[("train", 2), "n"] == 2
    assert table.loc[("validation", 2), "mean"] == pytest.approx(0.375)


def test_fold_curves_without_validation_or_runs():
    alone = [run_of(SPEC, epochs=(Epoch(1, 1.0, 0.5, None, None, 0.1),))]
    assert set(fold_curves_table(alone, "loss")["part"]) == {"train"}
    assert len(fold_curves_table([], "loss")) == 0


def test_folds_pool_every_training_image_once():
    plan = CrossValidation(SPEC, 3)
    pairs = [part_predictions(run_of(m.spec), train_spec(m.spec).arrays) for m in plan.members]
    truth, prediction = (np.concatenate(each) for each in zip(*pairs, strict=True))
    whole = split_for(SPEC).train
    np.testing.assert_array_equal(np.bincount(truth), np.bincount(whole.labels))
    accuracies = members_table(run_plan(plan))["validation_accuracy"]
    sizes = [len(each[0]) for each in pairs]
    assert np.mean(truth == prediction) == pytest.approx(np.average(accuracies.astype(float), weights=sizes))


def test_part_tables_leave_out_parts_that_are_not_there():
    members = members_table(run_plan(CrossValidation(SPEC.with_changes(split={"test_size": 0}), 3)))
    assert list(part_summary_table(members)["part"]) == ["train", "validation"]
    scores = part_scores_table(members, "fold")
    assert list(scores["member"].unique()) == ["fold 1", "fold 2", "fold 3"]
    assert len(scores) == 6


def test_the_interval_of_the_mean_over_folds_counts_the_images_they_share():
    # Mean 0.92, sd 0.02; the standard error is 0.02 · √(1/3 + 1/2), and t is 4.302653 with 2 degrees of freedom.
    accuracies = [0.9, 0.92, 0.94]
    members = pd.DataFrame({f"{part}_accuracy": accuracies for part in ("train", "validation", "test")})
    table = fold_means_table(members, 3).set_index("part")
    half = 4.302653 * 0.02 * np.sqrt(5 / 6)
    assert table.loc["validation", ["mean_low", "mean_high"]].tolist() == pytest.approx([0.92 - half, 0.92 + half])
    assert table.loc["train", ["mean_low", "mean_high"]].isna().all()


@pytest.mark.parametrize("accuracies", [[0.9], [0.9, 0.9, 0.9], [0.9, np.nan, np.nan]])
def test_without_a_spread_over_folds_there_is_no_interval_of_the_mean(accuracies):
    members = pd.DataFrame({f"{part}_accuracy": accuracies for part in ("train", "validation", "test")})
    assert fold_means_table(members, 3)["mean_low"].isna().all()


def test_points_are_averaged_over_their_seeds_and_the_best_is_marked():
    plan = Sweep(SPEC, (Axis.of("learning_rate", [0.1, 0.01]),), n_seeds=2)
    pairs = zip(plan.members, [0.6, 0.8, 0.9, 0.7], strict=True)
    experiment = Experiment(plan, "done", runs={m.digest: run_of(m.spec, accuracy=score) for m, score in pairs})
    points = points_table(members_table(experiment), ["learning_rate"])
    assert list(points["mean"]) == pytest.approx([0.7, 0.8])
    assert list(points["best"]) == [False, True]
    assert list(points["n"]) == [2, 2]
    assert best_spec(experiment).parameters["learning_rate"] == 0.01


def test_without_scores_nothing_is_best():
    experiment = sweep_of([None, None], learning_rate=[0.1, 0.01])
    assert not points_table(members_table(experiment), ["learning_rate"])["best"].any()
    assert best_spec(experiment) is None


def test_halving_compares_only_who_went_furthest():
    plan = Sweep(SPEC.with_changes(parameters={"epochs": 9}), (Axis.of("learning_rate", [1.0, 0.3, 0.1]),), factor=3)
    experiment = run_plan(plan)
    points = points_table(members_table(experiment), ["learning_rate"])
    reached = members_table(experiment)["epochs_trained"]
    assert sorted(reached) == [3, 3, 9]
    assert points.index[points["best"]].item() == reached.idxmax()
    assert best_spec(experiment).parameters["epochs"] == 9


def test_what_decides_the_score_is_important():
    rates, seeds = Range(0.1, 1, 6).grid(), [0, 1, 2, 3]
    experiment = sweep_of([rate for rate in rates for _ in seeds], learning_rate=rates, split_seed=seeds)
    names = ["learning_rate", "split_seed"]
    table = importance_table(points_table(members_table(experiment), names), names)
    assert list(table["name"]) == names
    assert table["importance"][0] > 0.95
    assert 0.95 < table["importance"].sum() <= 1


def test_of_pure_noise_nothing_is_important():
    drawn = np.random.default_rng(0)
    for seed in range(3):
        values = {"learning_rate": drawn.uniform(0.01, 1, 24), "split_seed": np.arange(24)}
        points = pd.DataFrame({**values, "mean": drawn.normal(0.9, 0.01, 24)})
        assert importance_table(points, list(values), seed)["importance"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.3], [0.5] * 9])
def test_importance_is_undefined_for_few_points_or_equal_scores(scores):
    experiment = sweep_of(scores, seed=list(range(len(scores))))
    table = importance_table(points_table(members_table(experiment), ["seed"]), ["seed"])
    assert table["importance"].isna().all()


def test_importance_takes_words_and_none():
    values = {"optimizer": ["sgd", "adam"], "batch_size": [8, 16, 32, 64, None]}
    scores = [0.2] * 5 + [0.9] * 5
    experiment = sweep_of(scores, **values)
    table = importance_table(points_table(members_table(experiment), list(values)), list(values))
    assert table["importance"][0] > 0.9


def test_the_gap_is_training_less_held_out():
    plan = LearningCurve(SPEC, (100, 400), n_repeats=2)
    scores = dict(zip([m.digest for m in plan.members], [0.5, 0.7, 0.9, 0.9], strict=True))
    runs = {m.digest: run_of(m.spec, accuracy=scores[m.digest], n_train=m.values["n_train"]) for m in plan.members}
    curve = learning_curve_table(members_table(Experiment(plan, "done", runs=runs)))
    assert list(curve["part"]) == ["train", "train", "test", "test"]
    assert list(curve["mean"]) == pytest.approx([1, 1, 0.6, 0.9])
    gap = gap_table(curve)
    assert list(gap["n_train"]) == [100, 400]
    assert list(gap["gap"]) == pytest.approx([0.4, 0.1])


def test_a_learning_curve_that_has_not_begun_is_empty():
    curve = learning_curve_table(members_table(Experiment(LearningCurve(SPEC, (10,)), "running")))
    assert len(curve) == 0
    assert len(gap_table(curve)) == 0


@pytest.mark.parametrize(
    ("name", "given", "scale"),
    [
        ("learning_rate", [0.1, 1], "linear"),
        ("learning_rate", [0.01, 1], "log"),
        ("learning_rate", Range(0.1, 100, 3), "linear"),
        ("dropout", [0, 0.5], "linear"),
        ("batch_size", [16, None], "nominal"),
        ("optimizer", ["sgd"], "nominal"),
        ("hidden_units", ["8"], "nominal"),
    ],
)
def test_only_numbers_have_a_scale(name, given, scale):
    assert axis_scale(Axis.of(name, given)) == scale


def test_points_of_one_axis_are_numbers_or_words():
    numbers = sweep_of([0.7, 0.8], learning_rate=[0.1, 0.01])
    table = line_table(points_table(members_table(numbers), ["learning_rate"]), numbers.plan.axes[0])
    assert list(table["value"]) == [0.1, 0.01]
    assert table["value"].dtype == float
    words = sweep_of([0.7, 0.8], batch_size=[16, None])
    table = line_table(points_table(members_table(words), ["batch_size"]), words.plan.axes[0])
    assert list(table["value"]) == ["16", "full batch"]


def test_parallel_lines_take_numbers_and_words():
    experiment = sweep_of([0.1, 0.2], learning_rate=[0.1, 0.01], batch_size=[None])
    names = [axis.name for axis in experiment.plan.axes]
    table = parallel_table(points_table(members_table(experiment), names), experiment.plan.axes)
    assert table["learning_rate"].dtype == float
    assert list(table["batch_size"]) == ["full batch"] * 2
    assert list(table["score"]) == [0.1, 0.2]


def test_per_cent_are_for_the_named_columns_only():
    table = in_percent(pd.DataFrame({"mean": [0.5], "n": [3]}), ["mean"])
    assert table.iloc[0].to_dict() == {"mean": 50, "n": 3}


def test_a_grid_of_two_axes_has_a_cell_a_point():
    experiment = sweep_of([0.1, 0.2, 0.3, 0.4], learning_rate=[0.1, 0.01], optimizer=["sgd", "adam"])
    names = [axis.name for axis in experiment.plan.axes]
    table = heat_table(points_table(members_table(experiment), names), *experiment.plan.axes)
    cells = dict(zip(zip(table["x"], table["y"], strict=True), table["mean"], strict=True))
    assert cells == {("0.1", "SGD"): 0.1, ("0.1", "Adam"): 0.2, ("0.01", "SGD"): 0.3, ("0.01", "Adam"): 0.4}


def test_tables_do_not_change_what_they_are_given():
    members = members_table(sweep_of([0.7, 0.8], learning_rate=[0.1, 0.01]))
    before = members.copy()
    points_table(members, ["learning_rate"])
    labelled(members, ["learning_rate"])
    pd.testing.assert_frame_equal(members, before)


def test_early_stopping_makes_no_point_better():
    spec = SPEC.with_changes(parameters={"epochs": 60, "patience": 2}, split={"validation": "cut"})
    experiment = run_plan(Sweep(spec, (Axis.of("learning_rate", [1e-5, 1e-3, 1.0]),)))
    table = members_table(experiment)
    assert table["epochs_trained"].nunique() > 1
    assert best_spec(experiment).parameters["learning_rate"] == table["learning_rate"][table["score"].idxmax()]


def test_the_epochs_themselves_can_be_varied():
    spec = SPEC.with_changes(parameters={"patience": 1})
    experiment = run_plan(Sweep(spec, (Axis.of("epochs", [1, 2, 30]),)))
    points = points_table(members_table(experiment), ["epochs"])
    assert list(points["epochs"]) == [1, 2, 30]
    assert best_spec(experiment).parameters["epochs"] == points["epochs"][points["best"]].item()


def test_training_accuracies_never_beat_validation():
    axes = (Axis.of("validation", ["none", "cut"]), Axis.of("test_size", [0.0]))
    experiment = run_plan(Sweep(SPEC.with_changes(parameters={"epochs": 60}), axes))
    table = members_table(experiment)
    assert list(table["score_part"]) == ["train", "validation"]
    assert table["score"][0] > table["score"][1]
    assert best_spec(experiment).split.validation == "cut"


def test_warnings_name_what_the_points_were_compared_by():
    def warnings(axes, **split):
        experiment = run_plan(Sweep(SPEC.with_changes(split=split), axes))
        return sweep_warnings(experiment.plan, members_table(experiment))

    rates = (Axis.of("learning_rate", [0.1]),)
    assert warnings(rates, validation="cut") == []
    assert warnings(rates) == [CHOSEN_BY_TEST]
    assert warnings(rates, test_size=0) == [CHOSEN_BY_TRAIN]
    assert warnings((Axis.of("test_size", [0.0, 0.5]),)) == [DIFFERENT_PARTS, CHOSEN_BY_TEST]
    assert warnings((Axis.of("dataset", ["digits"]),), validation="cut") == [DIFFERENT_DATA]


def test_long_curves_are_thinned_with_both_ends_kept():
    epochs = tuple(Epoch(n, 1.0 / n, 0.5, None, None, 0.1) for n in range(1, 1002))
    table = fold_curves_table([run_of(SPEC, epochs=epochs)], "loss")
    assert len(table) == 200
    assert (table["epoch"].iloc[0], table["epoch"].iloc[-1]) == (1, 1001)
    assert table["mean"].iloc[-1] == pytest.approx(1 / 1001)


def test_a_setting_that_the_base_model_lacks_is_labelled_like_any_other():
    axes = (Axis.of("model", ["mlp"]), Axis.of("hidden_units", ["16-8"]))
    experiment = run_plan(Sweep(SPEC, axes))
    points = points_table(members_table(experiment), ["model", "hidden_units"])
    words = point_words(points.iloc[0], ["model", "hidden_units"])
    assert words == "Model Neural network (MLP), Hidden layers 16-8"
