"""One curve of several models, over the epochs or over the time of the training."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._axes import LINEAR_NUMBERS, epoch_axis, measure_axis, unlimited, value_limits
from digitcore.charts._spread import (
    HEIGHT,
    check_choice,
    figure_tooltips,
    in_order,
    line_layers,
    spread_layer,
    trainings_tooltip,
    with_spread,
)
from digitcore.charts._theme import finished
from digitcore.images import palette

# Lines of the second round of colours are dashed.
DASHES = ([1, 0], [6, 4])
NAME_PIXELS = 420


def model_curves_chart(
    table: pd.DataFrame, *, measure: str = "loss", part: str = "validation", over: str = "epoch"
) -> alt.LayerChart:
    """Draw the loss or the accuracy of several models, one line per model with its spread over the seeds.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.experiments.side_by_side.model_curves_table`; may be empty.
    measure : {"loss", "accuracy"}
        What the values are.
    part : str
        Of which part, for the description.
    over : {"epoch", "seconds"}
        What ``x`` is.

    Raises
    ------
    InvalidSetting
        If ``measure`` or ``over`` is unknown.
    """
    check_choice("measure", measure, ("loss", "accuracy"))
    check_choice("over", over, ("epoch", "seconds"))
    names = in_order(table["name"])
    shared = {
        "x": _x_axis(table, over),
        "color": alt.Color("name:N", title=None, scale=_colors(names), legend=_legend(names)),
        "tooltip": _tooltips(measure, over),
    }
    dash = alt.StrokeDash("name:N", title=None, scale=_dashes(names), legend=_legend(names))
    limits = value_limits(pd.concat([table[name] for name in ("mean", "low", "high")]).astype(float), measure)
    bounds = alt.Chart(unlimited(with_spread(table))).encode(
        y=measure_axis(measure, field="low", limits=limits), **shared
    )
    means = alt.Chart(unlimited(table)).encode(y=measure_axis(measure, field="mean", limits=limits), **shared)
    line, points = line_layers(means, table, "name")
    layers = [spread_layer(bounds, "band"), line.encode(strokeDash=dash), points]
    unit = "epochs" if over == "epoch" else "seconds of training"
    description = f"{measure.capitalize()} of the {part} part of {len(names)} models over the {unit}."
    return finished(alt.layer(*layers), height=HEIGHT, description=description)


def _x_axis(table: pd.DataFrame, over: str) -> alt.X:
    last = float(table["x"].max()) if len(table) else 1.0
    if over == "epoch":
        axis = epoch_axis(int(last))
        axis.shorthand = "x:Q"
        return axis
    scale = alt.Scale(domain=[0, last or 1.0], nice=False)
    return alt.X("x:Q", title="Time (s)", scale=scale, axis=alt.Axis(grid=False, tickCount=5, **LINEAR_NUMBERS))


def _colors(names: list[str]) -> alt.Scale:
    return alt.Scale(domain=names, range=_cycled(palette.SERIES_COLORS, len(names)))


def _dashes(names: list[str]) -> alt.Scale:
    rounds = np.arange(len(names)) // len(palette.SERIES_COLORS)
    return alt.Scale(domain=names, range=[DASHES[n % len(DASHES)] for n in rounds.tolist()])


def _cycled(values: tuple[str, ...], n: int) -> list[str]:
    return [values[place % len(values)] for place in range(n)]


def _legend(names: list[str]) -> Any:
    """One name below the other: they are long, and a phone is narrow."""
    return alt.Legend(
        orient="top",
        columns=1,
        labelLimit=alt.ExprRef(expr=f"min({NAME_PIXELS}, width)"),
        symbolOpacity=1,
        symbolType="stroke",
        values=names,
    )


def _tooltips(measure: str, over: str) -> list[alt.Tooltip]:
    x = (
        alt.Tooltip("x:Q", title="Epoch", format=",d")
        if over == "epoch"
        else alt.Tooltip("x:Q", title="s", format=".2f")
    )
    form = ".2%" if measure == "accuracy" else ".4f"
    name = alt.Tooltip("name:N", title="Model")
    return [name, x, *figure_tooltips(form, "mean", "low", "high"), trainings_tooltip()]
