import json

import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.experiments import Axis, CrossValidation, LearningCurve, Range, RecipeTables, Sweep
from digitcore.experiments.plans import RECIPE_ITSELF, plan_from_json
from digitcore.experiments.summary import plan_words
from digitcore.runs import RunSpec
from digitcore.runs.training import split_for
from digitcore.specs.recipes import RECIPES

SPEC = RunSpec(dataset="digits", model="mlp")
RATES = Axis.of("learning_rate", [0.1, 0.01])
PLANS = [
    CrossValidation(SPEC, 4, stratify=True),
    Sweep(SPEC, (RATES, Axis.of("batch_size", [16, None]), Axis.of("hidden_units", ["8", "8-4"])), n_seeds=2),
    Sweep(SPEC, (Axis.of("learning_rate", Range(0.001, 1, 9, "log")),), n_random=5, factor=3),
    LearningCurve(SPEC, (10, 100), n_repeats=2),
    RecipeTables("digits-mlp", 2),
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.KIND)
def test_a_plan_survives_its_json(plan):
    restored = plan_from_json(plan.canonical_json)
    assert restored == plan
    assert restored.digest == plan.digest
    assert [member.spec for member in restored.members] == [member.spec for member in plan.members]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ('{"kind": "swep"}', "Did you mean 'sweep'"),
        ('{"kind": "sweep", "depth": 3}', "cannot be read"),
    ],
)
def test_what_is_no_plan_is_refused(text, words):
    with pytest.raises(InvalidSetting, match=words):
        plan_from_json(text)


def test_a_plan_says_all_of_it_in_its_json():
    assert json.loads(CrossValidation(SPEC, 3).canonical_json) == {
        "kind": "cross-validation",
        "k": 3,
        "stratify": False,
        "spec": json.loads(SPEC.canonical_json),
    }


def test_every_training_image_is_held_out_once():
    divided = [split_for(member.spec) for member in CrossValidation(SPEC, 4).members]
    held_out = sorted(index for split in divided for index in split.validation.indices)
    assert held_out == sorted(split_for(SPEC).train.indices)
    assert {tuple(split.test.indices) for split in divided} == {tuple(split_for(SPEC).test.indices)}


@pytest.mark.parametrize("k", [1, 1001, 2.5])
def test_a_wrong_number_of_folds_is_refused(k):
    with pytest.raises(InvalidSetting, match="k must be a whole number from 2 to 1000"):
        CrossValidation(SPEC, k)


def test_a_grid_has_every_combination_with_every_seed():
    plan = Sweep(SPEC, (RATES, Axis.of("dropout", [0, 0.5])), n_seeds=3)
    points = [(m.values["learning_rate"], m.values["dropout"], m.spec.random_state) for m in plan.members]
    assert len(set(points)) == len(points) == 12
    assert {m.spec.parameters["learning_rate"] for m in plan.members} == {0.1, 0.01}


def test_points_at_random_follow_the_seed():
    axes = (Axis.of("learning_rate", Range(0.001, 1, scale="log")), Axis.of("batch_size", [8, 16]))
    one, same, other = (Sweep(SPEC.with_changes(random_state=n), axes, n_random=6).points for n in (0, 0, 1))
    assert one == same != other
    assert len(one) == 6


def test_a_point_that_cannot_be_fails_alone():
    cnn = RunSpec(dataset="digits", model="cnn")
    good, bad = Sweep(cnn, (Axis.of("kernel_size", [3, 15]),)).members
    assert good.spec is not None and not good.problem
    assert bad.spec is None and "15" in bad.problem


def test_models_side_by_side_keep_the_training():
    mlp, softmax = Sweep(SPEC.with_changes(parameters={"epochs": 7}), (Axis.of("model", ["mlp", "softmax"]),)).members
    assert (mlp.spec.model, softmax.spec.model) == ("mlp", "softmax")
    assert softmax.spec.parameters["epochs"] == 7


@pytest.mark.parametrize(
    ("axes", "options", "words"),
    [
        ((), {}, "at least one setting to vary"),
        ((RATES, RATES), {}, "Each setting may be varied once"),
        ((Axis.of("seed", [0, 1]),), {"n_seeds": 2}, "not both"),
        ((Axis.of("epochs", [1, 2]),), {"factor": 3}, "do not vary them"),
        ((RATES,), {"n_seeds": 0}, "n_seeds must be a whole number from 1"),
        ((RATES,), {"factor": 1}, "factor must be a whole number from 2"),
        ((Axis.of("learning_rate", Range(0.1, 1, 900)),), {"n_seeds": 2}, "at most 1000 trainings.*1800"),
        ((Axis.of("channels", ["8"]),), {}, "Unknown setting 'channels'"),
    ],
)
def test_sweeps_that_cannot_be_are_named(axes, options, words):
    with pytest.raises(InvalidSetting, match=words):
        Sweep(SPEC, axes, **options)


def test_rungs_grow_by_the_factor_up_to_the_epochs():
    spec = SPEC.with_changes(parameters={"epochs": 81})
    rates = Axis.of("learning_rate", Range(0.001, 1, 27, "log"))
    assert Sweep(spec, (rates,), factor=3).rungs == (3, 9, 27, 81)
    assert Sweep(spec, (RATES,), factor=3).rungs == (81,)
    assert {m.spec.parameters["epochs"] for m in Sweep(spec, (rates,), factor=3).members} == {3}


def test_sizes_beyond_the_training_part_mean_all():
    plan = LearningCurve(SPEC, (100, 7000, 70000), n_repeats=1)
    assert plan.sizes == (100, 1347)
    assert [split_for(member.spec).train.n_images for member in plan.members] == [100, 1347]


