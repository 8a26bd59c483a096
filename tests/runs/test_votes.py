"""Runs in which several seeds vote: what they are called, what they predict, and what they refuse."""

import numpy as np
import pytest

from digitcore.datasets import load_dataset
from digitcore.errors import ComparisonError, InvalidSetting
from digitcore.experiments import LearningCurve, Sweep
from digitcore.experiments.axes import Axis
from digitcore.experiments.comparison import compare
from digitcore.experiments.lr_range import lr_range_test
from digitcore.insight.surgery import Surgery
from digitcore.runs import RunSpec
from digitcore.runs.arrays import RunArrays
from digitcore.runs.prediction import RunModel
from digitcore.runs.progress import expected_time
from digitcore.runs.robustness import run_robustness
from digitcore.runs.run import Run
from digitcore.runs.training import checkpoint_of, split_for, train_spec
from digitcore.specs.links import query_to_spec, spec_to_query
from digitcore.specs.recipes import RECIPES
from digitcore.specs.titles import spec_title
from digitcore.wording import percent_text

PLAIN = RunSpec(
    dataset="digits",
    model="mlp",
    parameters={"hidden_units": (16,), "epochs": 4, "batch_size": 64},
    split={"validation": "cut"},
    random_state=7,
)
VOTE = PLAIN.with_changes(members=3)


ALONE = [PLAIN.with_changes(random_state=seed) for seed in (7, 8, 9)]


@pytest.fixture(scope="module")
def outcome():
    return train_spec(VOTE, keep_checkpoint=True)


@pytest.fixture(scope="module")
def alone():
    return [train_spec(spec) for spec in ALONE]


@pytest.fixture(scope="module")
def run(outcome):
    return Run(VOTE, "done", epochs=tuple(outcome.epochs), evaluation=outcome.evaluation)


@pytest.fixture(scope="module")
def model(run, outcome):
    return RunModel(run, outcome.arrays, load_dataset("digits").class_names)


def test_a_vote_is_part_of_the_digest_and_a_single_model_is_not():
    assert VOTE.digest != PLAIN.digest
    assert "members" not in PLAIN.canonical_json
    assert PLAIN.with_changes(members=1).digest == PLAIN.digest
    assert RunSpec.from_json(VOTE.canonical_json) == VOTE


def test_its_members_are_the_trainings_of_the_seeds_from_its_own_on():
    assert list(VOTE.seeds) == [7, 8, 9]
    assert list(PLAIN.seeds) == [7]


def test_links_and_titles_name_it():
    query = spec_to_query(VOTE)
    assert query["members"] == "3"
    assert query_to_spec(query)[1:] == (VOTE, [])
    assert "vote of 3 seeds" in spec_title(VOTE)
    assert "vote" not in spec_title(PLAIN)
    assert spec_title(RECIPES["mnist-best"].spec.with_changes(members=1)) == "mnist-best, no vote"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 0}, "members must be a whole number from 1 to 20, got 0"),
        ({"members": 21}, "members must be a whole number from 1 to 20, got 21"),
        ({"members": 3, "surgery": Surgery(pruned=0.4)}, "weights of a vote of several seeds cannot be changed"),
        (
            {"members": 3, "parent": PLAIN, "parameters": {"epochs": 9}},
            "vote of several seeds cannot go on from another",
        ),
        ({"members": 3, "random_state": 2**32 - 2}, "The last of 3 seeds would be above 4294967295"),
        ({"members": 20, "parameters": {"hidden_units": (4000, 4000)}}, "The 20 models that vote would have"),
        ({"parent": VOTE, "parameters": {"epochs": 9, "learning_rate": 0.3}}, "cannot go on from a vote"),
    ],
)
def test_what_a_vote_cannot_have_is_refused_in_a_sentence(changes, message):
    with pytest.raises(InvalidSetting, match=message):
        PLAIN.with_changes(**changes)


def test_it_is_evaluated_by_the_mean_of_its_members_probabilities(outcome, alone):
    assert outcome.state == "done", outcome.reason
    for part in ("train", "validation", "test"):
        expected = np.mean([each.arrays.probabilities[part] for each in alone], axis=0)
        np.testing.assert_allclose(outcome.arrays.probabilities[part], expected, atol=1e-6)
    labels = split_for(VOTE).test.labels
    right = outcome.arrays.probabilities["test"].argmax(axis=1) == labels
    assert percent_text(outcome.evaluation.parts["test"].accuracy) == percent_text(right.mean())
    assert outcome.epochs[1].train_loss == pytest.approx(np.mean([each.epochs[1].train_loss for each in alone]))


def test_a_longer_vote_goes_on_where_a_shorter_one_ended(outcome):
    longer = VOTE.with_changes(parameters={"epochs": 6})
    new_epochs = []
    gone_on = train_spec(longer, checkpoint=checkpoint_of(outcome.arrays), on_epoch=new_epochs.append)
    from_the_start = train_spec(longer)
    assert len(gone_on.epochs) == 6
    for name, array in from_the_start.arrays.items():
        np.testing.assert_array_equal(gone_on.arrays[name], array, err_msg=name)


def test_a_vote_that_is_stopped_is_evaluated(outcome):
    seen = []
    stopped = train_spec(
        VOTE.with_changes(parameters={"epochs": 2000}), on_epoch=seen.append, should_stop=lambda: len(seen) >= 3
    )
    assert stopped.state == "cancelled"
    assert len(stopped.epochs) == 3
    assert set(stopped.evaluation.parts) == {"train", "validation", "test"}


