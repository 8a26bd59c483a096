"""The loss of each batch of a training that is followed batch by batch."""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import AXIS_TITLES, FIRST_LOSS_END, LINEAR_NUMBERS
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
    values = alt.Scale(domain=[0, FIRST_LOSS_END]) if table.empty else alt.Scale()
    lines = alt.Chart(table).encode(
        x=alt.X(
            "batch:Q",
            title="Batch",
            axis=alt.Axis(format=",d", tickMinStep=1, grid=False),
            scale=alt.Scale(nice=False, **ends),
        ),
        y=alt.Y("loss:Q", title=AXIS_TITLES["loss"], axis=alt.Axis(tickCount=5, **LINEAR_NUMBERS), scale=values),
        tooltip=[
            alt.Tooltip("batch:Q", title="Batch", format=",d"),
            alt.Tooltip("loss:Q", title="Loss of the batch", format=".4f"),
        ],
    )
    # A line of one point is invisible; of a group without points a screen reader would read nothing.
    points = lines.mark_point(filled=True, size=40, color=color, aria=not table.empty)
    chart = alt.layer(lines.mark_line(strokeWidth=1.5, color=color, opacity=0.7, aria=False), points)
    return finished(chart, height=height, description="Loss of each batch just before its update.")
