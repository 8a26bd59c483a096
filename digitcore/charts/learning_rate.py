"""The learning rate over a training whose schedule is not constant."""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import epoch_ticks
from digitcore.charts._theme import finished
from digitcore.images import palette

HEIGHT = 130


def learning_rate_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw the learning rate of every update.

    Parameters
    ----------
    table : DataFrame
        ``epoch``, ``learning_rate`` from :func:`digitcore.models.schedules.learning_rates_table`.
    """
    last = max(1, round(table["epoch"].max()))
    base = alt.Chart(table).encode(
        x=alt.X(
            "epoch:Q",
            title="Epoch",
            scale=alt.Scale(domain=[0, last], nice=False),
            axis=alt.Axis(format=",d", values=[0, *epoch_ticks(last)], grid=False),
        ),
        y=alt.Y("learning_rate:Q", title="Learning rate", axis=alt.Axis(tickCount=3, format="~g")),
        tooltip=[
            alt.Tooltip("epoch:Q", title="Epochs done", format=",.2~f"),
            alt.Tooltip("learning_rate:Q", title="Learning rate", format=".3~g"),
        ],
    )
    # A rate holds until the next one.
    line = base.mark_line(color=palette.ACCENT, strokeWidth=2, interpolate="step-after")
    hits = base.mark_point(size=40, opacity=0)
    lowest, highest = (f"{value:.3g}" for value in (table["learning_rate"].min(), table["learning_rate"].max()))
    description = f"Learning rate over {last} epochs, from {lowest} to {highest}."
    return finished(alt.layer(line, hits), height=HEIGHT, description=description)
