import json
import subprocess
import sys
from dataclasses import replace

import pytest

from digitcore.errors import InvalidSetting
from digitcore.models import MODELS, registry
from digitcore.parameters import Choice, Number
from digitcore.runs import RunSpec, SplitSpec
from digitcore.specs.recipes import RECIPES


def spec(**changes):
    return RunSpec(**{"dataset": "digits", "model": "mlp", **changes})


def test_defaults_are_filled_in():
    assert spec().parameters["hidden_units"] == (32, 16)
    assert spec().split.test_size == 0.25


def test_json_round_trip_gives_an_equal_spec():
    original = spec(parameters={"hidden_units": "64-32", "batch_size": None}, split={"max_train": 500})
    restored = RunSpec.from_json(original.canonical_json)
    assert restored == original
    assert restored.digest == original.digest
    assert restored.parameters["hidden_units"] == (64, 32)


def test_canonical_json_has_sorted_keys_and_no_spaces():
    text = spec().canonical_json
    assert " " not in text
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_digest_is_the_same_in_another_process():
    code = "from digitcore.specs.run_spec import RunSpec; print(RunSpec(dataset='digits', model='mlp').digest)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == spec().digest


@pytest.mark.parametrize(
    "change",
    [
        {"random_state": 1},
        {"scaling": "raw"},
        {"model": "softmax"},
        {"parameters": {"epochs": 31}},
        {"split": {"random_state": 1}},
        {"split": {"stratify": True}},
        {"split": {"max_train": 100}},
    ],
)
def test_every_change_changes_the_digest(change):
    assert spec(**change).digest != spec().digest


def test_a_setting_without_effect_does_not_change_the_digest():
    with_momentum = spec(parameters={"optimizer": "adam", "momentum": 0.9})
    assert with_momentum == spec(parameters={"optimizer": "adam"})


def test_equal_specs_hash_alike():
    assert len({spec(), spec(parameters={"epochs": 30})}) == 1


def test_a_spec_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        spec().random_state = 1
    with pytest.raises(TypeError):
        spec().parameters["epochs"] = 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "mnits"}, r"Unknown data set 'mnits'.*Did you mean 'mnist'"),
        ({"model": "svm"}, r"Unknown model 'svm': known are softmax, mlp, cnn"),
        ({"modle": "mlp"}, r"Unknown setting 'modle'.*Did you mean 'model'"),
        ({"parameters": {"epochs": 0}}, r"epochs must be a whole number from 1 .*got 0"),
        ({"parameters": {"learning_rat": 0.1}}, r"Did you mean 'learning_rate'"),
        ({"parameters": {"learning_rate": float("nan")}}, r"learning_rate must be a number .*got nan"),
        ({"scaling": "log"}, r"scaling must be one of 'unit', 'raw', got 'log'"),
        ({"random_state": -1}, r"random_state must be a whole number from 0"),
        ({"split": {"test_size": 2}}, r"test_size must be a number from 0"),
        ({"split": {"kind": "official"}}, r"no official split"),
        ({"split": {"test_size": 0, "validation": "test"}}, r"validation cannot be 'test' without a test part"),
        ({"split": {"sratify": True}}, r"Did you mean 'stratify'"),
        ({"split": 3}, r"split must be a mapping"),
        ({"version": 2}, r"version"),
        ({"model": "cnn", "parameters": {"kernel_size": 9}}, r"kernel"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(InvalidSetting, match=message):
        spec(**change)


def test_all_problems_come_in_one_message():
    with pytest.raises(InvalidSetting) as caught:
        spec(dataset="x", parameters={"epochs": 0, "dropout": 2}, scaling="y")
    for name in ("'x'", "epochs", "dropout", "scaling"):
        assert name in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"dataset": "digits"}'])
def test_text_that_is_no_spec_is_refused(text):
    with pytest.raises(InvalidSetting):
        RunSpec.from_json(text)


