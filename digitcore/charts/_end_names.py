"""The names of lines at their ends, instead of a legend."""

from __future__ import annotations

import altair as alt

from digitcore.charts._theme import FONT_SIZE, themed
from digitcore.images import palette

# Pixels below their points of the upper and the lower name, a line of text apart, so that they never meet. Losses end
# near the axis, whose labels stand below it; accuracies end near the top.
PLACES = {"loss": (-20, -7), "accuracy": (0, 13)}
# For a long name beside a narrow chart, in pixels: the axis alone leaves too little room for it.
PADDING = {"right": 24}


def end_names(lines: alt.Chart, parts: list[str], *, measure: str, x: str, y: str) -> list[alt.Chart]:
    """Return text layers with the name of each part at the right of its line's last point, in the part's colour.

    Parameters
    ----------
    lines : Chart
        Its table has a column ``part``, and its encodings ``x`` and ``y`` are of these fields.
    parts : list of str
        Names of one or two lines.
    measure : {"loss", "accuracy"}
        What the lines show.
    x, y : str
        Columns of the axes.
    """
    last = (
        lines.transform_filter(f"isValid(datum['{y}'])")
        .transform_joinaggregate(last_x=f"max({x})", groupby=["part"])
        .transform_filter(f"datum['{x}'] === datum.last_x")
        # Two parts of equal value still get two places.
        .transform_window(place="row_number()", sort=[alt.SortField(y, order="descending"), alt.SortField("part")])
    )
    colors = [themed(palette.part_text_color(part)) for part in parts]
    named = last.encode(
        text=alt.Text("part:N"),
        color=alt.Color("part:N", scale=alt.Scale(domain=parts, range=colors), legend=None),
        tooltip=alt.value(None),
    )
    upper, lower = PLACES[measure]
    look = {"align": "left", "dx": 7, "baseline": "middle", "fontSize": FONT_SIZE, "fontWeight": 600}
    return [
        named.transform_filter("datum.place === 1").mark_text(**look, dy=upper),
        named.transform_filter("datum.place !== 1").mark_text(**look, dy=lower),
    ]
