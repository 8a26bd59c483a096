"""Charts of :mod:`digitcore.insight.layer_tables`' tables; see :mod:`digitcore.charts` for what all charts share."""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import LINEAR_NUMBERS, MOST_EPOCH_TICKS, PERCENT_AXIS, ROOM_FOR_NAMES, epoch_ticks
from digitcore.charts._end_names import PADDING, end_names
from digitcore.charts._theme import finished
from digitcore.images import palette

HEIGHT = 240
# Lines whose names stand at their ends.
MOST_NAMED = 2
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
    y = alt.Y("q05:Q", title=title, axis=alt.Axis(tickCount=5, **LINEAR_NUMBERS), scale=alt.Scale(zero=False))
    wide = base.mark_area(color=palette.ACCENT, opacity=0.2).encode(y=y, y2="q95")
    middle = base.mark_area(color=palette.ACCENT, opacity=0.35).encode(y="q25:Q", y2="q75")
    median = base.mark_line(color=palette.ACCENT, strokeWidth=2, point={"size": 14, "color": palette.ACCENT}).encode(
        y="q50:Q"
    )
    description = f"{title} over the epochs: median, middle half and middle 90 %."
    return finished(alt.layer(wide, middle, median), height=HEIGHT, description=description)


def dead_units_chart(table: pd.DataFrame, *, log: bool = False) -> alt.LayerChart:
    """Draw the share of dead units over the epochs, one line per hidden layer.

    The names of one or two layers stand at the ends of their lines; more have a legend.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.insight.layer_tables.dead_units_table`.
    log : bool
        As in :func:`quantiles_chart`.
    """
    layers = list(dict.fromkeys(table["layer"]))
    named = len(layers) <= MOST_NAMED
    colors = [palette.SERIES_COLORS[number % len(palette.SERIES_COLORS)] for number in range(len(layers))]
    scale = alt.Scale(domain=layers, range=colors)
    legend = None if named else alt.Legend(orient="top")
    axis = alt.Axis(**PERCENT_AXIS, tickCount=5)
    shares = alt.Chart(table).encode(
        x=_epoch_axis(log, table, names_at_end=named),
        y=alt.Y("share:Q", title="Dead units (%)", scale=alt.Scale(domain=[0, 1]), axis=axis),
        color=alt.Color("layer:N", title=None, scale=scale, legend=legend, sort=layers),
        tooltip=[
            alt.Tooltip("layer:N", title="Layer"),
            alt.Tooltip("epoch:Q", title="Epoch", format=",d"),
            alt.Tooltip("share:Q", title="Dead", format=".1%"),
        ],
    )
    lines = shares.mark_line(strokeWidth=2, point={"size": 14})
    words = [palette.text_color(color) for color in colors]
    # Most units live: the lines end near the axis, as those of a loss do.
    names = end_names(shares, layers, measure="loss", x="epoch", y="share", column="layer", colors=words)
    chart = alt.layer(lines, *(names if named else [])).resolve_scale(color="independent")
    description = "Share of units that are zero for every image checked, by layer."
    return finished(chart, height=HEIGHT, padding=PADDING, description=description)


def _epoch_axis(log: bool, table: pd.DataFrame, *, names_at_end: bool = False) -> alt.X:
    last = int(table["epoch"].max()) if len(table) else 1
    # Beside the start, 0, there is no room for the first epoch where there are many.
    linear = [0, *(epoch for epoch in epoch_ticks(last) if epoch > 1 or last <= MOST_EPOCH_TICKS)]
    share = ROOM_FOR_NAMES if names_at_end else 0
    end = (last + 1) ** (1 + share) - 1 if log else last * (1 + share)
    ticks = [epoch for epoch in LOG_EPOCHS if epoch <= last] if log else linear
    return alt.X(
        "epoch:Q",
        title="Epoch (0 is the start)",
        scale=alt.Scale(type="symlog" if log else "linear", nice=False, domain=[0, end]),
        axis=alt.Axis(format=",d", grid=False, values=ticks),
    )


def _tooltips() -> list[alt.Tooltip]:
    quantiles = {"q05": "5 %", "q25": "25 %", "q50": "Median", "q75": "75 %", "q95": "95 %"}
    figures = [alt.Tooltip(f"{name}:Q", title=title, format=".4~g") for name, title in quantiles.items()]
    return [alt.Tooltip("epoch:Q", title="Epoch", format=",d"), *figures]
