"""Trainings that go on from where a shorter one ended."""

import numpy as np
import pytest

from digitcore.models.checkpoint import n_epochs_of
from digitcore.models.pauses import pauses
from digitcore.runs import RunSpec, train_spec, training
from digitcore.runs.run import Run
from digitcore.runs.summary import learning_rates_of
from digitcore.runs.training import checkpoint_of
from digitcore.specs.run_spec import goes_on_from


def spec(epochs, **changes):
    parameters = {"epochs": epochs, "optimizer": "adam", "dropout": 0.2}
    return RunSpec(**{"dataset": "digits", "model": "mlp", "parameters": parameters, **changes})


def figures(outcome):
    return [(epoch.number, epoch.train_loss, epoch.validation_loss) for epoch in outcome.epochs]


def assert_same_arrays(one, other):
    """All but the checkpoint, which has the seconds of each epoch."""
    names = {name for name in one.arrays if not name.startswith("checkpoint.")}
    assert names == {name for name in other.arrays if not name.startswith("checkpoint.")}
    for name in names:
        np.testing.assert_array_equal(one.arrays[name], other.arrays[name], err_msg=name)


def test_a_continued_training_is_the_training_from_the_start():
    whole = train_spec(spec(6))
    first = train_spec(spec(2), keep_checkpoint=True)
    seen = []
    continued = train_spec(spec(6), checkpoint=checkpoint_of(first.arrays), on_epoch=seen.append)
    assert figures(continued) == figures(whole)
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4, 5, 6]
    assert continued.evaluation == whole.evaluation
    assert_same_arrays(continued, whole)


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


# Stopped in the middle.


def test_a_training_stopped_in_the_middle_of_an_epoch_goes_on_as_if_nothing_had_been(monkeypatch):
    slow = spec(4, parameters={"epochs": 4, "hidden_units": (100, 60), "batch_size": 3, "optimizer": "adam"})
    whole = train_spec(slow)
    # Have a stop seen at the next batch, and end the epoch there.
    monkeypatch.setattr(training, "FINISH_SECONDS", 0.0)
    monkeypatch.setattr(training, "pauses", lambda action: pauses(action, 0))
    seen = []

    def in_the_third():
        if len(seen) == 2:
            asked.append(True)
        return len(asked) > 1  # once after the second epoch, then between batches

    asked = []
    stopped = train_spec(slow, on_epoch=seen.append, should_stop=in_the_third, keep_checkpoint=True)
    assert stopped.state == "cancelled"
    assert len(stopped.epochs) == 2
    again = train_spec(slow, checkpoint=checkpoint_of(stopped.arrays))
    assert figures(again) == figures(whole)
    assert_same_arrays(again, whole)


def test_checkpoints_on_the_way_are_enough_to_go_on():
    taken, whole = [], train_spec(spec(6))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "CHECKPOINT_SECONDS", 0.0)
        train_spec(spec(6), on_checkpoint=taken.append)
    assert [n_epochs_of(each) for each in taken] == [1, 2, 3, 4, 5, 6]
    again = train_spec(spec(6), checkpoint=taken[2])
    assert figures(again) == figures(whole)
    assert_same_arrays(again, whole)


def test_a_checkpoint_that_is_too_large_is_not_kept(monkeypatch):
    monkeypatch.setattr(training, "MOST_CHECKPOINT_BYTES", 1000)
    outcome = train_spec(spec(2), keep_checkpoint=True)
    assert outcome.state == "done"
    assert checkpoint_of(outcome.arrays) is None


# Going on with other settings.


FORKS = {
    "rate": {"parameters": {"learning_rate": 0.002}},
    "dropout and batch": {"parameters": {"dropout": 0.5, "batch_size": 50}},
    "optimizer": {"parameters": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05}},
    "fewer images": {"split": {"max_train": 300}},
    "seed": {"random_state": 7},
}


