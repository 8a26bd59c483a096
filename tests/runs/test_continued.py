"""Trainings that go on from where a shorter one ended."""

import numpy as np
import pytest

from digitcore.runs import RunSpec, train_spec
from digitcore.runs.training import checkpoint_of


def spec(epochs, **changes):
    parameters = {"epochs": epochs, "optimizer": "adam", "dropout": 0.2}
    return RunSpec(**{"dataset": "digits", "model": "mlp", "parameters": parameters, **changes})


def figures(outcome):
    return [(epoch.number, epoch.train_loss, epoch.validation_loss) for epoch in outcome.epochs]


def test_a_continued_training_is_the_training_from_the_start():
    whole = train_spec(spec(6))
    first = train_spec(spec(2), keep_checkpoint=True)
    seen = []
    continued = train_spec(spec(6), checkpoint=checkpoint_of(first.arrays), on_epoch=seen.append)
    assert figures(continued) == figures(whole)
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4, 5, 6]
    assert continued.evaluation == whole.evaluation
    for name, array in whole.arrays.items():
        if name.startswith(("weights.", "probabilities.")):
            np.testing.assert_array_equal(continued.arrays[name], array)
    np.testing.assert_array_equal(continued.arrays["snapshots.epochs"], [2, 3, 4, 5, 6])


def test_a_checkpoint_is_kept_only_when_asked_for():
    assert checkpoint_of(train_spec(spec(1)).arrays) is None


def test_a_training_that_early_stopping_ended_is_over():
    stopping = {"split": {"validation": "cut"}, "model": "softmax", "parameters": {"patience": 1, "learning_rate": 0.5}}
    short = train_spec(spec(40, **stopping), keep_checkpoint=True)
    settings = {**stopping["parameters"], "epochs": 400}
    once_more = train_spec(
        spec(40, **{**stopping, "parameters": settings}), checkpoint=checkpoint_of(short.arrays), keep_checkpoint=True
    )
    assert len(short.epochs) == len(once_more.epochs) < 30
    np.testing.assert_array_equal(short.arrays["weights.output.weight"], once_more.arrays["weights.output.weight"])
    assert set(checkpoint_of(once_more.arrays)) == set(checkpoint_of(short.arrays))


def test_a_checkpoint_of_another_training_is_left_aside(caplog):
    other = train_spec(spec(2, model="softmax", parameters={"epochs": 2}), keep_checkpoint=True)
    outcome = train_spec(spec(3), checkpoint=checkpoint_of(other.arrays))
    assert figures(outcome) == figures(train_spec(spec(3)))
    assert "Training from the start" in caplog.text
    assert outcome.state == "done"


@pytest.mark.parametrize("keep", [False, True])
def test_a_stopped_training_keeps_what_it_has(keep):
    outcome = train_spec(spec(50), should_stop=iter([False, False, True]).__next__, keep_checkpoint=keep)
    assert outcome.state == "cancelled"
    assert (checkpoint_of(outcome.arrays) is not None) == keep
