import pytest

from digitcore.errors import InvalidSetting
from digitcore.evaluation.lr_range import suggested_learning_rate
from digitcore.experiments.lr_range import lr_range_test
from digitcore.models import make_model
from digitcore.runs import RunSpec
from digitcore.runs.training import split_for

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


def test_a_rate_is_suggested_that_learns():
    assert 1e-3 < suggested_learning_rate(lr_range_test(SPEC)) < 10


def test_wrong_ends_are_refused():
    with pytest.raises(InvalidSetting, match="lowest"):
        lr_range_test(SPEC, lowest=-1)
