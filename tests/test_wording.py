import math

import pytest

from digitcore.wording import counted, percent_text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.98416, "98.42 %"),
        (1.0, "100.00 %"),
        (0.99999, "99.99 %"),
        (0.00001, "0.01 %"),
        (0.0, "0.00 %"),
        (math.nan, "nan %"),
    ],
)
def test_a_percentage_is_whole_only_where_nothing_is_missing(share, text):
    assert percent_text(share) == text


def test_a_percentage_has_the_digits_that_are_asked_for():
    assert percent_text(0.9996, 1) == "99.9 %"


def test_one_thing_is_in_the_singular():
    assert [counted(n, "epoch") for n in (0, 1, 2, 1200)] == ["0 epochs", "1 epoch", "2 epochs", "1,200 epochs"]
