"""The chart of :mod:`digitcore.insight.projection`'s table."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._name_places import name_sizes, place_names
from digitcore.charts._theme import PAGE, finished, themed_range
from digitcore.images import palette

# Where the names stand beside their clusters a legend would say them twice; more names would cover the points.
MOST_NAMES = 12
# Pixels: from the first width of the map on, the names are large and stand nearer to their points. Their other places
# are for narrower maps, down to the second width, that of a phone.
WIDE, NARROW = 800, 330
NAME_SIZE, SMALL_NAME_SIZE = 17, 14
HEIGHT, PADDING = 560, 8
# Width and opacity of the halo of a name. Small points need a strong one, which would cut large points to pieces.
HALO, FAINT_HALO = (11, 1.0), (5, 0.8)
# Square pixels of all points together, and of one.
AREA_OF_POINTS, POINT_SIZES = 30_000, (12, 40)


def map_chart(table: pd.DataFrame, class_names: Sequence[str], *, select: str | None = None) -> alt.LayerChart:
    """Draw the points, coloured by truth; mistakes are larger and crossed.

    Up to 12 classes have their names written at the middle of their points, or near it where another name is; more
    have a legend.

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
    low, spans = _extent(table)
    scales = {
        # Of the points alone: the places of the names are worked out from where they begin and end.
        name: alt.Scale(domain=[float(start), float(start + span)], zero=False, nice=False, padding=PADDING)
        for name, start, span in zip("xy", low, spans, strict=True)
    }
    axis = alt.Axis(labels=False, ticks=False, domain=False, grid=False, title=None)
    base = alt.Chart(table).encode(
        x=alt.X("x:Q", axis=axis, scale=scales["x"]),
        y=alt.Y("y:Q", axis=axis, scale=scales["y"]),
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
    if named:
        # Names are darker or lighter than their points.
        chart = alt.layer(right, wrong, *_name_layers(table, base, size, names)).resolve_scale(color="independent")
    else:
        chart = alt.layer(right, wrong)
    return finished(
        chart,
        height=HEIGHT,
        description=description,
        usermeta=renderer,
    )


def _name_layers(table: pd.DataFrame, base: alt.Chart, size: float, names: Sequence[str]) -> list[alt.Chart]:
    """The name of each class at the middle of its points, readable on top of them."""
    width, opacity = HALO if size == POINT_SIZES[0] else FAINT_HALO
    inks = themed_range({theme: palette.class_text_colors(len(names), theme) for theme in palette.THEMES})
    is_wide = f"width >= {WIDE}"
    words = (
        alt.Chart(name_table(table))
        .transform_calculate(
            **{axis: f"{is_wide} ? datum.wide_{axis} : datum.narrow_{axis}" for axis in ("x", "y")},
        )
        .encode(x=base.encoding.x, y=base.encoding.y, text=alt.Text("truth:N"))
    )
    look = {"fontSize": alt.ExprRef(expr=f"{is_wide} ? {NAME_SIZE} : {SMALL_NAME_SIZE}"), "fontWeight": "bold"}
    return [
        words.mark_text(**look, fill=PAGE, stroke=PAGE, strokeWidth=width, strokeOpacity=opacity, strokeJoin="round"),
        words.mark_text(**look).encode(
            color=alt.Color("truth:N", scale=alt.Scale(domain=names, range=inks), legend=None)
        ),
    ]


def name_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return where the name of each class stands on a map: at the middle of its points, or near it.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.insight.projection.map_table`.

    Returns
    -------
    DataFrame
        ``truth``; ``wide_x``, ``wide_y`` on a map of at least :data:`WIDE` pixels; ``narrow_x``, ``narrow_y`` on one of
        at least :data:`NARROW` pixels: among the coordinates of the points, float.
    """
    middles = table.groupby("truth", as_index=False, sort=False, observed=True)[["x", "y"]].median()
    low, spans = _extent(table)
    shares = (middles[["x", "y"]].to_numpy(float) - low) / spans
    places = middles[["truth"]].copy()
    for name, width, font_size in (("wide", WIDE, NAME_SIZE), ("narrow", NARROW, SMALL_NAME_SIZE)):
        area = (width - 2 * PADDING, HEIGHT - 2 * PADDING)
        centres = place_names(shares * area, name_sizes(middles["truth"], font_size), area)
        places[[f"{name}_x", f"{name}_y"]] = low + centres / area * spans
    return places


def _extent(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return where the map begins in x and in y, and how far it reaches; equal points are in its middle."""
    points = table[["x", "y"]].to_numpy(float)
    if not len(points):
        return np.zeros(2), np.ones(2)
    low, spans = points.min(axis=0), np.ptp(points, axis=0)
    return np.where(spans == 0, low - 0.5, low), np.where(spans == 0, 1.0, spans)
