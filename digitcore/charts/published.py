"""Published figures beside those measured here.

Tables are as in :mod:`digitcore.charts._spread`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import altair as alt
import pandas as pd

from digitcore.charts._axes import AXIS_TITLES, epoch_axis, measure_axis, unlimited
from digitcore.charts._names import figure_channel, name_axis, name_size, offset_channel
from digitcore.charts._spread import (
    HEIGHT,
    SCORE_TITLE,
    check_choice,
    figure_tooltips,
    in_order,
    line_layers,
    measured_layers,
    score_axis,
    shown_ranges,
    spread_layer,
    with_spread,
)
from digitcore.charts._theme import finished
from digitcore.images import palette

SOURCES = ("published", "here")
# Of a name with its two marks one below the other.
OFFSET_ROW = 44


def published_chart(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """Draw published accuracies as hollow diamonds beside the measured ones with their error bars.

    Parameters
    ----------
    table : DataFrame
        ``label`` (the order is the table's), ``published``, ``mean``, ``low``, ``high``, ``n``.
    title : str
        What the labels are.
    """
    names = in_order(table["label"])
    along = name_axis("label", title, names)
    given = alt.Tooltip("published:Q", title="Published", format=".2%")
    _, marks = measured_layers(
        table, SCORE_TITLE, along, [alt.Tooltip("label:N", title=title), given], also=("published",)
    )
    published = (
        alt.Chart(table)
        .mark_point(filled=False, size=90, strokeWidth=2, opacity=1)
        .encode(
            along,
            score_axis("published", SCORE_TITLE, *shown_ranges(table, "published"), channel=figure_channel(along)),
            tooltip=marks[-1].encoding.tooltip,
        )
    )
    offset = offset_channel(along)
    layers = [_of_source(published, "published", offset), *(_of_source(mark, "here", offset) for mark in marks)]
    description = f"Accuracies published for {len(names)} values of {title}, beside those measured here."
    size = name_size(along, len(names), row=OFFSET_ROW)
    # A legend of its own for each source, whose symbol is hollow or filled as the marks are.
    chart = alt.layer(*layers).resolve_scale(color="independent", shape="independent")
    return finished(chart, **size, description=description)


def published_curve_chart(table: pd.DataFrame, *, measure: Literal["loss", "accuracy"]) -> alt.LayerChart:
    """Draw a published curve beside the one measured here, which has a band.

    Parameters
    ----------
    table : DataFrame
        ``epoch``, ``source`` ("published" or "here"), ``mean``, ``low``, ``high``.
    measure : {"loss", "accuracy"}
        What the figures are.

    Raises
    ------
    InvalidSetting
        If ``measure`` is unknown.
    """
    check_choice("measure", measure, tuple(AXIS_TITLES))
    last = int(table["epoch"].max() if len(table) else 1)
    form = ".2%" if measure == "accuracy" else ".4f"
    tooltip = [
        alt.Tooltip("epoch:Q", title="Epoch", format=",d"),
        alt.Tooltip("source:N", title="Source"),
        *figure_tooltips(form, "mean", "low", "high"),
    ]
    shared = {"x": epoch_axis(last), "color": _source_color("source:N"), "tooltip": tooltip}
    spread_rows = with_spread(table[table["source"] == "here"])
    bounds = alt.Chart(unlimited(spread_rows)).encode(y=measure_axis(measure, field="low"), **shared)
    means = alt.Chart(unlimited(table)).encode(y=measure_axis(measure, field="mean"), **shared)
    description = f"Published {measure} of every epoch beside the one measured here, over {last} epochs."
    return finished(
        alt.layer(spread_layer(bounds, "band"), *line_layers(means, table, "source")),
        height=HEIGHT,
        description=description,
    )


def _source_legend() -> alt.Legend:
    # One for colour and shape; without the opacity it would be as faint as the spread.
    return alt.Legend(orient="top", symbolOpacity=1)


def _source_color(field: str, places: Sequence[int] = (0, 1), *, legend: bool = True) -> alt.Color:
    colors = (palette.MUTED, palette.ACCENT)
    scale = alt.Scale(domain=[SOURCES[place] for place in places], range=[colors[place] for place in places])
    return alt.Color(field, title=None, scale=scale, legend=_source_legend() if legend else None)


def _of_source(chart: alt.Chart, source: str, offset: type[alt.XOffset] | type[alt.YOffset]) -> alt.Chart:
    """The chart in the colour, shape and column of its source."""
    own = [SOURCES.index(source)]
    color = _source_color("source:N", own, legend=chart.mark.type != "errorbar")
    chart = chart.transform_calculate(source=f"'{source}'").encode(
        offset("source:N", sort=list(SOURCES), scale=alt.Scale(domain=list(SOURCES))), color=color
    )
    if chart.mark.type == "errorbar":
        return chart
    shapes = alt.Scale(domain=[source], range=[("diamond", "circle")[own[0]]])
    return chart.encode(shape=alt.Shape("source:N", title=None, scale=shapes, legend=_source_legend()))