def test_a_vote_that_ends_early_keeps_the_way_of_its_first_member_as_long_as_that_was_trained():
    changes = {"parameters": {"epochs": 60, "patience": 2, "learning_rate": 0.3}}
    vote = VOTE.with_changes(random_state=9, **changes)
    alone = [PLAIN.with_changes(random_state=seed, **changes) for seed in vote.seeds]
    outcome, each = train_spec(vote, keep_checkpoint=True), [train_spec(spec) for spec in alone]
    lengths = [len(one.epochs) for one in each]
    assert lengths[0] < max(lengths) == len(outcome.epochs), "the first member should end before another"
    assert max(outcome.arrays.snapshots["epochs"]) <= lengths[0]
    expected = np.mean([one.arrays.probabilities["test"] for one in each], axis=0)
    np.testing.assert_allclose(outcome.arrays.probabilities["test"], expected, atol=1e-6)
    # The last checkpoint is that of an epoch in which all were trained.
    again = train_spec(vote, checkpoint=checkpoint_of(outcome.arrays))
    for name, array in outcome.arrays.weights.items():
        np.testing.assert_array_equal(again.arrays.weights[name], array)


def test_the_seeds_of_an_experiment_share_no_model():
    sweep = Sweep(VOTE, (Axis("learning_rate", (0.01, 0.1)),), n_seeds=3)
    seeds = {member.spec.random_state for member in sweep.members}
    assert seeds == {7, 10, 13}
    repeats = LearningCurve(VOTE, sizes=(200, 400), n_repeats=2)
    assert {member.spec.random_state for member in repeats.members} == {7, 10}


def test_votes_that_share_models_are_not_compared_over_seeds(run, outcome):
    def moved(by, **changes):
        spec = VOTE.with_changes(random_state=7 + by, **changes)
        return Run(spec, "done", epochs=run.epochs, evaluation=run.evaluation)

    other = {"parameters": {"learning_rate": 0.1}}
    with pytest.raises(ComparisonError, match="take seeds that are at least 3 apart"):
        compare([moved(0), moved(2), moved(0, **other), moved(3, **other)], lambda digest: outcome.arrays)
    compare([moved(0), moved(3), moved(0, **other), moved(3, **other)], lambda digest: outcome.arrays)


def test_the_kept_model_predicts_as_the_run_was_evaluated(model, outcome):
    part = split_for(VOTE).test
    np.testing.assert_allclose(model.predict_proba(part.images), outcome.arrays.probabilities["test"], atol=1e-6)
    image = part.images[0]
    np.testing.assert_allclose(model.probabilities(image), outcome.arrays.probabilities["test"][0], atol=1e-6)


def test_pages_show_the_weights_of_the_first_member(model, outcome, alone):
    for weights in (model.weights, outcome.arrays.shown_weights):
        assert weights.keys() == alone[0].arrays.weights.keys()
        np.testing.assert_array_equal(weights["dense_1.weight"], alone[0].arrays.weights["dense_1.weight"])
    assert model.n_bytes == 3 * sum(array.nbytes for array in model.weights.values())
    for name, snapshots in alone[0].arrays.snapshots.items():
        np.testing.assert_array_equal(outcome.arrays.snapshots[name], snapshots, err_msg=name)


def test_the_hidden_values_are_the_first_members(model, alone):
    part = split_for(VOTE).test
    first = RunModel(Run(PLAIN, "done", evaluation=alone[0].evaluation), alone[0].arrays, model.class_names)
    np.testing.assert_array_equal(model.last_hidden(part.images[:5]), first.last_hidden(part.images[:5]))
    assert model.strongest_paths(part).keys() == set(range(10))
    assert model.has_hidden_layers


def test_what_explains_an_answer_is_the_mean_of_the_members(model, alone):
    image, names = split_for(VOTE).test.images[0], load_dataset("digits").class_names
    each = [
        RunModel(Run(spec, "done", evaluation=outcome.evaluation), outcome.arrays, names)
        for spec, outcome in zip(ALONE, alone, strict=True)
    ]
    expected = np.mean([single.gradients(image) for single in each], axis=0)
    np.testing.assert_allclose(model.gradients(image), expected, atol=1e-6)


def test_the_contributions_of_a_vote_of_softmax_regressions_are_means():
    spec = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 2}, members=2)
    names, image = load_dataset("digits").class_names, split_for(spec).test.images[0]

    def contributions(spec):
        outcome = train_spec(spec)
        run = Run(spec, "done", evaluation=outcome.evaluation)
        return RunModel(run, outcome.arrays, names).contributions(image)

    expected = np.mean([contributions(spec.with_changes(members=1, random_state=seed)) for seed in (0, 1)], axis=0)
    np.testing.assert_allclose(contributions(spec), expected, atol=1e-6)


def test_the_weights_of_a_vote_are_not_changed(model):
    with pytest.raises(InvalidSetting, match="choose one of its seeds"):
        model.operated(Surgery(pruned=0.4))


def test_its_robustness_is_that_of_the_vote(run, outcome):
    table = run_robustness(run, outcome.arrays.weights, "test", corruptions=("noise",))
    plain = table[table["severity"] == 0]["accuracy"]
    assert plain.iloc[0] == pytest.approx(outcome.evaluation.parts["test"].accuracy)
    first = RunArrays(outcome.arrays).shown_weights
    with pytest.raises(InvalidSetting, match=r"weight"):
        run_robustness(run, first, "test", corruptions=("noise",))


def test_the_time_of_a_vote_is_that_of_all_its_members():
    # What remains when no epoch is left is the same for both.
    n_epochs = PLAIN.parameters["epochs"]
    vote, alone = (expected_time(each).seconds - expected_time(each, n_done=n_epochs).seconds for each in (VOTE, PLAIN))
    assert vote == pytest.approx(3 * alone)


def test_the_range_test_of_a_vote_is_that_of_its_first_seed():
    assert lr_range_test(VOTE, n_steps=20).equals(lr_range_test(PLAIN, n_steps=20))
