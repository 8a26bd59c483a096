"""Every phenomenon is really seen: both of its trainings are trained, and its figures lie where it says."""

import re
from functools import cache

import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.evaluation.comparison import compare_predictions
from digitcore.experiments.phenomena import PHENOMENA, load_phenomenon, missing_effects, neighbors_of, topics
from digitcore.insight.weight_images import first_layer_images
from digitcore.runs.training import split_for, train_spec


@cache
def trained(spec):
    """The outcome of a spec; several phenomena have the same baseline."""
    outcome = train_spec(spec)
    assert outcome.state == "done", outcome.reason
    return outcome


@pytest.mark.parametrize(
    "name", [name for name, each in PHENOMENA.items() if {each.baseline.dataset, each.variation.dataset} == {"digits"}]
)
def test_a_phenomenon_is_seen(name):
    phenomenon = PHENOMENA[name]
    assert missing_effects(phenomenon, trained(phenomenon.baseline), trained(phenomenon.variation)) == []


def test_a_phenomenon_of_larger_images_is_seen(mnist_directory):
    phenomenon = PHENOMENA["8x8-against-28x28"]
    assert phenomenon.downloads == ""  # its files are there
    assert missing_effects(phenomenon, trained(phenomenon.baseline), trained(phenomenon.variation)) == []


@pytest.mark.parametrize("name", ["rate-too-high", "momentum", "dead-relus", "more-data"])
def test_a_phenomenon_is_missed_where_the_variation_changes_nothing(name):
    phenomenon = PHENOMENA[name]
    same = trained(phenomenon.baseline)
    missing = missing_effects(phenomenon, same, same)
    assert missing and all(" of the variation must be " in sentence for sentence in missing)


def test_another_seed_differs_by_chance_and_the_same_seed_not_at_all():
    phenomenon = PHENOMENA["another-seed"]
    first, other, again = trained(phenomenon.baseline), trained(phenomenon.variation), train_spec(phenomenon.baseline)
    predictions = [each.arrays.probabilities["test"].argmax(axis=1) for each in (first, other)]
    comparison = compare_predictions(split_for(phenomenon.baseline).test.labels, *predictions)
    assert not np.array_equal(*predictions)
    assert not comparison.told_apart
    assert [epoch.train_loss for epoch in again.epochs] == [epoch.train_loss for epoch in first.epochs]
    assert np.array_equal(again.arrays.probabilities["test"], first.arrays.probabilities["test"])


def test_a_linear_model_has_one_weight_image_per_class():
    phenomenon = PHENOMENA["linear-model"]
    images = {
        spec.model: first_layer_images(spec.model, trained(spec).arrays.weights, (8, 8))
        for spec in (phenomenon.baseline, phenomenon.variation)
    }
    assert (len(images["softmax"]), len(images["mlp"])) == (10, 64)


def test_what_to_watch_is_said_in_two_sentences():
    for phenomenon in PHENOMENA.values():
        assert len(phenomenon.watch) == 2
        for sentence in phenomenon.watch:
            assert sentence.endswith(".") and not re.search(r"\. [A-Z]", sentence)
        assert phenomenon.baseline.digest != phenomenon.variation.digest


def test_phenomena_follow_each_other_and_are_listed_by_topic():
    names = list(PHENOMENA)
    assert neighbors_of(names[0]) == (None, names[1])
    assert neighbors_of(names[-1]) == (names[-2], None)
    assert [each.name for members in topics().values() for each in members] == names


def test_an_unknown_phenomenon_is_named():
    with pytest.raises(InvalidSetting, match="momentun.*Did you mean.*momentum"):
        load_phenomenon("momentun")
