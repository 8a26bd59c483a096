"""The loss over the learning rates of a range test."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._axes import AXIS_TITLES, LINEAR_NUMBERS, LOG_NUMBERS, ROOM_FOR_NAMES, unlimited
from digitcore.charts._end_names import PADDING, end_names
from digitcore.charts._spread import HEIGHT
from digitcore.charts._theme import REMARK, finished
from digitcore.errors import InvalidSetting
from digitcore.images import palette

NAMES = ["every batch", "smoothed"]
NAME_COLORS = (palette.REMARK, palette.PART_TEXT_COLORS["train"])


def lr_range_chart(table: pd.DataFrame, *, suggested: float | None = None) -> alt.LayerChart:
    """Draw the loss while the learning rate rises, raw and smoothed.

    The loss axis ends at twice the first smoothed loss: the divergence at the end leaves the chart.

    Parameters
    ----------
    table : DataFrame
        ``learning_rate``, ``loss``, ``smoothed``; one row per batch.
    suggested : float, optional
        Learning rate to mark.

    Raises
    ------
    InvalidSetting
        If ``suggested`` is not positive.
    """
    if suggested is not None and not suggested > 0:
        raise InvalidSetting(f"suggested must be a learning rate above 0, got {suggested!r}")
    axis = alt.Axis(grid=False, labelOverlap=True, tickCount=8, **LOG_NUMBERS)
    limits = _loss_limits(table)
    ends = _line_ends(table, limits)
    rates = alt.Scale(type="log", nice=False, domain=_rate_limits(table["learning_rate"], ends))
    x = alt.X("learning_rate:Q", title="Learning rate", scale=rates, axis=axis)
    scale = alt.Scale(domain=NAMES, range=[palette.MUTED, palette.ACCENT])
    losses = alt.Scale(domain=limits, nice=False)
    layers = []
    for name, column, look in (
        ("every batch", "loss", {"strokeWidth": 1}),
        ("smoothed", "smoothed", {"strokeWidth": 2.5}),
    ):
        y = alt.Y(f"{column}:Q", title=AXIS_TITLES["loss"], scale=losses, axis=alt.Axis(tickCount=5, **LINEAR_NUMBERS))
        color = alt.Color("line:N", title=None, scale=scale, legend=None)
        lines = alt.Chart(unlimited(table)).transform_calculate(line=f"'{name}'").mark_line(clip=True, **look)
        layers.append(lines.encode(x=x, y=y, color=color))
    hits = alt.Chart(unlimited(table)).mark_point(size=40, opacity=0, clip=True)
    layers.append(hits.encode(x=x, y=alt.Y("smoothed:Q", scale=losses), tooltip=_rate_tooltips()))
    named = alt.Chart(ends).encode(x=x, y=alt.Y("loss:Q", scale=losses))
    # Where the loss has grown, the lines leave the chart at its top.
    layers += end_names(
        named, NAMES, measure="accuracy", x="learning_rate", y="loss", column="line", colors=NAME_COLORS
    )
    if suggested is not None:
        layers += _suggestion_layers(suggested, table["learning_rate"], x)
    description = "Loss against the learning rate, raw and smoothed" + (
        f"; the suggested rate is {suggested:.2g}." if suggested is not None else "."
    )
    # The names have colours that can be read, the lines those of the palette.
    chart = alt.layer(*layers).resolve_scale(color="independent")
    return finished(chart, height=HEIGHT, padding=PADDING, description=description)


def _loss_limits(table: pd.DataFrame) -> Any:
    """The range of the losses, up to twice the first smoothed one."""
    losses = table[["loss", "smoothed"]].to_numpy(dtype=float)
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return alt.Undefined
    first = losses[:, 1][np.isfinite(losses[:, 1])][:1]
    low = finite.min()
    high = min([finite.max(), *(2 * first)])
    margin = 0.05 * (high - low) or 0.5
    return [float(low - margin), float(high + margin)]


def _line_ends(table: pd.DataFrame, limits: Any) -> pd.DataFrame:
    """Where both lines end, or the smoothed one leaves the chart: a row per line, or none."""
    is_shown = table["smoothed"].astype(float).le(limits[1]) if isinstance(limits, list) else table["smoothed"].isna()
    if not is_shown.any():
        return pd.DataFrame({"line": [], "learning_rate": [], "loss": []}, dtype=object)
    last = table[is_shown].iloc[-1]
    # The raw loss may be outside the chart there, or no number.
    raw = min(last["loss"], limits[1]) if np.isfinite(last["loss"]) else last["smoothed"]
    return pd.DataFrame(
        {"line": NAMES, "learning_rate": last["learning_rate"], "loss": [max(raw, limits[0]), last["smoothed"]]}
    )


def _rate_limits(rates: pd.Series, ends: pd.DataFrame) -> Any:
    """The range of the learning rates, with room for the names at the ends of the lines."""
    if not len(ends):
        return alt.Undefined
    low, high = float(rates.min()), float(rates.max())
    end = float(ends["learning_rate"].iloc[0])
    return [low, max(high, end * (end / low) ** ROOM_FOR_NAMES)]


def _rate_tooltips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("learning_rate:Q", title="Learning rate", format=".3g"),
        alt.Tooltip("loss:Q", title="Loss", format=".4f"),
        alt.Tooltip("smoothed:Q", title="Smoothed", format=".4f"),
    ]


def _suggestion_layers(suggested: float, rates: pd.Series, x: alt.X) -> list[alt.Chart]:
    mark = pd.DataFrame({"learning_rate": [suggested], "label": [f"suggested: {suggested:.2g}"]})
    base = alt.Chart(mark).encode(x=x, tooltip=[alt.Tooltip("label:N", title="Learning rate")])
    # The label stands on the side with more room.
    right = len(rates) and suggested < np.sqrt(rates.min() * rates.max())
    look = {"align": "left", "dx": 5} if right else {"align": "right", "dx": -5}
    rule = base.mark_rule(color=palette.MUTED, strokeDash=[4, 4], strokeWidth=1.5)
    words = base.mark_text(color=REMARK, baseline="top", **look).encode(y=alt.value(4), text=alt.Text("label:N"))
    return [rule, words]
