"""The verdict on a training: each rule, what is near a threshold, and what chance makes of it."""

import math

import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.evaluation import PartAccuracy, TrainingCurve, judge_fit, still_rising
from digitcore.evaluation.trend import rise_of
from digitcore.evaluation.verdict import RULES

GUESSING = math.log(10)


def part(accuracy, n=10_000):
    return PartAccuracy(accuracy, n)


def curve(accuracies, losses=None, held_out=(), **others):
    losses = losses if losses is not None else [3 * (1 - accuracy) for accuracy in accuracies]
    return TrainingCurve(tuple(losses), tuple(accuracies), tuple(held_out), **others)


def rising(first, last, n=50):
    return np.linspace(first, last, n)


@pytest.mark.parametrize(
    ("train", "test", "kind"),
    [
        (0.999, 0.95, "overfits"),
        (0.987, 0.984, "fits well"),
        (0.90, 0.90, "underfits"),
        (0.96, 0.99, "fits well"),
        (0.10, 0.08, "learned nothing"),
    ],
)
def test_the_verdict_of_figures_alone(train, test, kind):
    verdict = judge_fit(part(train), part(test))
    assert (verdict.kind, verdict.rule, verdict.remark) == (kind, RULES[kind], "")


def test_the_verdict_names_the_figures():
    verdict = judge_fit(part(0.987, 60_000), part(0.984))
    assert all(figure in verdict.explanation for figure in ("98.70 %", "98.40 %", "0.30 points"))
    assert verdict.evidence[0] == "Training accuracy 98.70 %, 95 % interval 98.61 to 98.79 %, 60,000 images"
    assert verdict.evidence[2].startswith("Gap 0.30 points, 95 % interval 0.05 to 0.58 points")


def test_the_gap_is_the_difference_of_the_figures_beside_it():
    verdict = judge_fit(part(0.75862), part(0.75342))
    assert "Training accuracy 75.86 %, test accuracy 75.34 %: a gap of 0.52 points." in verdict.explanation
    assert verdict.evidence[2].startswith("Gap 0.52 points")
    better = judge_fit(part(0.75342), part(0.75862))
    assert "75.34 %, test accuracy 75.86 %: 0.52 points better than in training" in better.explanation


def test_without_images_held_out_overfitting_cannot_be_seen():
    verdict = judge_fit(part(0.99))
    assert verdict.title == "Fits the training images"
    assert "cannot be seen" in verdict.explanation


def test_a_spike_that_ends_at_guessing_has_diverged():
    accuracies = [*rising(0.2, 0.85, 30), *[0.08] * 20]
    losses = [*rising(2.2, 0.4, 30), 41.2, *[GUESSING] * 19]
    verdict = judge_fit(part(0.08, 1347), part(0.08, 450), curve(accuracies, losses, accuracies))
    assert verdict.kind == "diverged"
    assert "reached 85.00 %" in verdict.explanation and "In epoch 31 the loss jumped to 41.2" in verdict.explanation
    assert "epochs" not in verdict.explanation


def test_raw_pixels_whose_units_die_in_the_first_epoch_have_diverged():
    losses = [250.0, *[GUESSING] * 9]
    assert judge_fit(part(0.1), part(0.1), curve([0.11] * 10, losses)).kind == "diverged"


def test_a_training_that_never_leaves_its_start_has_learned_nothing():
    assert judge_fit(part(0.1), part(0.1), curve([0.1] * 10, [GUESSING] * 10)).kind == "learned nothing"
    # The first loss of raw pixels is large, and here it has not moved.
    assert judge_fit(part(0.1), part(0.1), curve([0.1] * 10, [11.0] * 10)).kind == "learned nothing"


def test_guessing_between_two_classes_is_half_right():
    of_two = curve([0.5] * 10, [math.log(2)] * 10, n_classes=2)
    assert judge_fit(part(0.52), part(0.5), of_two).kind == "learned nothing"


def test_an_accuracy_that_was_lost_again_is_unstable():
    accuracies = [*rising(0.3, 0.95, 20), 0.6, 0.9, 0.55, 0.7]
    verdict = judge_fit(part(0.7), part(0.7), curve(accuracies))
    assert verdict.kind == "unstable"
    assert "In epoch 20 it was 95.00 %" in verdict.explanation


def test_early_stopping_that_keeps_an_early_epoch_is_not_unstable():
    verdict = judge_fit(part(0.8), part(0.78), curve(rising(0.6, 0.99), held_out=[0.78] * 50, ended_early=True))
    assert verdict.kind == "underfits"


def test_what_still_rises_is_not_told_off_for_its_gap():
    rises = curve(rising(0.8, 1.0), held_out=rising(0.7, 0.9))
    verdict = judge_fit(part(1.0), part(0.9), rises)
    assert verdict.kind == "still improving"
    assert verdict.explanation.endswith("still rising, by 4.1 points in the last fifth of the epochs.")
    assert "10.00 points ahead" in verdict.remark and "more training images" in verdict.remark
    assert (verdict.explanation + verdict.remark).count("rising") == 1


