import pytest

from digitcore.specs.links import query_to_spec, readable_query, spec_to_query
from digitcore.specs.recipes import RECIPES
from digitcore.specs.settings import switch_model

CHANGES = [
    {},
    {"random_state": 7},
    {"scaling": "raw"},
    {"parameters": {"learning_rate": 0.123, "batch_size": None}},
    {"parameters": {"patience": 5, "epochs": 17}},
    {"split": {"validation": "cut", "validation_size": 0.3, "max_train": 500, "stratify": True}},
    {"split": {"kind": "random", "validation": "fold", "n_folds": 7, "fold": 3, "max_images": 700}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_a_link_opens_the_spec_it_was_made_from(recipe, change):
    spec = RECIPES[recipe].spec.with_changes(**change)
    assert query_to_spec(spec_to_query(spec, recipe)) == (recipe, spec, [])


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_a_link_keeps_another_model_than_the_recipes(recipe, model):
    spec = switch_model(RECIPES[recipe].spec, model)
    assert query_to_spec(spec_to_query(spec, recipe)) == (recipe, spec, [])


def test_the_default_recipe_has_an_empty_link():
    assert spec_to_query(RECIPES["digits-mlp"].spec) == {}


def test_a_link_names_only_what_differs():
    spec = RECIPES["mnist-cnn"].spec.with_changes(parameters={"epochs": 3, "hidden_units": ()})
    assert spec_to_query(spec, "mnist-cnn") == {"recipe": "mnist-cnn", "epochs": "3", "hidden_units": "none"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"epochs": "-1"}, "epochs must be a whole number from 1"),
        ({"epochs": "1.5"}, "epochs must be"),
        ({"learning_rate": "nan"}, "learning_rate must be a number"),
        ({"hidden_units": "1-x"}, "hidden_units must be"),
        ({"hidden_units": "9" * 5000}, "hidden_units must be"),
        ({"stratify": "maybe"}, "stratify must be"),
        ({"epochz": "1"}, "Unknown setting 'epochz' in the link: it was left out. Did you mean 'epochs'?"),
        ({"xyz": "1"}, "Unknown setting 'xyz' in the link: it was left out."),
        ({"dataset": "cifar"}, "Unknown data set 'cifar'"),
        ({"test_size": "0"}, "do not fit together"),
    ],
)
def test_what_is_wrong_in_a_link_is_said_and_left_out(query, words):
    recipe, spec, problems = query_to_spec(query)
    assert len(problems) == 1
    assert words in problems[0]
    assert (recipe, spec) == ("digits-mlp", RECIPES["digits-mlp"].spec)


def test_what_belongs_to_others_is_not_a_problem():
    assert query_to_spec({"run": "abc"}, ignored=["run"])[2] == []


def test_what_is_short_enough_is_read():
    query = {"hidden_units": "9" * 20, "run": "abc"}
    assert readable_query(query, 20) == (query, [])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"hidden_units": "9" * 21}, "In the link, hidden_units must have at most 20 characters, got '9"),
        ({"run": "a" * 1_000_000}, "In the link, run must have at most 20 characters, got 'a"),
        ({"a" * 1_000_000: "1"}, "In the link, the name of a parameter must have at most 20 characters, got 'a"),
        ({f"p{n}": "1" for n in range(100)}, "The link has 101 parameters, at most 100 are read"),
    ],
    ids=["value", "digest", "name", "number"],
)
def test_what_is_too_long_is_said_and_left_out(query, words):
    readable, problems = readable_query({"epochs": "3", **query}, 20)
    assert readable == ({} if len(query) == 100 else {"epochs": "3"})
    (problem,) = problems
    assert problem.startswith(words)
    assert len(problem) < 250
