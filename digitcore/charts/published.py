"""Charts of measured figures beside published ones.

Tables are as in :mod:`digitcore.charts.spreads`.
"""

from __future__ import annotations

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from digitcore import palette
from digitcore.charts.results import (
    AXIS_TITLES,
    CELL_SIZES,
    MATRIX_SIZE,
    _class_axis,
    _data,
    _epoch_axis,
    _figure_font,
    _inks,
    _measure_axis,
)
from digitcore.charts.spreads import (
    HEIGHT,
    SCORE_TITLE,
    cell_figures,
    cell_scale,
    check_choice,
    figure_tooltips,
    in_order,
    line_layers,
    measured_layers,
    name_axis,
    score_axis,
    shown_ranges,
    spread_layer,
    with_spread,
)

SOURCES = ("published", "here")


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
    x = name_axis("label", title, table["label"])
    given = alt.Tooltip("published:Q", title="Published", format=".2%")
    _, marks = measured_layers(table, SCORE_TITLE, x, [alt.Tooltip("label:N", title=title), given], also=("published",))
    published = (
        alt.Chart(table)
        .mark_point(filled=False, size=90, strokeWidth=2, opacity=1)
        .encode(
            x=x,
            y=score_axis("published", SCORE_TITLE, *shown_ranges(table, "published")),
            tooltip=marks[-1].encoding.tooltip,
        )
    )
    layers = [_of_source(published, "published"), *(_of_source(mark, "here") for mark in marks)]
    description = f"Accuracies published for {len(names)} values of {title}, beside those measured here."
    return alt.layer(*layers).properties(height=HEIGHT, description=description)


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
        alt.Tooltip("epoch:Q", title="Epoch", format="d"),
        alt.Tooltip("source:N", title="Source"),
        *figure_tooltips(form, "mean", "low", "high"),
    ]
    shared = {"x": _epoch_axis(last), "color": _source_color("source:N"), "tooltip": tooltip}
    spread_rows = with_spread(table[table["source"] == "here"])
    bounds = alt.Chart(_data(spread_rows)).encode(y=_measure_axis(measure, field="low"), **shared)
    means = alt.Chart(_data(table)).encode(y=_measure_axis(measure, field="mean"), **shared)
    description = f"Published {measure} of every epoch beside the one measured here, over {last} epochs."
    return alt.layer(spread_layer(bounds, "band"), *line_layers(means, table, "source")).properties(
        height=HEIGHT, description=description
    )


def confusion_difference_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw how a confusion matrix differs from a published one: blue is more here, orange less.

    Parameters
    ----------
    table : DataFrame
        ``truth``, ``prediction``, ``published``, ``here`` (both per cent of the true class's images) and their
        ``difference`` (``here`` minus ``published``); the class order is its own.
    """
    names = in_order(table["truth"])
    cell = int(np.clip(MATRIX_SIZE / max(len(names), 1), *CELL_SIZES))
    differences = table["difference"].to_numpy(dtype=float)
    most = np.nanmax(np.abs(differences), initial=0) or 1.0
    stops = np.linspace(-most, most, len(palette.DIVERGING_STOPS))
    shown = table.assign(
        figure=[f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "" for value in differences],
        ink=_inks(differences, stops, "linear", palette.DIVERGING_STOPS),
    )[table["difference"].notna()]
    base = alt.Chart(_data(shown)).encode(
        x=_class_axis("prediction", "Prediction", names, cell),
        y=_class_axis("truth", "Truth", names, cell),
        tooltip=[
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("prediction:N", title="Prediction"),
            alt.Tooltip("published:Q", title="Published (% of the class)", format=".2f"),
            alt.Tooltip("here:Q", title="Here (% of the class)", format=".2f"),
            alt.Tooltip("difference:Q", title="Difference (points)", format="+.2f"),
        ],
    )
    legend = alt.Legend(orient="top", gradientLength=200, format="+~g", titleLimit=300)
    color = alt.Color(
        "difference:Q",
        title="Here − published (points)",
        scale=cell_scale(stops, palette.DIVERGING_STOPS),
        legend=legend,
    )
    layers = [base.mark_rect().encode(color=color), *cell_figures(base, _figure_font(shown["figure"], cell))]
    description = f"Difference of two confusion matrices of {len(names)} classes in points, here minus published."
    # Steps, as in a heat map: a page would take axes and legend out of a width.
    return alt.layer(*layers).properties(width=alt.Step(cell), height=alt.Step(cell), description=description)


def _source_legend() -> alt.Legend:
    # One for colour and shape; without the opacity it would be as faint as the spread.
    return alt.Legend(orient="top", symbolOpacity=1)


def _source_color(field: str) -> alt.Color:
    scale = alt.Scale(domain=list(SOURCES), range=[palette.MUTED, palette.ACCENT])
    return alt.Color(field, title=None, scale=scale, legend=_source_legend())


def _of_source(chart: alt.Chart, source: str) -> alt.Chart:
    """The chart in the colour, shape and column of its source."""
    chart = chart.transform_calculate(source=f"'{source}'").encode(
        color=_source_color("source:N"), xOffset=alt.XOffset("source:N", sort=list(SOURCES))
    )
    if chart.mark.type == "errorbar":
        return chart
    shapes = alt.Scale(domain=list(SOURCES), range=["diamond", "circle"])
    return chart.encode(shape=alt.Shape("source:N", title=None, scale=shapes, legend=_source_legend()))