def test_repeats_draw_other_images():
    one, other = LearningCurve(SPEC, (100,), n_repeats=2).members
    assert set(split_for(one.spec).train.indices) != set(split_for(other.spec).train.indices)


def test_a_learning_curve_needs_images_held_out():
    with pytest.raises(InvalidSetting, match="needs images held out"):
        LearningCurve(SPEC.with_changes(split={"test_size": 0}), (10,))


@pytest.mark.parametrize("sizes", [(), (0,), (1.5,), ("many",)])
def test_wrong_sizes_are_refused(sizes):
    with pytest.raises(InvalidSetting, match="at least one number of training images"):
        LearningCurve(SPEC, sizes)


def test_the_tables_of_digits_mlp_are_thirty_trainings_and_the_recipe():
    plan = RecipeTables("digits-mlp")
    assert sum(member.values["table"] != RECIPE_ITSELF for member in plan.members) == 30
    # The recipe itself stands in all six tables, and is trained once.
    assert len({member.digest for member in plan.members}) == 25
    assert plan.members[0].spec == RECIPES["digits-mlp"].spec


def test_an_unknown_recipe_is_refused():
    with pytest.raises(InvalidSetting, match="Did you mean 'digits-mlp'"):
        RecipeTables("digit-mlp")


def test_the_cross_validations_of_mnist_softmax_draw_their_images_first():
    folds = [member for member in RecipeTables("mnist-softmax").members if "fold" in member.values]
    assert [member.values["column"] for member in folds[:15:5]] == [
        "70,000 images, 30 epochs",
        "7,000 images, 30 epochs",
        "700 images, 30 epochs",
    ]
    assert len(folds) == 25
    few = folds[14].spec
    assert (few.split.max_images, few.split.n_folds, few.parameters["epochs"]) == (700, 5, 30)
    assert few.parameters["patience"] is None


def test_seeds_beyond_the_last_fail_alone():
    last = SPEC.with_changes(random_state=2**32 - 1)
    one, beyond = Sweep(last, (Axis.of("learning_rate", [0.1]),), n_seeds=2).members
    assert one.spec == last.with_changes(parameters={"learning_rate": 0.1})
    assert beyond.spec is None and "random_state" in beyond.problem
    sizes = LearningCurve(last, (100,), n_repeats=2).members
    assert [member.spec is None for member in sizes] == [False, True]


def test_plans_take_numbers_of_numpy():
    assert LearningCurve(SPEC, np.geomspace(10, 1000, 3).astype(int)).sizes == (10, 100, 1000)
    assert CrossValidation(SPEC, 3, np.True_).canonical_json == CrossValidation(SPEC, 3, True).canonical_json


def test_stratify_is_yes_or_no():
    with pytest.raises(InvalidSetting, match="stratify must be True or False, got 'yes'"):
        CrossValidation(SPEC, 3, "yes")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Sweep(RECIPES["digits-mlp"].spec, (RATES,)), "Learning rate: 2 points of digits-mlp"),
        (CrossValidation(RECIPES["digits-mlp"].spec, 4), "4 folds of digits-mlp"),
        (LearningCurve(RECIPES["digits-mlp"].spec, (10, 100)), "2 sizes × 3 repeats of digits-mlp"),
    ],
    ids=["sweep", "folds", "sizes"],
)
def test_a_plan_is_named_by_its_rule_and_what_is_trained(plan, words):
    assert plan_words(plan) == words


def test_a_sweep_over_models_is_not_named_after_one_model():
    words = plan_words(Sweep(RECIPES["digits-mlp"].spec, (Axis.of("model", ["softmax", "mlp", "cnn"]),)))
    assert words.startswith("Model: 3 points of Digits 8×8, 1,001 epochs")
    assert "mlp" not in words.lower()


EARLY = SPEC.with_changes(parameters={"patience": 3})


def test_nested_folds_take_the_images_of_early_stopping_out_of_the_other_folds():
    plain, nested = (CrossValidation(EARLY, 4, nested=nested) for nested in (False, True))
    for before, after in zip(plain.members, nested.members, strict=True):
        old, new = split_for(before.spec), split_for(after.spec)
        assert set(new.validation.indices) == set(old.validation.indices)
        assert set(new.train.indices) | set(new.stopping.indices) == set(old.train.indices)
        assert not set(new.train.indices) & set(new.stopping.indices)
        assert len(new.stopping.indices) == pytest.approx(0.2 * old.train.n_images, abs=1)
        assert new.monitored is new.stopping and old.monitored is old.validation
    own = EARLY.with_changes(split={"validation": "cut", "validation_size": 0.3})
    assert CrossValidation(own, 4, nested=True).members[0].spec.split.stopping_size == 0.3


def test_plans_from_before_nested_folds_keep_their_digests():
    # Of a plan as it was kept before, word for word.
    kept = {"kind": "cross-validation", "k": 4, "stratify": False, "spec": json.loads(EARLY.canonical_json)}
    plan = plan_from_json(json.dumps(kept))
    assert json.loads(plan.canonical_json) == kept
    assert all("stopping_size" not in member.spec.canonical_json for member in plan.members)
    # Without early stopping there is nothing to nest.
    assert CrossValidation(SPEC, 4, nested=True).digest == CrossValidation(SPEC, 4).digest


def test_nested_is_true_or_false():
    with pytest.raises(InvalidSetting, match="nested must be True or False, got 'yes'"):
        CrossValidation(EARLY, 4, nested="yes")
