import numpy as np
import pytest

from digitcore.experiments import Experiment, RecipeTables
from digitcore.experiments.published import (
    confusion_difference_table,
    fold_runs,
    headline_table,
    published_curve_table,
    published_table,
    recipe_runs,
)
from digitcore.experiments.tables import members_table
from digitcore.models import Epoch
from digitcore.runs import Run
from digitcore.runs.run import Evaluation
from digitcore.specs.recipes import RECIPES
from tests.experiments.figures import figures


def experiment_of(recipe, accuracy, n_seeds=1):
    """Every member done, with the accuracy that a function of its values gives."""
    plan = RecipeTables(recipe, n_seeds)
    part = RECIPES[recipe].accuracy_part
    runs = {
        member.digest: Run(
            member.spec, "done", evaluation=Evaluation({part: figures(accuracy(member.values))}, n_epochs=1)
        )
        for member in reversed(plan.members)
    }
    return Experiment(plan, "done", runs=runs)


def test_a_published_table_has_measured_figures_beside_it():
    experiment = experiment_of("digits-mlp", lambda values: 0.9 if values["seed"] == 0 else 0.96, n_seeds=2)
    table = published_table(members_table(experiment), RECIPES["digits-mlp"].variations[0])
    assert list(table["label"]) == ["0.001", "0.005", "0.01", "0.05", "0.1"]
    assert list(table["published"]) == [0.865, 0.953, 0.947, 0.938, 0.969]
    assert list(table["mean"]) == pytest.approx([0.93] * 5)
    assert list(table["difference"]) == pytest.approx([0.065, -0.023, -0.017, -0.008, -0.039])
    assert list(table["n"]) == [2] * 5


def test_a_table_that_has_not_begun_has_no_figures():
    table = published_table(
        members_table(Experiment(RecipeTables("digits-mlp"), "running")), RECIPES["digits-mlp"].variations[5]
    )
    assert table["mean"].isna().all()
    assert list(table["n"]) == [0] * 5


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_has_its_headline(name):
    recipe = RECIPES[name]
    row = headline_table(members_table(experiment_of(name, lambda values: 0.5)), recipe).iloc[0]
    assert row["published"] == recipe.accuracy
    assert row["difference"] == pytest.approx(0.5 - recipe.accuracy)


def test_the_published_curve_stands_beside_ours():
    recipe = RECIPES["mnist-cnn"]
    runs = [Run(recipe.spec, "done", epochs=tuple(Epoch(n, 0.1 * n, 0.9, 0.2, 0.8, 1.0) for n in (1, 2)))] * 2
    table = published_curve_table(runs, recipe, "loss")
    theirs, ours = (table[table["source"] == source] for source in ("published", "here"))
    assert tuple(theirs["mean"]) == recipe.published_curve["loss"]
    assert list(ours["mean"]) == pytest.approx([0.1, 0.2])
    assert list(ours["epoch"]) == [1, 2]
    assert theirs["low"].isna().all()
    assert len(published_curve_table([], recipe, "loss")) == 10


def test_confusion_matrices_are_compared_in_per_cent_of_the_true_class():
    published = [[8, 2], [0, 40]]
    truth, prediction = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    table = confusion_difference_table(published, truth, prediction, ["a", "b"])
    assert list(table["published"]) == [80, 20, 0, 100]
    assert list(table["here"]) == [50, 50, 0, 100]
    assert list(table["difference"]) == [-30, 30, 0, 0]


def test_the_recipes_own_runs_and_the_folds_are_found():
    experiment = experiment_of("mnist-softmax", lambda values: 0.5, n_seeds=2)
    assert recipe_runs(experiment) == [member.digest for member in experiment.plan.members[:2]]
    folds = fold_runs(experiment, "700 images, 30 epochs")
    assert len(folds) == 5
    assert {experiment.runs[digest].spec.split.max_images for digest in folds} == {700}
