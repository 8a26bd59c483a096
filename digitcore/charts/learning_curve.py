"""Accuracy over the number of training images.

Tables are as in :mod:`digitcore.charts._spread`.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import ROOM_FOR_NAMES, measure_axis
from digitcore.charts._end_names import PADDING, end_names
from digitcore.charts._spread import HEIGHT, check_choice, figure_tooltips, spread_layer, trainings_tooltip, with_spread
from digitcore.charts._theme import finished
from digitcore.charts.folds import SPREADS, Spread, series_color
from digitcore.images import palette


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
    shared = {"x": x, "color": series_color("part", parts, named=True), "tooltip": tooltip}
    bounds = alt.Chart(with_spread(table)).encode(y=measure_axis("accuracy", field="low"), **shared)
    means = alt.Chart(table).encode(y=measure_axis("accuracy", field="mean"), **shared)
    layers = [
        *_gap_layers(_gaps(table, held_out_name), x),
        spread_layer(bounds, spread),
        means.mark_line(strokeWidth=2),
        means.mark_point(filled=True, size=60, opacity=1),
        *end_names(means, parts, measure="accuracy", x="n_train", y="mean"),
    ]
    sizes = table["n_train"].nunique()
    description = (
        f"Accuracy of the {' and '.join(parts)} parts for {sizes} numbers of training images; the gap is shaded."
    )
    # The names have colours that can be read, the lines those of the parts.
    chart = alt.layer(*layers).resolve_scale(color="independent")
    return finished(chart, height=HEIGHT, padding=PADDING, description=description)


def _size_axis(sizes: pd.Series) -> alt.X:
    known = sorted({int(size) for size in sizes})
    # One size alone has no length on a logarithmic axis.
    domain = [known[0] / 1.2, known[-1] * 1.2 * (1.44 * known[-1] / known[0]) ** ROOM_FOR_NAMES] if known else None
    return alt.X(
        "n_train:Q",
        title="Training images",
        scale=alt.Scale(type="log", domain=domain or alt.Undefined, nice=False),
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
    base = alt.Chart(gaps).encode(x=x, y=measure_axis("accuracy", field="train"), y2="held_out")
    tooltip = [
        alt.Tooltip("n_train:Q", title="Training images", format=",d"),
        alt.Tooltip("gap:Q", title="Gap (points)", format="+.2f"),
    ]
    # The shaded area is one mark with one tooltip; invisible bars carry those of the sizes.
    return [
        base.mark_area(color=palette.MUTED, opacity=0.12),
        base.mark_rule(strokeWidth=24, opacity=0).encode(tooltip=tooltip),
    ]
