"""Models side by side: names, figures, settings and curves."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from digitcore.errors import InvalidSetting
from digitcore.evaluation import wilson_interval
from digitcore.evaluation.comparison import summarise_seeds
from digitcore.experiments.side_by_side import (
    CURVES,
    GOES_ON_FROM,
    available_curves,
    common_parts,
    curve_labels,
    figures_table,
    labelled_runs,
    missing_curves_text,
    model_curves_table,
    named_models,
    settings_table,
)
from digitcore.models import Epoch
from digitcore.runs import Run, RunSpec
from digitcore.runs.run import Evaluation
from digitcore.wording import MOST_LETTERS
from tests.runs.kept_runs import part_of


def run(seed=0, n_right=90, losses=(2.0, 1.0), seconds=1.0, loss_of_validation=None, **parameters):
    spec = RunSpec(dataset="digits", model="softmax", parameters=parameters, random_state=seed)
    epochs = tuple(Epoch(number, loss, 0.5, loss_of_validation, None, 0.25) for number, loss in enumerate(losses, 1))
    parts = {"train": part_of(95, 100), "test": part_of(n_right, 100)}
    return Run(spec, "done", epochs=epochs, evaluation=Evaluation(parts, 1, len(epochs)), seconds=seconds)


def with_loss(run, loss):
    return replace(run.evaluation, parts={"test": replace(run.figures["test"], loss=loss)})


SEEDS = [run(seed, n_right, losses, epochs=7) for seed, n_right, losses in ((0, 90, (2, 1)), (1, 94, (3, 2, 1)))]
ALONE = run(n_right=96, seconds=2.0, epochs=8, learning_rate=0.02)
MODELS = {"seeds": SEEDS, "alone": [ALONE]}


def test_runs_that_differ_in_the_seed_are_one_model_called_by_what_differs():
    models = named_models([*SEEDS, ALONE], {})
    assert list(models.values()) == [SEEDS, [ALONE]]
    seeds, alone = models
    assert "7 epochs" in seeds and "8 epochs" in alone
    assert not any("Digits" in name for name in models)


def test_a_model_has_the_name_that_a_visitor_gave_one_of_its_runs():
    names = {SEEDS[1].digest: "mine", ALONE.digest: "mine"}
    assert list(named_models([*SEEDS, ALONE], names)) == ["mine", "mine (2)"]
    assert len(next(iter(named_models([ALONE], {ALONE.digest: "n" * 10_000})))) == MOST_LETTERS


def test_without_runs_there_are_no_models():
    assert named_models([], {}) == {}


def test_a_run_of_several_seeds_is_labelled_with_its_seed():
    assert labelled_runs(MODELS) == {"seeds, seed 0": SEEDS[0], "seeds, seed 1": SEEDS[1], "alone": ALONE}


def test_the_figures_are_means_over_the_seeds_with_their_interval():
    seeds, alone = figures_table(MODELS).itertuples(index=False)
    summary = summarise_seeds([0.90, 0.94])
    assert (seeds.n_seeds, seeds.accuracy, seeds.sd) == (2, pytest.approx(0.92), pytest.approx(summary.sd))
    assert (seeds.low, seeds.high) == pytest.approx((summary.low, summary.high))
    assert (seeds.gap, seeds.epochs_trained) == (pytest.approx(0.03), 2.5)
    assert (alone.low, alone.high) == pytest.approx(wilson_interval(96, 100))
    assert math.isnan(alone.sd)


def test_the_best_is_named_figure_by_figure():
    assert figures_table(MODELS)["best"].tolist() == ["loss and time", "accuracy and loss"]
    assert figures_table({"alone": [ALONE]})["best"].tolist() == [""]


def test_a_part_that_is_missing_has_no_figures():
    table = figures_table(MODELS, "validation")
    assert table["accuracy"].isna().all() and table["loss"].isna().all()
    assert common_parts(MODELS) == ["test", "train"]


def test_only_the_settings_that_differ_are_shown_unless_all_are_wanted():
    table = settings_table(MODELS)
    assert table.loc["Epochs"].tolist() == ["7", "8"]
    assert table.loc["Learning rate"].tolist()[1] == "0.02"
    assert len(table) == 2
    assert len(settings_table(MODELS, every=True)) > 10
    assert settings_table({"one": [SEEDS[0]], "other": [SEEDS[1]]}).empty


def test_models_that_differ_in_their_parents_alone_show_what_they_go_on_from():
    parents = [RunSpec(dataset="digits", model="softmax", parameters={"epochs": 2, "learning_rate": r}) for r in (1, 2)]
    grown = [ALONE.spec.with_changes(parent=parent) for parent in parents]
    table = settings_table({"a": [Run(grown[0], "done")], "b": [Run(grown[1], "done")], "alone": [ALONE]})
    assert table.index.tolist() == [GOES_ON_FROM]
    a, b, alone = table.loc[GOES_ON_FROM]
    assert "rate 1" in a and "rate 2" in b and a.endswith(", epoch 2") and alone == ""
    assert settings_table({"a": [Run(grown[0], "done")], "c": [Run(grown[0], "done")]}).empty


def test_the_loss_of_several_seeds_has_the_interval_of_their_mean():
    seeds = [replace(each, evaluation=with_loss(each, loss)) for each, loss in zip(SEEDS, (0.2, 0.4), strict=True)]
    row = figures_table({"seeds": seeds, "alone": [ALONE]}).iloc[0]
    mean, error = 0.3, stats.sem([0.2, 0.4])
    low, high = stats.t.interval(0.95, 1, mean, error)
    assert low < 0 and row["loss_low"] == 0  # no loss is below zero
    assert row["loss_high"] == pytest.approx(high)
    assert figures_table({"alone": [ALONE]})[["loss_low", "loss_high"]].isna().all(axis=None)


def test_a_setting_that_a_model_does_not_have_is_empty():
    mlp = Run(RunSpec(dataset="digits", model="mlp"), "done")
    table = settings_table({"alone": [ALONE], "mlp": [mlp]})
    assert table.loc["Hidden layers", "alone"] == "" and table.loc["Hidden layers", "mlp"] != ""


def test_a_curve_is_the_mean_of_the_seeds_that_reached_the_epoch():
    table = model_curves_table(MODELS, "train_loss")
    seeds = table[table["name"] == "seeds"]
    assert seeds["x"].tolist() == [1, 2, 3]
    assert seeds["mean"].tolist() == [2.5, 1.5, 1.0]
    assert seeds["sd"].iloc[0] == pytest.approx(math.sqrt(0.5)) and math.isnan(seeds["sd"].iloc[2])
    assert seeds["n"].tolist() == [2, 2, 1]


def test_a_curve_over_the_time_adds_up_the_seconds():
    table = model_curves_table({"alone": [ALONE]}, "train_loss", over="seconds")
    assert table["x"].tolist() == [0.25, 0.5]


def test_smoothing_is_a_weighted_mean_of_the_epochs_so_far():
    one = run(losses=(4.0, 2.0, 1.0))
    smooth = model_curves_table({"one": [one]}, "train_loss", smoothing=0.5)["mean"].tolist()
    assert smooth == pytest.approx([4, (2 + 0.5 * 4) / 1.5, (1 + 0.5 * 2 + 0.25 * 4) / 1.75])


def test_many_epochs_are_thinned_and_the_ends_stay():
    table = model_curves_table({"one": [run(losses=np.linspace(2, 1, 900))]}, "train_loss")
    assert len(table) == 200 and table["x"].iloc[[0, -1]].tolist() == [1, 900]


def test_runs_without_validation_have_no_such_curve():
    assert model_curves_table(MODELS, "validation_loss").empty
    assert available_curves(MODELS) == ["train_accuracy", "train_loss"]
    assert available_curves({"one": [run(loss_of_validation=0.3)]})[0] == "validation_loss"


def test_curves_are_called_by_the_part_that_was_monitored():
    watched = run(loss_of_validation=0.3)
    on_test = replace(watched, spec=watched.spec.with_changes(split={"validation": "test"}))
    assert curve_labels({"a": [watched], "b": [run()]}) == CURVES
    assert curve_labels({"a": [on_test]})["validation_loss"] == "Test loss"
    mixed = curve_labels({"a": [watched], "b": [on_test]})
    assert (mixed["validation_accuracy"], mixed["train_loss"]) == ("Held-out accuracy", "Training loss")


def test_a_model_without_the_chosen_curve_is_named():
    models = {"blind": [run()], "seen": [run(loss_of_validation=0.3)], "bare": [run(losses=())]}
    assert missing_curves_text({"seen": models["seen"]}, "validation_loss") == ""
    assert missing_curves_text(MODELS, "train_loss") == ""
    blind = {name: models[name] for name in ("blind", "seen")}
    assert missing_curves_text(blind, "validation_loss") == 'Not drawn: "blind", trained without validation images.'
    assert missing_curves_text(models, "train_loss") == 'Not drawn: "bare", whose epochs have no such values.'


def test_a_model_may_be_called_like_a_heading():
    table = settings_table({"Setting": [SEEDS[0]], "name": [ALONE]})
    assert table.columns.tolist() == ["Setting", "name"] and table.index.name == "Setting"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"curve": "gap"}, f"curve must be one of {', '.join(CURVES)}, got 'gap'"),
        ({"over": "batches"}, "over must be epoch or seconds, got 'batches'"),
        ({"smoothing": 1.0}, "smoothing must be a number from 0 to below 1, got 1.0"),
    ],
)
def test_a_curve_that_is_unknown_is_refused(settings, words):
    with pytest.raises(InvalidSetting, match=words):
        model_curves_table(MODELS, **settings)
