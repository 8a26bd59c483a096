"""Runs whose weights were changed after their training: what they are called, and that nothing is trained twice."""

import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.insight.surgery import Surgery, operate
from digitcore.runs import RunSpec
from digitcore.runs.advice import advice_for
from digitcore.runs.run import Run
from digitcore.runs.summary import verdict_of
from digitcore.runs.training import checkpoint_of, train_spec
from digitcore.specs.recipes import RECIPES, recipe_of
from digitcore.specs.run_spec import goes_on_from
from digitcore.specs.titles import spec_title, spec_titles

PLAIN = RunSpec(dataset="digits", model="mlp", parameters={"hidden_units": (16,), "epochs": 4, "batch_size": 64})
PRUNED = PLAIN.with_changes(surgery=Surgery(pruned=0.4))


@pytest.fixture(scope="module")
def outcomes():
    """What the training, and the same with its weights pruned, come to."""
    return train_spec(PLAIN, keep_checkpoint=True), train_spec(PRUNED, keep_checkpoint=True)


def test_a_change_is_part_of_the_digest_and_none_is_not():
    assert PLAIN.digest != PRUNED.digest
    assert "surgery" not in PLAIN.canonical_json
    assert PLAIN.with_changes(surgery=Surgery(units=(3,))) == PLAIN
    assert RunSpec.from_json(PRUNED.canonical_json) == PRUNED
    assert PRUNED.with_changes(surgery=None).digest == PLAIN.digest


def test_changes_that_mean_the_same_have_the_same_digest():
    for same in (Surgery(pruned=0.4, scale=0.0), Surgery(pruned=0.4, seed=7), {"pruned": 0.4, "units": [2]}):
        assert PLAIN.with_changes(surgery=same).digest == PRUNED.digest


@pytest.mark.parametrize(
    ("surgery", "message"),
    [
        ({"pruned": 2}, "surgery: pruned must be a share from 0 to 1, got 2"),
        ({"units": [16], "scale": 0}, "surgery: units must be numbers from 0 to 15"),
        ({"units": ["a"], "scale": 0}, "surgery: invalid literal"),
        ({"cut": 1}, "surgery: .*unexpected keyword argument 'cut'"),
        (3, "surgery must be a Surgery or a mapping of its attributes, got 3"),
    ],
)
def test_a_change_that_is_not_valid_is_refused(surgery, message):
    with pytest.raises(InvalidSetting, match=message):
        PLAIN.with_changes(surgery=surgery)


def test_no_training_goes_on_from_changed_weights():
    with pytest.raises(InvalidSetting, match=r"cannot go on from weights that were changed .*40 % pruned"):
        PLAIN.with_changes(parent=PRUNED, parameters={"epochs": 9})


def test_a_changed_run_goes_on_from_its_training():
    assert goes_on_from(PRUNED, PLAIN, 4)
    assert goes_on_from(PRUNED, PRUNED, 2)
    assert not goes_on_from(PRUNED, PLAIN.with_changes(random_state=1), 4)


def test_titles_say_what_was_changed_and_tell_changes_apart():
    assert spec_title(PRUNED) == f"{spec_title(PLAIN)}, 40 % pruned"
    off = [PLAIN.with_changes(surgery=Surgery(units=(unit,), scale=0.0)) for unit in (0, 1)]
    assert len(set(spec_titles([PLAIN, PRUNED, *off]))) == 4
    assert spec_title(off[1]).endswith("unit 2 off")
    recipe = RECIPES["digits-mlp"].spec.with_changes(surgery=Surgery(pruned=0.4))
    assert spec_title(recipe) == "digits-mlp, 40 % pruned"
    assert recipe_of(recipe) is None


def test_the_weights_are_changed_and_evaluated(outcomes):
    plain, pruned = outcomes
    expected = operate(plain.arrays.weights, "dense_1.weight", Surgery(pruned=0.4))
    for name, weights in pruned.arrays.weights.items():
        np.testing.assert_array_equal(weights, expected[name])
    assert sum((weights == 0).sum() for weights in pruned.arrays.weights.values()) > 0.3 * 1000
    assert [epoch.train_loss for epoch in pruned.epochs] == [epoch.train_loss for epoch in plain.epochs]
    assert not np.array_equal(plain.arrays.probabilities["test"], pruned.arrays.probabilities["test"])
    assert pruned.evaluation.best_epoch == plain.evaluation.best_epoch
    assert not checkpoint_of(pruned.arrays)


def test_from_the_checkpoint_of_its_training_it_is_the_same_run(outcomes):
    plain, pruned = outcomes
    trained = []
    again = train_spec(PRUNED, checkpoint=checkpoint_of(plain.arrays), on_epoch=trained.append)
    assert len(again.epochs) == 4
    for name, weights in pruned.arrays.weights.items():
        np.testing.assert_array_equal(weights, again.arrays.weights[name])


def test_what_early_stopping_keeps_is_what_is_changed():
    stopping = PLAIN.with_changes(parameters={"patience": 2, "epochs": 8}, split={"validation": "cut"})
    plain, pruned = (train_spec(each) for each in (stopping, stopping.with_changes(surgery=Surgery(pruned=0.4))))
    expected = operate(plain.arrays.weights, "dense_1.weight", Surgery(pruned=0.4))
    np.testing.assert_array_equal(pruned.arrays.weights["dense_1.weight"], expected["dense_1.weight"])
    assert pruned.evaluation.best_epoch == plain.evaluation.best_epoch


def test_a_stopped_one_is_changed_all_the_same_and_can_go_on():
    seen = []
    stopped = train_spec(PRUNED, on_epoch=seen.append, should_stop=lambda: len(seen) >= 2, keep_checkpoint=True)
    assert stopped.state == "cancelled"
    assert sum((weights == 0).sum() for weights in stopped.arrays.weights.values()) > 0.3 * 1000
    again = train_spec(PRUNED, checkpoint=checkpoint_of(stopped.arrays))
    whole = train_spec(PRUNED)
    np.testing.assert_array_equal(again.arrays.weights["output.weight"], whole.arrays.weights["output.weight"])


def test_no_verdict_is_reached_on_changed_weights(outcomes):
    _, pruned = outcomes
    run = Run(PRUNED, "done", epochs=pruned.epochs, evaluation=pruned.evaluation)
    assert verdict_of(run) is None
    assert advice_for(run) is None
