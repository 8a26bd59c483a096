"""The texts of a view's parameters."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from digitcore.errors import InvalidSetting
from digitcore.insight.perturbation import PERTURBATIONS
from digitcore.specs.settings import all_settings
from digitcore.specs.views import (
    VIEWS,
    axis_name,
    flag_text,
    list_text,
    number_text,
    range_text,
    read_flag,
    read_list,
    read_number,
    read_option,
    read_range,
    view_of_query,
)

LETTERS = some.text(max_size=8)


@given(some.lists(LETTERS.filter(bool), unique=True, max_size=5))
def test_a_list_is_read_as_it_was_written(parts):
    assert read_list("tags", list_text(parts), {part: part for part in parts}) == parts


@given(some.integers(-(10**9), 10**9))
def test_a_whole_number_is_read_as_it_was_written(number):
    assert read_number("n", number_text(number), -(10**9), 10**9) == number


@given(some.floats(-1e300, 1e300))
def test_a_number_is_read_as_it_was_written(number):
    read = read_number("x", number_text(number), -1e300, 1e300)
    assert read == number
    assert isinstance(read, float)


@given(some.lists(some.integers(0, 100), min_size=2, max_size=2).map(sorted).map(tuple))
def test_a_range_is_read_as_it_was_written(ends):
    assert read_range("confidence", range_text(ends), 0, 100) == ends


@given(some.booleans())
def test_a_switch_is_read_as_it_was_written(value):
    assert read_flag("each", flag_text(value)) is value


@given(some.text())
def test_no_text_does_more_than_being_refused(text):
    readers = (
        lambda: read_number("n", text, 0, 10),
        lambda: read_number("x", text, 0.0, 10.0),
        lambda: read_range("r", text, 0, 10),
        lambda: read_flag("f", text),
        lambda: read_option("o", text, {"a": 1}),
        lambda: read_list("l", text, {"a": 1}),
    )
    for read in readers:
        try:
            value = read()
        except InvalidSetting as problem:
            assert len(str(problem)) < 300
        else:
            assert value in (True, False, 1, [], [1]) or isinstance(value, tuple) or 0 <= value <= 10


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda: read_number("images", "101", 5, 100), "images must be a whole number from 5 to 100, got '101'"),
        (lambda: read_number("images", "1.5", 1, 2), "images must be a whole number from 1 to 2, got '1.5'"),
        (lambda: read_number("smoothing", "nan", 0.0, 0.95), "smoothing must be a number from 0 to 0.95, got 'nan'"),
        (lambda: read_number("images", "1_0", 5, 100), "got '1_0'"),
        (lambda: read_range("across", "60~20", 0, 100), "across must be two numbers such as 0~100, got '60~20'"),
        (lambda: read_flag("each", "true"), "each must be one of yes, no, got 'true'"),
        (lambda: read_option("a", "x", dict.fromkeys("bcdefgh")), "a must be one of b, c, d, e, f, ..., got 'x'"),
        (lambda: read_list("tags", "b,x", {"b": 1}), "tags must be one of b, got 'x'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(read, words):
    with pytest.raises(InvalidSetting) as refusal:
        read()
    assert words in str(refusal.value)


def test_a_page_knows_its_own_parameters_only():
    query = {"part": "train", "chart": "x", "run": "abc", axis_name("seed", "n"): "3"}
    assert view_of_query(query, "mistakes") == {"part": "train", "chart": "x"}
    assert view_of_query(query, "experiments") == {"vary.seed.n": "3"}


@pytest.mark.parametrize("page", ["train", "experiments", "data"])
def test_on_a_page_with_settings_no_name_is_that_of_a_setting(page):
    assert not set(VIEWS[page]) & {*all_settings(), "recipe", "run", "experiment"}


def test_every_change_of_an_image_has_a_parameter():
    assert {record.name for record in PERTURBATIONS} <= set(VIEWS["predict"])


def test_none_is_written():
    assert (number_text(None), number_text(math.pi)) == ("none", "3.141592653589793")
