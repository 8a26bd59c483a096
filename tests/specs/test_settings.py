import pytest

from digitcore.errors import InvalidSetting
from digitcore.runs import RunSpec
from digitcore.specs.recipes import RECIPES
from digitcore.specs.settings import (
    setting_label,
    setting_text,
    setting_value,
    settings_of,
    switch_model,
    with_settings,
)

SPEC = RunSpec(dataset="digits", model="mlp")


def test_switching_the_model_keeps_the_training_and_takes_the_models_defaults():
    switched = switch_model(RECIPES["digits-mlp"].spec, "cnn")
    assert switched.parameters["epochs"] == 1001
    assert switched.parameters["hidden_units"] == (128,)
    assert switched.parameters["dropout"] == 0.25


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_every_setting_has_a_value_that_can_be_set_again(model):
    spec = switch_model(SPEC, model)
    values = {name: setting_value(spec, name) for name in settings_of(model)}
    assert with_settings(spec, values) == spec


@pytest.mark.parametrize(
    ("name", "value", "changes"),
    [
        ("learning_rate", 0.5, {"parameters": {"learning_rate": 0.5}}),
        ("hidden_units", "8-4", {"parameters": {"hidden_units": (8, 4)}}),
        ("test_size", 0.4, {"split": {"test_size": 0.4}}),
        ("split_seed", 9, {"split": {"random_state": 9}}),
        ("seed", 9, {"random_state": 9}),
        ("stratify", True, {"split": {"stratify": True}}),
        ("scaling", "raw", {"scaling": "raw"}),
        ("model", "softmax", {"model": "softmax", "parameters": {}}),
    ],
)
def test_a_setting_is_set_by_its_flat_name(name, value, changes):
    expected = RunSpec(**{"dataset": "digits", "model": "mlp", **changes})
    assert with_settings(SPEC, {name: value}) == expected


def test_all_wrong_settings_come_in_one_message():
    with pytest.raises(InvalidSetting, match="Unknown setting 'lerning_rate'.*learning_rate.*Unknown setting 'depth'"):
        with_settings(SPEC, {"lerning_rate": 1, "depth": 2})


@pytest.mark.parametrize(
    ("name", "value", "text", "label"),
    [
        ("optimizer", "amsgrad", "amsgrad", "Adam with AMSGrad"),
        ("batch_size", None, "none", "full batch"),
        ("hidden_units", (32, 16), "32-16", "32-16"),
        ("learning_rate", 0.01, "0.01", "0.01"),
    ],
)
def test_values_have_a_text_for_links_and_a_label_for_readers(name, value, text, label):
    assert (setting_text(name, value), setting_label(name, value)) == (text, label)


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("epochs", 1001, "1,001"),
        ("initial_bias", -3.0, "−3"),
        ("seed", 12345, "12345"),
        ("hidden_units", (32, 16), "32-16"),
    ],
)
def test_numbers_are_written_with_commas_and_a_real_minus_sign_except_for_seeds(name, value, label):
    assert setting_label(name, value) == label