@pytest.mark.parametrize("changes", FORKS.values(), ids=FORKS)
def test_a_fork_is_the_same_from_its_parents_end_and_from_nothing(changes):
    parent = spec(3)
    child = parent.with_changes(
        **{**changes, "parent": parent, "parameters": {"epochs": 6, **changes.get("parameters", {})}}
    )
    kept = train_spec(parent, keep_checkpoint=True)
    forked, from_nothing = train_spec(child, checkpoint=checkpoint_of(kept.arrays)), train_spec(child)
    assert figures(forked)[:3] == figures(kept)
    assert figures(forked) == figures(from_nothing)
    assert_same_arrays(forked, from_nothing)
    assert figures(forked)[3:] != figures(train_spec(spec(6)))[3:]


def test_a_fork_of_a_fork_goes_on_from_wherever_it_was_stopped():
    first = spec(2)
    second = first.with_changes(parent=first, parameters={"epochs": 4, "learning_rate": 0.003})
    third = second.with_changes(parent=second, parameters={"epochs": 6, "dropout": 0.0})
    taken, whole = [], train_spec(third)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "CHECKPOINT_SECONDS", 0.0)
        train_spec(third, on_checkpoint=taken.append)
    assert [n_epochs_of(each) for each in taken] == [1, 2, 3, 4, 5, 6]
    for each in taken:
        again = train_spec(third, checkpoint=each)
        assert figures(again) == figures(whole)
        assert_same_arrays(again, whole)


def test_a_fork_stopped_while_its_parent_is_trained_keeps_those_epochs():
    parent = spec(30)
    child = parent.with_changes(parent=parent, parameters={"epochs": 40, "learning_rate": 0.002})
    seen = []
    outcome = train_spec(child, on_epoch=seen.append, should_stop=lambda: len(seen) >= 4, keep_checkpoint=True)
    assert (outcome.state, outcome.reason) == ("cancelled", training.STOPPED_IN_PARENT)
    assert 4 <= len(outcome.epochs) < 30
    kept = checkpoint_of(outcome.arrays)
    assert n_epochs_of(kept) == len(outcome.epochs)
    again, whole = train_spec(child, checkpoint=kept), train_spec(child)
    assert figures(again) == figures(whole)
    assert_same_arrays(again, whole)


def test_a_schedule_has_the_epochs_after_the_fork_and_checkpoints_hold_it():
    parent = spec(2)
    child = parent.with_changes(parent=parent, parameters={"epochs": 6, "schedule": "one_cycle"})
    whole, taken = train_spec(child), []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "CHECKPOINT_SECONDS", 0.0)
        train_spec(child, on_checkpoint=taken.append)
    again = train_spec(child, checkpoint=taken[3])
    assert figures(again) == figures(whole)
    rates = learning_rates_of(Run(child, "done", epochs=tuple(whole.epochs)))
    assert rates["epoch"].max() == 6
    before, after = rates[rates["epoch"] < 2], rates[rates["epoch"] >= 2].iloc[1:]
    assert before["learning_rate"].unique().tolist() == [0.01]
    assert after["learning_rate"].iloc[0] == pytest.approx(0.01 / 25)
    assert after["learning_rate"].max() == pytest.approx(0.01, rel=0.01)


def test_a_schedule_that_ends_with_the_last_epoch_makes_more_epochs_another_training():
    short = spec(3, parameters={"epochs": 3, "schedule": "cosine"})
    longer = short.with_changes(parameters={"epochs": 6})
    assert short.ends_its_schedule
    assert not goes_on_from(longer, short, 3)
    assert goes_on_from(short, short, 2)
    fork = short.with_changes(parent=short, parameters={"epochs": 6})
    assert fork.parent == short
    assert goes_on_from(fork, short, 3)
    assert not goes_on_from(fork, short.with_changes(parameters={"epochs": 9}), 3)
    steps = spec(3, parameters={"epochs": 3, "schedule": "step"})
    assert goes_on_from(steps.with_changes(parameters={"epochs": 6}), steps, 3)
