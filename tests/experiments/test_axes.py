import json

import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.experiments import Axis, Range


def test_a_linear_range_is_evenly_spread():
    assert Range(0, 1, n=5).grid() == [0, 0.25, 0.5, 0.75, 1]


def test_a_logarithmic_range_has_even_ratios():
    assert Range(0.001, 10, n=5, scale="log").grid() == [0.001, 0.01, 0.1, 1, 10]


def test_a_range_of_whole_numbers_is_rounded_and_says_each_once():
    assert Axis.of("batch_size", Range(1, 4, n=9)).values == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("low", "high", "n", "scale", "words"),
    [
        (1, 1, 5, "linear", "from a lower to a higher number, got 1 to 1"),
        (0, 1, 5, "log", "must begin above 0, got 0"),
        (0, 1, 1, "linear", "must have 2 to 1000 values, got 1"),
        (0, 1, 5, "even", "must be linear or log, got 'even'"),
        (0, float("inf"), 5, "linear", "from a lower to a higher number, got 0 to inf"),
        ("a", 1, 5, "linear", "must have numbers as its ends, got 'a' and 1"),
        (1, None, 5, "linear", "must have numbers as its ends, got 1 and None"),
        (0, 1, 2.5, "linear", "must have 2 to 1000 values, got 2.5"),
    ],
)
def test_ranges_that_cannot_be_are_named(low, high, n, scale, words):
    with pytest.raises(InvalidSetting, match=words):
        Range(low, high, n, scale)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("lerning_rate", [1], "Did you mean 'learning_rate'"),
        ("learning_rate", [], "needs at least one value"),
        ("learning_rate", [-1], "learning_rate must be a number from"),
        ("learning_rate", "0.1", "by a list of values or a Range, got '0.1'"),
        ("optimizer", Range(0, 1), "optimizer takes no range"),
        ("learning_rate", Range(0.1, 2000), "learning_rate must be a number from 1e-08 to 1000, got 2000"),
    ],
)
def test_axes_that_cannot_be_are_named(name, given, words):
    with pytest.raises(InvalidSetting, match=words):
        Axis.of(name, given)


def test_values_are_read_as_in_a_link_and_said_once():
    assert Axis.of("hidden_units", ["32-16", (32, 16), "none"]).values == ((32, 16), ())
    assert Axis.of("batch_size", [16, None, 16.0]).values == (16, None)


def test_drawn_values_spread_over_the_logarithm():
    axis, generator = Axis.of("learning_rate", Range(1e-4, 1, scale="log")), np.random.default_rng(0)
    drawn = np.log10([axis.draw(generator) for _ in range(2000)])
    assert drawn.min() > -4 and drawn.max() < 0
    # The middle of even draws between -4 and 0; of draws even in the rate itself it would be near -0.3.
    assert np.median(drawn) == pytest.approx(-2, abs=0.15)


def test_numbers_of_numpy_are_taken():
    low, high, n = np.float32(0.25), np.int64(2), np.int64(3)
    axis = Axis.of("learning_rate", Range(low, high, n))
    assert axis.values == (0.25, 1.125, 2.0)
    assert json.dumps(axis.as_dict())
    assert Axis.of("batch_size", np.array([8, 16])).values == (8, 16)


def test_whole_numbers_are_drawn_alike_often_and_never_beyond_the_ends():
    axis, generator = Axis.of("batch_size", Range(1, 4)), np.random.default_rng(0)
    counts = np.bincount([axis.draw(generator) for _ in range(4000)], minlength=5)
    assert counts[0] == 0 and len(counts) == 5
    assert counts[1:].min() > 850
