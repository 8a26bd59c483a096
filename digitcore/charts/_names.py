"""Axes of names, each of which is written in full and horizontally at any width of the page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt

from digitcore.charts._axes import LABEL_CHARACTER, labels_fit
from digitcore.charts._theme import FIT_WIDTH, FONT_SIZE

# What a phone leaves beside the figures of the other axis, in pixels: a chart does not know the width of its page.
PHONE_WIDTH = 300
HEIGHT = 300
# Of a row with its name, and of the axis below the rows with its title.
ROW = 36
# Longer names take two lines, or a phone would have more names than chart.
LINE_LETTERS = 18
# Pixels of a line: the longest name of a model or an optimizer has 27 letters.
NAME_LIMIT = 190


def side_by_side(names: Sequence[str]) -> bool:
    """Whether these names fit beside each other, on a phone too."""
    return labels_fit(list(names), PHONE_WIDTH / max(len(names), 1), FONT_SIZE)


def name_axis(field: str, title: str | None, names: list[str]) -> alt.X | alt.Y:
    """Return an axis of names in this order: a horizontal one where they fit side by side, otherwise a vertical one.

    The figures belong on the other one, :func:`figure_channel`.
    """
    scale = alt.Scale(domain=names)
    if side_by_side(names):
        axis = alt.Axis(labelLimit=NAME_LIMIT, labelOverlap=False, grid=False)
        return alt.X(f"{field}:N", title=title, sort=names, scale=scale, axis=axis)
    axis = alt.Axis(labelLimit=NAME_LIMIT, labelOverlap=False, grid=False, domain=True, **wrapped_labels(names))
    # Each name says what it is; a title beside them would take the room of a phone.
    return alt.Y(f"{field}:N", title=None, sort=names, scale=scale, axis=axis)


def figure_channel(names: alt.X | alt.Y) -> type[alt.X] | type[alt.Y]:
    """The axis of the figures beside one of names."""
    return alt.Y if isinstance(names, alt.X) else alt.X


def offset_channel(names: alt.X | alt.Y) -> type[alt.XOffset] | type[alt.YOffset]:
    """The place beside each other of what belongs to one name."""
    return alt.XOffset if isinstance(names, alt.X) else alt.YOffset


def name_size(names: alt.X | alt.Y, n_names: int, *, height: int = HEIGHT, row: int = ROW) -> dict[str, Any]:
    """Return the properties of a chart with such an axis: its height, which follows the names that stand in rows."""
    if isinstance(names, alt.X):
        return {"height": height}
    return {"height": row * n_names, "autosize": FIT_WIDTH}


def wrapped_labels(names: Sequence[str], letters: int = LINE_LETTERS) -> dict[str, Any]:
    """Return properties of an axis that writes long names in several lines, none shorter than their longest word."""
    lines = {name: wrapped(name, letters) for name in names}
    long = {name: each for name, each in lines.items() if len(each) > 1}
    return {"labelExpr": f"({json.dumps(long)})[datum.value] || datum.label"} if long else {}


def wrapped(name: str, letters: int) -> list[str]:
    """Return the lines of a name, each of so many letters at the most, but no word broken."""
    return textwrap.wrap(name, letters, break_long_words=False, break_on_hyphens=False) or [name]


def label_width(letters: int) -> int:
    """Return about how many pixels a label of so many letters takes, with some room beside it."""
    return int(LABEL_CHARACTER * FONT_SIZE * (letters + 1)) + 1