def test_changes_are_merged_into_the_groups():
    changed = spec(parameters={"epochs": 5}).with_changes(parameters={"dropout": 0.5}, split={"test_size": 0.1})
    assert (changed.parameters["epochs"], changed.parameters["dropout"]) == (5, 0.5)
    assert changed.split == SplitSpec(test_size=0.1)


def test_settings_added_since_keep_the_digests_of_earlier_runs():
    # Written down when runs were first kept: users' stores hold runs under these.
    assert RECIPES["digits-mlp"].spec.digest == "d5a2f81b363c4fead4f2"
    assert RECIPES["mnist-softmax"].spec.digest == "1a7c6ae6e1da925f1094"


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_added_since_has_a_digest_of_its_own_and_comes_back_from_json(model):
    needed = {
        "step_epochs": {"schedule": "step"},
        "step_factor": {"schedule": "step"},
        "warm_up": {"schedule": "one_cycle"},
        "momentum_kind": {"momentum": 0.9},
    }
    added = [record for record in MODELS[model].parameters if record.since]
    assert added
    for record in added:
        base = spec(model=model, parameters=needed.get(record.name, {}))
        choices = record.options if isinstance(record, Choice) else record.slider
        other = next(choice for choice in choices if choice != record.default)
        changed = base.with_changes(parameters={record.name: other})
        assert changed.digest != base.digest
        assert record.name not in json.loads(base.canonical_json)["parameters"]
        assert RunSpec.from_json(changed.canonical_json) == changed


def test_folds_have_digests_of_their_own():
    folds = [spec(split={"validation": "fold", "n_folds": k, "fold": fold}) for k, fold in ((5, 1), (5, 2), (4, 1))]
    assert len({each.digest for each in folds}) == 3
    assert RunSpec.from_json(folds[1].canonical_json) == folds[1]


def test_a_fold_beyond_the_last_is_refused():
    with pytest.raises(InvalidSetting, match=r"fold must be from 1 to n_folds \(3\), got 4"):
        SplitSpec(validation="fold", n_folds=3, fold=4)


def test_a_fold_has_no_effect_without_folds():
    assert spec(split={"n_folds": 7, "fold": 3}) == spec()


@pytest.fixture
def add_parameter(monkeypatch):
    """Return a function that gives every model another hyperparameter."""

    def add(since):
        for entry in list(MODELS.values()):
            record = Number(
                name="shrinkage",
                label="Shrinkage",
                help="Pulls weights to zero.",
                default=0.0,
                minimum=0.0,
                maximum=1.0,
                slider=(0.0, 0.1),
                since=since,
            )
            wider = replace(entry, parameters=(*entry.parameters, record))
            monkeypatch.setitem(registry._entries, entry.name, wider)

    return add


def test_a_hyperparameter_that_is_added_later_leaves_digests_as_they_are(add_parameter):
    before = {name: recipe.spec.canonical_json for name, recipe in RECIPES.items()}
    add_parameter(since=7)
    specs = {name: RunSpec.from_json(text) for name, text in before.items()}
    assert {name: spec.canonical_json for name, spec in specs.items()} == before
    assert all(spec.parameters["shrinkage"] == 0.0 for spec in specs.values())
    some = next(iter(specs.values()))
    changed = some.with_changes(parameters={"shrinkage": 0.5})
    assert changed.digest != some.digest
    assert RunSpec.from_json(changed.canonical_json) == changed


def test_one_that_claims_to_be_as_old_as_specs_would_change_them(add_parameter):
    before = {name: recipe.spec.canonical_json for name, recipe in RECIPES.items()}
    add_parameter(since=0)
    assert not any(RunSpec.from_json(text).canonical_json == text for text in before.values())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": "MLP"}, "Did you mean 'mlp'"),
        ({"model": "mlp", "epochs": 5}, "'epochs' belongs in parameters"),
        ({"model": "mlp", "test_size": 0.1}, "'test_size' belongs in split"),
    ],
)
def test_a_setting_in_the_wrong_place_is_told_where_it_belongs(wrong, said):
    with pytest.raises(InvalidSetting, match=said):
        RunSpec(dataset="digits", **wrong)
