"""The names of lines at their ends, instead of a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from digitcore.charts._theme import FONT_SIZE, themed
from digitcore.images import palette

# Pixels below their points of the upper and the lower name, a line of text apart, so that they never meet. Losses end
# near the axis, whose labels stand below it; accuracies end near the top.
PLACES = {"loss": (-20, -7), "accuracy": (0, 13)}
# For a long name beside a narrow chart, in pixels: the axis alone leaves too little room for it.
PADDING = {"right": 24}


def end_names(
    lines: alt.Chart,
    names: list[str],
    *,
    measure: str,
    x: str,
    y: str,
    column: str = "part",
    colors: Sequence[Mapping[str, str]] | None = None,
    low: float | None = None,
) -> list[alt.Chart]:
    """Return text layers with the name of each line at the right of its last point, in the line's colour.

    Parameters
    ----------
    lines : Chart
        Its encodings ``x`` and ``y`` are of these fields.
    names : list of str
        Of one or two lines.
    measure : {"loss", "accuracy"}
        What the lines show: a loss ends near the axis, an accuracy near the top.
    x, y, column : str
        Columns of the axes and of the names.
    colors : sequence of mapping, optional
        Of the words, by theme. Default: those of parts with these names.
    low : float, optional
        Lines that end below this accuracy are named above their last points.
    """
    last = (
        lines.transform_filter(f"isValid(datum['{y}'])")
        .transform_joinaggregate(last_x=f"max({x})", groupby=[column])
        .transform_filter(f"datum['{x}'] === datum.last_x")
        .transform_joinaggregate(lowest=f"min({y})")
        # Two lines of equal value still get two places.
        .transform_window(place="row_number()", sort=[alt.SortField(y, order="descending"), alt.SortField(column)])
    )
    words = [themed(each) for each in colors or [palette.part_text_color(name) for name in names]]
    named = last.encode(
        text=alt.Text(f"{column}:N"),
        color=alt.Color(f"{column}:N", scale=alt.Scale(domain=names, range=words), legend=None),
        tooltip=alt.value(None),
    )
    look = {"align": "left", "dx": 7, "baseline": "middle", "fontSize": FONT_SIZE, "fontWeight": 600}
    ends = {"": PLACES[measure]}
    if low is not None:
        # Both names at once, or they could meet; that of a line far above stays beside its point.
        near = f"(datum.lowest < {low} && datum['{y}'] < {2 * low})"
        ends = {f" && !{near}": PLACES[measure], f" && {near}": PLACES["loss"]}
    return [
        named.transform_filter(f"datum.place {which} 1{end}").mark_text(**look, dy=dy)
        for end, places in ends.items()
        for which, dy in zip(("===", "!=="), places, strict=True)
    ]
