"""Specs of trainings that go on from another one with other settings."""

import json

import pytest

from digitcore.errors import InvalidSetting
from digitcore.runs import RunSpec
from digitcore.specs.links import query_to_spec, spec_to_query
from digitcore.specs.run_spec import MOST_PARENTS
from digitcore.specs.settings import switch_model
from digitcore.specs.titles import recipe_name, spec_title, spec_titles

FIRST = RunSpec(dataset="digits", model="mlp", parameters={"epochs": 5})
SECOND = FIRST.with_changes(parent=FIRST, parameters={"epochs": 9, "learning_rate": 0.003})
THIRD = SECOND.with_changes(parent=SECOND, parameters={"epochs": 20, "dropout": 0.3})


def test_a_spec_without_a_parent_is_described_as_ever():
    assert "parent" not in json.loads(FIRST.canonical_json)
    assert (FIRST.n_inherited, SECOND.n_inherited, THIRD.n_inherited) == (0, 5, 9)


@pytest.mark.parametrize("spec", [SECOND, THIRD])
def test_it_names_its_parent_whole_so_that_it_can_be_trained_from_nothing(spec):
    assert RunSpec.from_json(spec.canonical_json) == spec
    assert json.loads(spec.canonical_json)["parent"] == json.loads(spec.parent.canonical_json)
    assert spec.digest != spec.with_changes(parent=None).digest


def test_to_go_on_with_the_same_settings_is_to_train_for_longer():
    assert FIRST.with_changes(parent=FIRST, parameters={"epochs": 9}) == FIRST.with_changes(parameters={"epochs": 9})
    assert SECOND.with_changes(parent=SECOND, parameters={"epochs": 12}) == SECOND.with_changes(
        parameters={"epochs": 12}
    )


def test_a_parents_patience_has_no_effect_on_its_last_weights():
    patient = FIRST.with_changes(parameters={"patience": 3})
    assert SECOND.with_changes(parent=patient) == SECOND


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"epochs": 5}}, "epochs must be more than the 5 that the training goes on from, got 5"),
        ({"parameters": {"hidden_units": (9,)}}, "the same model and layers"),
        ({"model": "softmax", "parameters": {}}, "the same model and layers"),
        ({"dataset": "mnist"}, "images of the same size"),
        ({"split": {"random_state": 3}}, "must keep the split"),
        ({"split": {"test_size": 0.5}}, "must keep the split"),
        ({"parent": 3}, "parent must be a RunSpec or a mapping"),
        ({"parent": {"dataset": "digits", "model": "mlpp"}}, "parent: Unknown model 'mlpp'"),
    ],
)
def test_what_it_cannot_go_on_from_is_said(changes, message):
    values = {**SECOND.model_dump(), **changes}
    for group in ("parameters", "split"):
        values[group] = {**(SECOND.model_dump()[group] if "model" not in changes else {}), **changes.get(group, {})}
    with pytest.raises(InvalidSetting, match=message):
        RunSpec(**values)


def test_the_number_of_training_images_may_change():
    assert SECOND.with_changes(split={"max_train": 300}).parent == FIRST


def test_a_line_of_parents_is_limited_before_it_is_read():
    values = FIRST.model_dump()
    nested = {"dataset": "digits", "model": "mlp"}
    for _ in range(100_000):
        nested = {**nested, "parent": nested}
    with pytest.raises(InvalidSetting, match=f"at most {MOST_PARENTS} others"):
        RunSpec(**{**values, "parent": nested})


@pytest.mark.parametrize("spec", [SECOND, THIRD])
def test_a_link_holds_it_whole(spec):
    assert query_to_spec(spec_to_query(spec)) == ("digits-mlp", spec, [])


def test_a_link_that_goes_on_from_nonsense_is_opened_and_says_so():
    query = {**spec_to_query(SECOND), "goes_on_from": "epochs=5&colour=red&model=mlp"}
    _, _, problems = query_to_spec(query)
    assert any("In what the link goes on from: Unknown setting 'colour'" in problem for problem in problems)


def test_titles_say_where_it_comes_from_and_differ():
    assert spec_title(SECOND).endswith("9 epochs, rate 0.003, from epoch 5 (rate 0.01)")
    assert spec_title(THIRD).endswith("from epoch 9 (dropout 0, from epoch 5 (rate 0.01))")
    other = SECOND.with_changes(parent=FIRST.with_changes(parameters={"learning_rate": 0.1}))
    assert len(set(spec_titles([FIRST, SECOND, other, THIRD]))) == 4


def test_it_is_no_recipe_and_another_model_goes_on_from_nothing():
    recipe = RunSpec(dataset="digits", model="mlp")
    assert recipe_name(SECOND) is None
    assert switch_model(SECOND, "softmax").parent is None
    assert recipe.parent is None
