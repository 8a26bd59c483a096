import pytest

from digitcore.errors import InvalidSetting
from digitcore.evaluation.lr_range import suggested_learning_rate
from digitcore.experiments.lr_range import lr_range_test
from digitcore.models import make_model
from digitcore.runs import RunSpec, train_spec
from digitcore.runs.training import split_for
from digitcore.specs.recipes import RECIPES

SPEC = RunSpec(dataset="digits", model="softmax")


def test_the_test_is_that_of_the_estimator_on_the_training_part():
    train = split_for(SPEC).train
    model = make_model("softmax", random_state=0, **SPEC.parameters)
    direct = model.learning_rate_range(train.features("unit"), train.labels, lowest=1e-4, highest=1, n_steps=40)
    table = lr_range_test(SPEC, 1e-4, 1, 40)
    assert list(table["loss"]) == list(direct.losses)
    assert table["learning_rate"].iloc[0] == pytest.approx(1e-4)


def test_a_spec_travels_as_json():
    assert lr_range_test(SPEC.canonical_json, n_steps=20).equals(lr_range_test(SPEC, n_steps=20))


MLP, CNN = {"model": "mlp", "epochs": 20}, {"model": "cnn", "epochs": 4, "channels": (8,), "hidden_units": (32,)}


@pytest.mark.parametrize(
    ("settings", "best"),
    [
        ({"model": "softmax", "epochs": 10}, 0.32),
        ({**MLP, "optimizer": "adam"}, 0.0032),
        ({**MLP, "optimizer": "rmsprop"}, 0.01),
        ({**MLP, "momentum": 0.9}, 0.01),
        ({**CNN, "optimizer": "adam"}, 0.032),
        ("digits-mlp", 0.1),
    ],
)
def test_the_suggestion_reaches_nine_tenths_of_the_best_rates_accuracy(settings, best):
    """``best`` had the highest test accuracy of the rates from 0.0001 to 10 in steps of half a power of ten."""
    if settings == "digits-mlp":
        spec = RECIPES[settings].spec.with_changes(parameters={"epochs": 200})
    else:
        parameters = {name: value for name, value in settings.items() if name != "model"}
        split = {"test_size": 0.25, "random_state": 1}
        spec = RunSpec(dataset="digits", model=settings["model"], split=split, parameters=parameters)
    reached = [
        train_spec(spec.with_changes(parameters={"learning_rate": rate})).evaluation.parts["test"].accuracy
        for rate in (suggested_learning_rate(lr_range_test(spec)), best)
    ]
    assert reached[0] >= 0.9 * reached[1]
    assert reached[1] > 0.9


def test_wrong_ends_are_refused():
    with pytest.raises(InvalidSetting, match="lowest"):
        lr_range_test(SPEC, lowest=-1)