@pytest.mark.parametrize(
    ("test", "rise", "kind"),
    [
        (0.867, 0.005, "overfits"),
        (0.867, 0.019, "overfits"),
        # A second training as long would close the gap.
        (0.867, 0.03, "still improving"),
        # Wide, but not far beyond what is harmless.
        (0.95, 0.005, "still improving"),
    ],
)
def test_a_large_gap_outweighs_a_small_rise(test, rise, kind):
    """A rise of so much in the last fifth of the epochs."""
    held_out = rising(test - 5 * rise, test)
    verdict = judge_fit(part(1.0, 1347), part(test, 4500), curve(rising(0.9, 1.0), held_out=held_out))
    assert verdict.kind == kind
    assert ("rising" in verdict.explanation) is (kind == "still improving")


def test_a_training_accuracy_that_rises_says_nothing_of_new_images():
    assert judge_fit(part(1.0), part(0.9), curve(rising(0.8, 1.0))).kind == "overfits"


def test_what_early_stopping_ended_is_not_still_improving():
    ended = curve(rising(0.7, 0.9), held_out=rising(0.7, 0.9), ended_early=True)
    assert judge_fit(part(0.9), part(0.9), ended).kind == "underfits"


def test_a_collapse_that_early_stopping_made_good_is_the_remark():
    accuracies = [*rising(0.5, 0.99, 20), *[0.1] * 5]
    verdict = judge_fit(part(0.99), part(0.985), curve(accuracies, held_out=accuracies, ended_early=True))
    assert verdict.kind == "fits well"
    assert "lower learning rate" in verdict.remark


@pytest.mark.parametrize(("true_gap", "at_most"), [(0.02, 5), (0.01, 1)])
def test_a_harmless_gap_is_hardly_ever_called_overfitting(true_gap, at_most, rng):
    """Draws of 450 test images of a model that is right on 98 % of its 1347 training images."""
    called, near = 0, 0
    for n_right in rng.binomial(450, 0.98 - true_gap, 400):
        verdict = judge_fit(part(0.98, 1347), part(n_right / 450, 450))
        called += verdict.kind == "overfits"
        near += verdict.near
    assert called / 4 <= at_most
    if true_gap == 0.02:
        assert near / 4 > 90


def test_a_large_gap_is_called_overfitting(rng):
    kinds = [judge_fit(part(1.0, 1347), part(n / 450, 450)).kind for n in rng.binomial(450, 0.92, 100)]
    assert kinds.count("overfits") > 95


def test_near_a_threshold_the_verdict_says_so():
    verdict = judge_fit(part(0.99, 1347), part(0.96, 450))
    assert (verdict.kind, verdict.near) == ("may overfit", True)
    assert "near the threshold" in verdict.explanation and "1.4 to 5.3 points" in verdict.explanation
    fitting = judge_fit(part(0.99, 1347), part(0.975, 450))
    assert (fitting.kind, fitting.near) == ("fits well", True)
    under = judge_fit(part(0.945, 500), part(0.945, 100_000))
    assert (under.kind, under.near) == ("underfits", True)
    assert not judge_fit(part(0.99), part(0.985)).near


@pytest.mark.parametrize(
    ("accuracies", "rises"),
    [
        ([], False),
        ([0.5], False),
        ([0.5, 0.6], True),
        ([0.5, 0.501], False),
        ([0.9] * 20, False),
        ([i / 100 for i in range(50)], True),
        ([i / 100 for i in range(50, 0, -1)], False),
        ([0.9, 0.94, 0.955, 0.964, 0.969], True),
        ([0.95, 0.92, 0.955, 0.915, 0.96], False),
    ],
)
def test_what_still_rises(accuracies, rises):
    assert still_rising(accuracies) is rises


def test_one_image_more_is_no_rise():
    assert not rise_of([200 / 450, 201 / 450], 450).clear
    assert rise_of([200 / 450, 203 / 450], 450).clear


def test_noise_alone_hardly_ever_rises(rng):
    drawn = [still_rising(values) for values in 0.9 + rng.normal(0, 0.01, (400, 50))]
    assert np.mean(drawn) < 0.05


def test_a_peak_is_where_the_accuracy_was_best_before_it_fell(rng):
    values = np.concatenate([np.linspace(0.8, 0.95, 20), np.linspace(0.95, 0.9, 30)])
    epoch, drop = curve(values, held_out=values).peak
    assert 18 <= epoch <= 25
    assert drop == pytest.approx(0.039, abs=0.005)
    assert curve(values[:20], held_out=values[:20]).peak is None
    assert curve(values).peak is None
    flat = 0.9 + rng.normal(0, 0.01, 50)
    assert curve(flat, held_out=flat).peak is None


def test_accuracies_are_shares():
    with pytest.raises(InvalidSetting, match="accuracies must be numbers from 0 to 1"):
        TrainingCurve(accuracies=(0.5, 50.0))
    with pytest.raises(InvalidSetting, match="accuracy must be a number from 0 to 1"):
        judge_fit(PartAccuracy(98, 10), None)
