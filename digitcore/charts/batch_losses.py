"""The loss of each batch of a training that is followed batch by batch."""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import measure_axis, value_limits
from digitcore.charts._theme import finished
from digitcore.images import palette


def batch_losses_chart(table: pd.DataFrame, *, height: int = 200) -> alt.LayerChart:
    """Draw the loss over the batches.

    Parameters
    ----------
    table : DataFrame
        ``batch`` (from 1) and ``loss`` (nats), one row per batch; may be empty.
    height : int
        Of the axes, in pixels.
    """
    color = palette.part_color("train")
    # Without a value an axis would make up a number.
    ends = {"domain": [1, 10]} if table.empty else {"zero": False}
    lines = alt.Chart(table).encode(
        x=alt.X(
            "batch:Q",
            title="Batch",
            axis=alt.Axis(format=",d", tickMinStep=1, grid=False),
            scale=alt.Scale(nice=False, **ends),
        ),
        y=measure_axis("loss", field="loss", limits=value_limits(table["loss"], "loss")),
        tooltip=[
            alt.Tooltip("batch:Q", title="Batch", format=",d"),
            alt.Tooltip("loss:Q", title="Loss of the batch", format=".4f"),
        ],
    )
    # A line of one point is invisible; of a group without points a screen reader would read nothing.
    points = lines.mark_point(filled=True, size=40, color=color, aria=not table.empty)
    chart = alt.layer(lines.mark_line(strokeWidth=1.5, color=color, aria=False), points)
    return finished(chart, height=height, description="Loss of each batch just before its update.")
