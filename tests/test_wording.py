import math

import pytest

from digitcore.wording import (
    about_text,
    accuracy_label,
    article,
    bounded_percent_text,
    counted,
    duration_text,
    interval_text,
    listed,
    loss_text,
    percent_interval_text,
    percent_text,
    points_change_text,
    points_digits,
    points_interval_text,
    points_text,
    rough_duration_text,
    share_texts,
    short_number,
    shown_difference,
    unbroken,
)


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


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.0 %"), (1e-6, "< 0.1 %"), (0.001, "0.1 %"), (0.5, "50.0 %"), (0.9996, "> 99.9 %"), (1, "100.0 %")],
)
def test_a_share_that_is_smaller_than_its_last_digit_says_so(share, text):
    assert bounded_percent_text(share, 1) == text


def test_a_share_beside_others_is_not_the_whole():
    assert share_texts([0, 1.0, 1e-9], 1) == ["0.0 %", "> 99.9 %", "< 0.1 %"]
    assert share_texts([0, 1.0], 1) == ["0.0 %", "100.0 %"]


def test_the_accuracy_of_a_part_has_one_name():
    assert [accuracy_label(part) for part in ("train", "test")] == ["Training accuracy", "Test accuracy"]


def test_no_line_ends_between_a_number_and_its_unit():
    assert unbroken("takes about 6 s, 1 h 5 min left of 7 steps").split(" ") == [
        "takes",
        "about",
        "6\u00a0s,",
        "1\u00a0h",
        "5\u00a0min",
        "left",
        "of",
        "7",
        "steps",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Coat", "a"),
        ("Ankle boot", "an"),
        ("T-shirt/top", "a"),
        ("7", "a"),
        ("8", "an"),
        ("11", "an"),
        ("1", "a"),
        ("", "a"),
    ],
)
def test_a_name_has_its_article(name, expected):
    assert article(name) == expected


def test_names_are_listed_as_in_a_sentence():
    assert [listed(list(names)) for names in ("", "A", "AB", "ABC")] == ["", "A", "A and B", "A, B and C"]


def test_a_point_is_a_hundredth():
    assert points_text(0.0042) == "0.4 points"
    assert points_text(-0.0042, 2) == "−0.42 points"
    assert points_interval_text(-0.00001, 0.0042) == "0.0 to 0.4"


@pytest.mark.parametrize(
    ("share", "other", "said"),
    [(0.108, 0.0824, 2.6), (0.75862, 0.75342, 0.6), (0.9936, 0.9558, 3.8), (0.9999, 1.0, -0.1), (0.5, 0.5, 0.0)],
)
def test_a_difference_is_that_of_the_figures_as_they_are_written(share, other, said):
    assert shown_difference(share, other) == pytest.approx(said / 100)
    written = [float(percent_text(each, 1).removesuffix(" %")) for each in (share, other)]
    assert written[0] - written[1] == pytest.approx(said)


def test_an_interval_of_shares_stays_within_0_and_100_per_cent():
    assert percent_interval_text(0.97554, 0.98899) == "97.55 to 98.90"
    assert percent_interval_text(-0.01, 1.003) == "0.00 to 100.00"


def test_an_interval_of_a_figure_without_unit():
    assert interval_text(0.12344, 0.2) == "0.1234 to 0.2000"
    assert interval_text(1.5, 2.25, digits=1) == "1.5 to 2.2"


@pytest.mark.parametrize(
    ("shares", "digits"),
    [((0.004, 0.001), 1), ((0.004, -0.0004), 2), ((0.004, 0.00004), 3), ((0.0, 1e-12, math.nan), 1), ((), 1)],
)
def test_points_have_the_digits_that_show_them_as_other_than_zero(shares, digits):
    assert points_digits(*shares) == digits


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-1.5, "\u22121.5"),
        (0.00123, "0.00123"),
        (99.96, "100"),
        (1000.0, "1,000"),
        (8934.2, "8,934"),
        (1.2e-6, "1.2 × 10⁻⁶"),
        (5.2943e15, "5.29 × 10¹⁵"),
        (999_999.9, "1 × 10⁶"),
        (math.inf, "inf"),
    ],
)
def test_a_short_number_has_three_digits_and_a_power_of_ten_where_it_is_large_or_small(value, text):
    assert short_number(value) == text


@pytest.mark.parametrize(("loss", "text"), [(0.12345, "0.1235"), (9999.5, "9999.5000"), (6e15, "6 × 10¹⁵")])
def test_a_large_loss_has_a_power_of_ten(loss, text):
    assert loss_text(loss) == text


def test_one_thing_is_in_the_singular():
    assert [counted(n, "epoch") for n in (0, 1, 2, 1200)] == ["0 epochs", "1 epoch", "2 epochs", "1,200 epochs"]


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_a_duration_that_is_no_number_is_refused_in_one_sentence(seconds):
    with pytest.raises(ValueError, match="^A duration must be a finite number of seconds, got"):
        duration_text(seconds)
    with pytest.raises(ValueError, match="^A duration must be a finite number of seconds, got"):
        rough_duration_text(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "less than a second"),
        (1.0, "1 s"),
        (6.9, "7 s"),
        (19.4, "19 s"),
        (33.0, "35 s"),
        (58.0, "1 min"),
        (115.0, "2 min"),
        (149.0, "2 min 30 s"),
        (430.0, "7 min"),
        (3500.0, "1 h"),
        (7500.0, "2 h 5 min"),
    ],
)
def test_an_estimate_is_not_more_precise_than_it_can_be(seconds, text):
    assert rough_duration_text(seconds) == text


def test_an_estimate_in_a_sentence_says_about_once():
    assert [about_text(seconds) for seconds in (0.3, 7.2)] == ["less than a second", "about 7 s"]


def test_a_change_in_points_has_a_sign():
    assert [points_change_text(share) for share in (0.004, 0.0, -0.0151)] == [
        "+0.4 points",
        "0.0 points",
        "−1.5 points",
    ]
