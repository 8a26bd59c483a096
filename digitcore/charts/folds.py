"""Charts of many trainings of one kind: folds over the epochs, and more and more images.

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
    _data,
    _epoch_axis,
    _measure_axis,
    _part_scale,
    _parts,
)
from digitcore.charts.spreads import (
    HEIGHT,
    SCORE_TITLE,
    check_choice,
    figure_tooltips,
    in_order,
    label_angle,
    line_layers,
    score_axis,
    spread_layer,
    trainings_tooltip,
    with_spread,
)

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
    """Draw the mean loss or accuracy of several folds over the epochs, a line a part, with its spread.

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
    shared = {"x": _epoch_axis(last), "color": _color("part", parts), "tooltip": _curve_tooltips(measure, "part")}
    spread_rows = with_spread(_thinned(table) if spread == "bars" else table)
    bounds = alt.Chart(_data(spread_rows)).encode(y=_measure_axis(measure, field="low"), **shared)
    means = alt.Chart(_data(table)).encode(y=_measure_axis(measure, field="mean"), **shared)
    description = (
        f"Mean {measure} of the {' and '.join(parts)} parts over {last} epochs, with the spread over the folds."
    )
    return alt.layer(spread_layer(bounds, spread), *line_layers(means, table, "part")).properties(
        height=HEIGHT, description=description
    )


def fold_scores_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw the accuracy of every fold, a point a part; dashed lines are the parts' means.

    Parameters
    ----------
    table : DataFrame
        ``member`` (text such as "fold 1"; the order is the table's), ``part``, ``accuracy``.
    """
    members, parts = in_order(table["member"]), _parts(table)
    color = _color("part", parts)
    means = table.groupby("part", as_index=False)["accuracy"].mean()
    axis = alt.Axis(labelAngle=label_angle(members), labelOverlap=True, grid=False)
    figure = alt.Tooltip("accuracy:Q", title="Accuracy", format=".2%")
    points = (
        alt.Chart(table)
        .mark_point(filled=True, size=70, opacity=1)
        .encode(
            x=alt.X("member:N", title=None, sort=members, scale=alt.Scale(domain=members), axis=axis),
            y=score_axis("accuracy", SCORE_TITLE, table["accuracy"]),
            color=color,
            tooltip=[alt.Tooltip("member:N", title="Fold"), alt.Tooltip("part:N", title="Part"), figure],
        )
    )
    rules = (
        alt.Chart(means)
        .mark_rule(strokeDash=[4, 4], strokeWidth=1.5)
        .encode(
            y=score_axis("accuracy", SCORE_TITLE, table["accuracy"]),
            color=color,
            tooltip=[alt.Tooltip("part:N", title="Mean of"), figure],
        )
    )
    description = f"Accuracy of {len(members)} folds on the parts {', '.join(parts)}; dashed lines are the means."
    return alt.layer(rules, points).properties(height=HEIGHT, description=description)


def learning_curve_chart(
    table: pd.DataFrame, *, held_out_name: str = "validation", spread: Spread = "band"
) -> alt.LayerChart:
    """Draw the accuracy against the number of training images; the gap between the parts is lightly shaded.

    Parameters
    ----------
    table : DataFrame
        ``n_train``, ``part`` ("train" or ``held_out_name``), ``mean``, ``low``, ``high``, ``n``.
    held_out_name : str
        The part beside "train".
    spread : {"band", "bars"}
        Band or error bars.

    Raises
    ------
    InvalidSetting
        If ``spread`` is unknown.
    """
    check_choice("spread", spread, SPREADS)
    parts = ["train", held_out_name]
    x = _size_axis(table["n_train"])
    tooltip = [
        alt.Tooltip("n_train:Q", title="Training images", format=",d"),
        alt.Tooltip("part:N", title="Part"),
        *figure_tooltips(".2%", "mean", "low", "high"),
        trainings_tooltip(),
    ]
    shared = {"x": x, "color": _color("part", parts), "tooltip": tooltip}
    bounds = alt.Chart(with_spread(table)).encode(y=_measure_axis("accuracy", field="low"), **shared)
    means = alt.Chart(table).encode(y=_measure_axis("accuracy", field="mean"), **shared)
    layers = [
        *_gap_layers(_gaps(table, held_out_name), x),
        spread_layer(bounds, spread),
        means.mark_line(strokeWidth=2),
        means.mark_point(filled=True, size=60, opacity=1),
    ]
    sizes = table["n_train"].nunique()
    description = (
        f"Accuracy of the {' and '.join(parts)} parts for {sizes} numbers of training images; the gap is shaded."
    )
    return alt.layer(*layers).properties(height=HEIGHT, description=description)


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of at most 30 epochs, evenly spaced from the first to the last."""
    epochs = np.unique(table["epoch"].to_numpy(dtype=float))
    kept = epochs[np.linspace(0, len(epochs) - 1, min(MOST_BARS, len(epochs))).round().astype(int)]
    return table[table["epoch"].isin(kept)]


def _color(column: str, parts: list[str]) -> alt.Color:
    # The legend stands for line and spread; without this it would be as faint as the spread.
    legend = alt.Legend(orient="top", symbolOpacity=1)
    return alt.Color(f"{column}:N", title=None, scale=_part_scale(parts), legend=legend)


def _curve_tooltips(measure: str, column: str) -> list[alt.Tooltip]:
    form = ".2%" if measure == "accuracy" else ".4f"
    return [
        alt.Tooltip("epoch:Q", title="Epoch", format="d"),
        alt.Tooltip(f"{column}:N", title=column.capitalize()),
        *figure_tooltips(form, "mean", "sd", "low", "high"),
        trainings_tooltip(),
    ]


def _size_axis(sizes: pd.Series) -> alt.X:
    known = sorted({int(size) for size in sizes})
    # One size alone has no length on a logarithmic axis.
    domain = [known[0] / 1.2, known[-1] * 1.2] if known else alt.Undefined
    return alt.X(
        "n_train:Q",
        title="Training images",
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=known, format=",d", labelOverlap=True, grid=False),
    )


def _gaps(table: pd.DataFrame, held_out_name: str) -> pd.DataFrame:
    """Both parts' means a number of training images, and their difference in points."""
    both = table.pivot_table(index="n_train", columns="part", values="mean", dropna=False).reset_index()
    if not {"train", held_out_name} <= set(both.columns):
        return pd.DataFrame({"n_train": [], "train": [], "held_out": [], "gap": []}, dtype=float)
    gaps = pd.DataFrame({"n_train": both["n_train"], "train": both["train"], "held_out": both[held_out_name]}).dropna()
    return gaps.assign(gap=100 * (gaps["train"] - gaps["held_out"]))


def _gap_layers(gaps: pd.DataFrame, x: alt.X) -> list[alt.Chart]:
    base = alt.Chart(gaps).encode(x=x, y=_measure_axis("accuracy", field="train"), y2="held_out")
    tooltip = [
        alt.Tooltip("n_train:Q", title="Training images", format=",d"),
        alt.Tooltip("gap:Q", title="Gap (points)", format="+.2f"),
    ]
    # The shaded area is one mark with one tooltip; invisible bars carry those of the sizes.
    return [
        base.mark_area(color=palette.MUTED, opacity=0.12),
        base.mark_rule(strokeWidth=24, opacity=0).encode(tooltip=tooltip),
    ]
