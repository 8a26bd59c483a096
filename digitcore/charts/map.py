"""The chart of :mod:`digitcore.insight.projection`'s table."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._theme import PAGE, finished, themed_range
from digitcore.images import palette

# Where the names stand beside their clusters a legend would say them twice; more names would cover the points.
MOST_NAMES = 12
NAME_SIZE = 17
# Width and opacity of the halo of a name. Small points need a strong one, which would cut large points to pieces.
HALO, FAINT_HALO = (5, 1.0), (3, 0.7)
# Square pixels of all points together, and of one.
AREA_OF_POINTS, POINT_SIZES = 30_000, (12, 40)


def map_chart(table: pd.DataFrame, class_names: Sequence[str], *, select: str | None = None) -> alt.LayerChart:
    """Draw the points, coloured by truth; mistakes are larger and crossed.

    Up to 12 classes have their names written at the middle of their points; more have a legend.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.insight.projection.map_table`.
    class_names : sequence of str
        In class order.
    select : str, optional
        Name of a selection by dragging a rectangle, with ``x`` and ``y``.
    """
    names = [str(name) for name in class_names]
    colors = {theme: palette.class_colors(len(names), theme) for theme in palette.THEMES}
    named = len(names) <= MOST_NAMES
    size = float(np.clip(AREA_OF_POINTS / max(len(table), 1), *POINT_SIZES))
    axis = alt.Axis(labels=False, ticks=False, domain=False, grid=False, title=None)
    base = alt.Chart(table).encode(
        x=alt.X("x:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=8)),
        y=alt.Y("y:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=8)),
        color=alt.Color(
            "truth:N",
            title="Truth",
            sort=names,
            scale=alt.Scale(domain=names, range=themed_range(colors)),
            legend=None if named else alt.Legend(columns=16, symbolLimit=len(names)),
        ),
        tooltip=[
            alt.Tooltip("position:Q", title="Image", format="d"),
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("prediction:N", title="Prediction"),
        ],
    )
    right = base.transform_filter("!datum.wrong").mark_circle(size=size, opacity=1)
    wrong = base.transform_filter("datum.wrong").mark_point(
        shape="cross", size=2.2 * size + 12, opacity=1, filled=True, stroke=palette.WRONG, strokeWidth=1
    )
    if select is not None:
        right = right.add_params(alt.selection_interval(name=select))
    n_wrong = int(table["wrong"].sum())
    description = f"{len(table)} images as points, coloured by truth; {n_wrong} wrong predictions are crossed."
    # Ten thousand points are no work for a canvas, and a crawl for as many elements of a page.
    renderer = {"embedOptions": {"renderer": "canvas"}}
    return finished(
        alt.layer(right, wrong, *(_name_layers(table, base, size) if named else ())),
        height=560,
        description=description,
        usermeta=renderer,
    )


def _name_layers(table: pd.DataFrame, base: alt.Chart, size: float) -> list[alt.Chart]:
    """The name of each class at the middle of its points, readable on top of them."""
    middles = table.groupby("truth", as_index=False, sort=False)[["x", "y"]].median()
    width, opacity = HALO if size == POINT_SIZES[0] else FAINT_HALO
    words = alt.Chart(middles).encode(x=base.encoding.x, y=base.encoding.y, text=alt.Text("truth:N"))
    look = {"fontSize": NAME_SIZE, "fontWeight": "bold"}
    return [
        words.mark_text(**look, fill=PAGE, stroke=PAGE, strokeWidth=width, strokeOpacity=opacity, strokeJoin="round"),
        words.mark_text(**look).encode(color=base.encoding.color),
    ]
