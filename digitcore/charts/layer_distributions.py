"""Charts of :mod:`digitcore.insight.layer_tables`' tables; see :mod:`digitcore.charts` for what all charts share."""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import PERCENT_LABEL
from digitcore.images import palette

HEIGHT = 240


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
    base = alt.Chart(table).encode(x=_epoch_axis(log), tooltip=_tooltips())
    y = alt.Y("q05:Q", title=title, axis=alt.Axis(format="~g"), scale=alt.Scale(zero=False))
    wide = base.mark_area(color=palette.ACCENT, opacity=0.2).encode(y=y, y2="q95")
    middle = base.mark_area(color=palette.ACCENT, opacity=0.35).encode(y="q25:Q", y2="q75")
    median = base.mark_line(color=palette.ACCENT, strokeWidth=2, point={"size": 14}).encode(y="q50:Q")
    description = f"{title} over the epochs: median, middle half and middle 90 %."
    return alt.layer(wide, middle, median).properties(height=HEIGHT, description=description)


def dead_units_chart(table: pd.DataFrame, *, log: bool = False) -> alt.Chart:
    """Draw the share of dead units over the epochs, one line per hidden layer.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.insight.layer_tables.dead_units_table`.
    log : bool
        As in :func:`quantiles_chart`.
    """
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=2, point={"size": 14})
        .encode(
            x=_epoch_axis(log),
            y=alt.Y(
                "share:Q",
                title="Dead units (%)",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(labelExpr=PERCENT_LABEL, tickCount=5),
            ),
            color=alt.Color("layer:N", title=None, legend=alt.Legend(orient="top"), sort=None),
            tooltip=[
                alt.Tooltip("layer:N", title="Layer"),
                alt.Tooltip("epoch:Q", title="Epoch"),
                alt.Tooltip("share:Q", title="Dead", format=".1%"),
            ],
        )
        .properties(height=HEIGHT, description="Share of units that are zero for every image checked, by layer.")
    )


def _epoch_axis(log: bool) -> alt.X:
    ticks = {"values": [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]} if log else {"tickMinStep": 1, "tickCount": 6}
    return alt.X(
        "epoch:Q",
        title="Epoch (0 is the start)",
        scale=alt.Scale(type="symlog" if log else "linear", nice=False),
        axis=alt.Axis(format="d", grid=False, **ticks),
    )


def _tooltips() -> list[alt.Tooltip]:
    quantiles = {"q05": "5 %", "q25": "25 %", "q50": "Median", "q75": "75 %", "q95": "95 %"}
    figures = [alt.Tooltip(f"{name}:Q", title=title, format=".4~g") for name, title in quantiles.items()]
    return [alt.Tooltip("epoch:Q", title="Epoch"), *figures]
