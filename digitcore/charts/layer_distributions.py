"""Charts of :mod:`digitcore.insight.layer_tables`' tables; see :mod:`digitcore.charts` for what all charts share."""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import LOG_NUMBERS, MOST_EPOCH_TICKS, PERCENT_AXIS, epoch_ticks
from digitcore.charts._theme import finished
from digitcore.images import palette

HEIGHT = 240
LOG_EPOCHS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)


def quantiles_chart(table: pd.DataFrame, *, title: str, log: bool = False) -> alt.LayerChart:
    """Draw the spread of a layer's weights or gradients over the epochs: the middle half, nine tenths, the median.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.insight.layer_tables.quantiles_table`.
    title : str
        Of the vertical axis.
    log : bool
        Logarithmic epochs (the start, epoch 0, included), where there are many.
    """
    base = alt.Chart(table).encode(x=_epoch_axis(log, table), tooltip=_tooltips())
    y = alt.Y("q05:Q", title=title, axis=alt.Axis(tickCount=5, **LOG_NUMBERS), scale=alt.Scale(zero=False))
    wide = base.mark_area(color=palette.ACCENT, opacity=0.2).encode(y=y, y2="q95")
    middle = base.mark_area(color=palette.ACCENT, opacity=0.35).encode(y="q25:Q", y2="q75")
    median = base.mark_line(color=palette.ACCENT, strokeWidth=2, point={"size": 14, "color": palette.ACCENT}).encode(
        y="q50:Q"
    )
    description = f"{title} over the epochs: median, middle half and middle 90 %."
    return finished(alt.layer(wide, middle, median), height=HEIGHT, description=description)


def dead_units_chart(table: pd.DataFrame, *, log: bool = False) -> alt.Chart:
    """Draw the share of dead units over the epochs, one line per hidden layer.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.insight.layer_tables.dead_units_table`.
    log : bool
        As in :func:`quantiles_chart`.
    """
    layers = list(dict.fromkeys(table["layer"]))
    colors = [palette.SERIES_COLORS[number % len(palette.SERIES_COLORS)] for number in range(len(layers))]
    scale = alt.Scale(domain=layers, range=colors)
    chart = (
        alt.Chart(table)
        .mark_line(strokeWidth=2, point={"size": 14})
        .encode(
            x=_epoch_axis(log, table),
            y=alt.Y(
                "share:Q",
                title="Dead units (%)",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(**PERCENT_AXIS, tickCount=5),
            ),
            color=alt.Color("layer:N", title=None, scale=scale, legend=alt.Legend(orient="top"), sort=layers),
            tooltip=[
                alt.Tooltip("layer:N", title="Layer"),
                alt.Tooltip("epoch:Q", title="Epoch"),
                alt.Tooltip("share:Q", title="Dead", format=".1%"),
            ],
        )
    )
    return finished(chart, height=HEIGHT, description="Share of units that are zero for every image checked, by layer.")


def _epoch_axis(log: bool, table: pd.DataFrame) -> alt.X:
    last = int(table["epoch"].max()) if len(table) else 1
    # Beside the start, 0, there is no room for the first epoch where there are many.
    linear = [0, *(epoch for epoch in epoch_ticks(last) if epoch > 1 or last <= MOST_EPOCH_TICKS)]
    ticks = [epoch for epoch in LOG_EPOCHS if epoch <= last] if log else linear
    return alt.X(
        "epoch:Q",
        title="Epoch (0 is the start)",
        scale=alt.Scale(type="symlog" if log else "linear", nice=False),
        axis=alt.Axis(format=",d", grid=False, values=ticks),
    )


def _tooltips() -> list[alt.Tooltip]:
    quantiles = {"q05": "5 %", "q25": "25 %", "q50": "Median", "q75": "75 %", "q95": "95 %"}
    figures = [alt.Tooltip(f"{name}:Q", title=title, format=".4~g") for name, title in quantiles.items()]
    return [alt.Tooltip("epoch:Q", title="Epoch"), *figures]
