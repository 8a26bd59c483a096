import tracemalloc

import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.images.strokes import MOST_POINTS, MOST_STROKES, PAD_UNITS, draw_strokes, fitted, pad_strokes

REFUSED = "^A drawing must be 1 to 200 strokes of 4000 points in all, with whole coordinates from 0 to 1000, .* again.$"


def test_what_the_pad_sends_is_strokes():
    first, second = pad_strokes([[0, 0, 500, 1000], [250, 750]])
    assert (first.tolist(), second.tolist()) == ([[0, 0], [0.5, 1]], [[0.25, 0.75]])


@pytest.mark.parametrize("sent", [[[0, 0]] * MOST_STROKES, [[0, PAD_UNITS] * MOST_POINTS]], ids=["strokes", "points"])
def test_as_much_as_the_pad_sends_at_most_is_taken(sent):
    assert len(pad_strokes(sent)) == len(sent)


class Text(list):
    """What JSON never gives."""


@pytest.mark.parametrize(
    "sent",
    [
        *(None, True, 7, float("nan"), b"bytes", "[[1, 2]]", {"strokes": [[1, 2]]}, ([1, 2],), Text([[1, 2]])),
        *([], [[]], [[1]], [[1, 2, 3]], [1, 2], [[[1, 2]]], [["1", "2"]], [[None, 1]], [{"x": 1}], [(1, 2)]),
        *([[1.0, 2.0]], [[float("nan"), 1]], [[float("inf"), 1]], [[True, False]], [[-1, 0]], [[0, PAD_UNITS + 1]]),
        *([[10**400, 1]], [[1, 2], [3]], [[1, 2]] * (MOST_STROKES + 1), [[1, 2] * (MOST_POINTS + 1)]),
        *([[]] * 500_000, [[1, 2] * MOST_POINTS] * MOST_STROKES, [[0] * 2_000_000]),
    ],
    ids=lambda sent: f"{type(sent).__name__} {str(sent)[:12]}",
)
def test_what_no_pad_sends_is_refused_without_taking_memory(sent):
    tracemalloc.start()
    try:
        with pytest.raises(InvalidSetting, match=REFUSED):
            pad_strokes(sent)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("width", [0.02, 0.1, 0.3])
def test_a_stroke_is_as_wide_as_it_should_be_and_its_ends_are_round(width):
    ink = draw_strokes([np.array([[0.5, 0.25], [0.5, 0.75]])], width, side=200)
    assert ink.shape == (200, 200)
    assert ink[100].sum() == pytest.approx(200 * width, abs=1)
    assert ink[:, 100].sum() == pytest.approx(100 + 200 * width, abs=2)
    assert ink.sum() == pytest.approx(200**2 * (0.5 * width + np.pi * width**2 / 4), rel=0.15)


def test_the_page_draws_x_to_the_right_and_y_downwards():
    ink = draw_strokes([np.array([[0.9, 0.2]])], 0.05, side=100)
    assert np.argwhere(ink == 1).mean(axis=0) == pytest.approx([20, 90], abs=1)


@pytest.mark.parametrize("side", [0.02, 0.3, 1.0])
def test_a_fitted_drawing_fills_the_sheet_whatever_its_size(side):
    strokes, width = fitted([side * np.array([[0.2, 0.1], [0.5, 0.9]]), side * np.array([[0.3, 0.3]])], 0.1)
    ink = draw_strokes(strokes, width, side=200)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert np.ptp(rows) + 1 == pytest.approx(180, abs=3)
    assert rows[[0, -1]].mean() == pytest.approx(99.5, abs=1)
    assert columns[[0, -1]].mean() == pytest.approx(99.5, abs=1)


def test_a_dot_stays_a_dot():
    (dot,), width = fitted([np.array([[0.1, 0.9]])], 0.2)
    assert (dot.tolist(), width) == ([[0.5, 0.5]], pytest.approx(0.18))
