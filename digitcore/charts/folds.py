"""Folds of a cross-validation: their curves, and their scores.

Tables are as in :mod:`digitcore.charts._spread`.
"""

from __future__ import annotations

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._axes import (
    AXIS_TITLES,
    epoch_axis,
    measure_axis,
    part_names,
    part_scale,
    unlimited,
    value_limits,
)
from digitcore.charts._end_names import PADDING, end_names
from digitcore.charts._names import figure_channel, name_axis, name_size
from digitcore.charts._spread import (
    HEIGHT,
    SCORE_TITLE,
    check_choice,
    figure_tooltips,
    in_order,
    line_layers,
    score_axis,
    spread_layer,
    trainings_tooltip,
    with_spread,
)
from digitcore.charts._theme import finished

Spread = Literal["band", "bars"]
SPREADS = ("band", "bars")
MOST_BARS = 30


def fold_curves_chart(
    table: pd.DataFrame,
    *,
    measure: Literal["loss", "accuracy"] = "accuracy",
    held_out_name: str = "validation",
    spread: Spread = "band",
    n_epochs: int | None = None,
) -> alt.LayerChart:
    """Draw the mean loss or accuracy of several folds over the epochs, one line per part, with its spread.

    Parameters
    ----------
    table : DataFrame
        ``epoch``, ``part`` ("train" or ``held_out_name``), ``mean``, ``sd``, ``low``, ``high``, ``n``.
    measure : {"loss", "accuracy"}
        What the figures are.
    held_out_name : str
        The part beside "train".
    spread : {"band", "bars"}
        Band, or error bars: of many epochs about 30 get one.
    n_epochs : int, optional
        Epochs asked for; fixes the axis.

    Raises
    ------
    InvalidSetting
        If ``measure`` or ``spread`` is unknown.
    """
    check_choice("measure", measure, tuple(AXIS_TITLES))
    check_choice("spread", spread, SPREADS)
    last = n_epochs or int(table["epoch"].max() if len(table) else 1)
    parts = ["train", held_out_name]
    shared = {
        "x": epoch_axis(last, names_at_end=True),
        "color": series_color("part", parts, named=True),
        "tooltip": _fold_curve_tooltips(measure, "part"),
    }
    limits = value_limits(pd.concat([table[name] for name in ("mean", "low", "high")]).astype(float), measure)
    spread_rows = with_spread(_thinned(table) if spread == "bars" else table)
    bounds = alt.Chart(unlimited(spread_rows)).encode(y=measure_axis(measure, field="low", limits=limits), **shared)
    means = alt.Chart(unlimited(table)).encode(y=measure_axis(measure, field="mean", limits=limits), **shared)
    description = (
        f"Mean {measure} of the {' and '.join(parts)} parts over {last} epochs, with the spread over the folds."
    )
    names = end_names(means, parts, measure=measure, x="epoch", y="mean")
    layers = [spread_layer(bounds, spread), *line_layers(means, table, "part"), *names]
    chart = alt.layer(*layers).resolve_scale(color="independent")
    return finished(chart, height=HEIGHT, padding=PADDING, description=description)


def fold_scores_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw the accuracy of every fold, one point per part; dashed lines are the parts' means.

    Parameters
    ----------
    table : DataFrame
        ``member`` (text such as "fold 1"; the order is the table's), ``part``, ``accuracy``.
    """
    members, parts = in_order(table["member"]), part_names(table)
    color = series_color("part", parts)
    means = table.groupby("part", as_index=False)["accuracy"].mean()
    along = name_axis("member", None, members)
    score = score_axis("accuracy", SCORE_TITLE, table["accuracy"], channel=figure_channel(along))
    figure = alt.Tooltip("accuracy:Q", title="Accuracy", format=".2%")
    points = (
        alt.Chart(table)
        .mark_point(filled=True, size=70, opacity=1)
        .encode(
            along,
            score,
            color=color,
            tooltip=[alt.Tooltip("member:N", title="Fold"), alt.Tooltip("part:N", title="Part"), figure],
        )
    )
    rules = (
        alt.Chart(means)
        .mark_rule(strokeDash=[4, 4], strokeWidth=1.5)
        .encode(
            score,
            color=color,
            tooltip=[alt.Tooltip("part:N", title="Mean of"), figure],
        )
    )
    description = f"Accuracy of {len(members)} folds on the parts {', '.join(parts)}; dashed lines are the means."
    size = name_size(along, len(members))
    return finished(alt.layer(rules, points), **size, description=description)


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of at most 30 epochs, evenly spaced from the first to the last."""
    epochs = np.unique(table["epoch"].to_numpy(dtype=float))
    kept = epochs[np.linspace(0, len(epochs) - 1, min(MOST_BARS, len(epochs))).round().astype(int)]
    return table[table["epoch"].isin(kept)]


def series_color(column: str, parts: list[str], *, named: bool = False) -> alt.Color:
    """The parts' colours, with a legend unless the lines are ``named`` at their ends."""
    # The legend stands for line and spread; without this it would be as faint as the spread.
    legend = alt.Legend(orient="top", symbolOpacity=1)
    return alt.Color(f"{column}:N", title=None, scale=part_scale(parts), legend=None if named else legend)


def _fold_curve_tooltips(measure: str, column: str) -> list[alt.Tooltip]:
    form = ".2%" if measure == "accuracy" else ".4f"
    return [
        alt.Tooltip("epoch:Q", title="Epoch", format=",d"),
        alt.Tooltip(f"{column}:N", title=column.capitalize()),
        *figure_tooltips(form, "mean", "sd", "low", "high"),
        trainings_tooltip(),
    ]
