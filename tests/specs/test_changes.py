import pytest

from digitcore.errors import InvalidSetting
from digitcore.runs import RunSpec
from digitcore.specs.changes import changes_between, put_back

BASE = RunSpec(dataset="digits", model="mlp", parameters={"learning_rate": 0.01, "epochs": 20})


def test_the_settings_that_differ_are_named_with_both_values():
    other = BASE.with_changes(parameters={"learning_rate": 0.1, "dropout": 0.25, "batch_size": None}, random_state=3)
    words = [change.words for change in changes_between(BASE, other)]
    assert words == ["dropout 0 → 0.25", "batch size 32 → full batch", "learning rate 0.01 → 0.1", "seed 0 → 3"]
    assert changes_between(BASE, BASE) == []


def test_a_setting_without_effect_in_both_is_left_out():
    base = BASE.with_changes(parameters={"optimizer": "adam"})
    assert changes_between(base, base.with_changes(parameters={"momentum": 0.9})) == []
    # With SGD before, the momentum had an effect.
    words = [change.words for change in changes_between(BASE.with_changes(parameters={"momentum": 0.9}), base)]
    assert words == ["optimizer SGD → Adam", "momentum 0.9 → 0"]


def test_settings_that_one_model_lacks_are_left_out():
    other = RunSpec(dataset="digits", model="softmax", parameters={"learning_rate": 0.1, "epochs": 20})
    names = [change.name for change in changes_between(BASE, other)]
    assert names == ["model", "learning_rate"]


def test_early_stopping_is_off_or_waits_for_so_many_epochs():
    (change,) = changes_between(BASE, BASE.with_changes(parameters={"patience": 10}))
    assert change.words == "early stopping off → 10"


def test_abbreviations_stay_as_they_are():
    base = BASE.with_changes(parameters={"optimizer": "rmsprop"})
    changes = changes_between(base, base.with_changes(parameters={"rho": 0.9}))
    assert [change.words for change in changes] == ["RMSprop decay 0.99 → 0.9"]


@pytest.mark.parametrize(
    "changes",
    [{"parameters": {"dropout": 0.5}}, {"random_state": 7}, {"split": {"max_train": 100}}, {"scaling": "raw"}],
)
def test_putting_back_each_change_gives_the_baseline(changes):
    spec = BASE.with_changes(**changes)
    for change in changes_between(BASE, spec):
        spec = put_back(spec, change.name, BASE)
    assert spec == BASE


def test_what_cannot_be_put_back_alone_is_refused():
    base = RunSpec(dataset="mnist", model="softmax", split={"kind": "official"})
    other = RunSpec(dataset="digits", model="softmax")
    with pytest.raises(InvalidSetting):
        put_back(other, "split", base)
