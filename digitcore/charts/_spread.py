"""What charts of means and spreads share.

In all tables accuracies and scores are shares from 0 to 1, ``n`` is the number of trainings behind a row, and ``low``
to ``high`` is the spread about the ``mean``. Where the spread is NaN, as for a single training, the mean stands alone.
Every table may be empty.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from digitcore.charts._axes import PERCENT_AXIS
from digitcore.charts._names import figure_channel
from digitcore.errors import InvalidSetting

HEIGHT = 300
# Pixels between the outermost marks and the ends of an axis of scores: on the axis itself a mark looks cut.
EDGE = 10
SCORE_TITLE = "Accuracy (%)"
# For the eye only: the points say the same figures to a screen reader, and bars may be missing where all are alone.
SPREAD_BARS: dict[str, Any] = {"ticks": {"size": 8, "aria": False}, "rule": {"strokeWidth": 1.5, "aria": False}}
FIGURE_TITLES = {"mean": "Mean", "sd": "Standard deviation", "low": "Spread from", "high": "to"}


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse an option that is not among the ``allowed`` ones."""
    if value not in allowed:
        raise InvalidSetting(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def in_order(values: pd.Series) -> list[str]:
    """Every value once, in order of appearance."""
    return list(dict.fromkeys(str(value) for value in values))


def with_spread(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a spread to draw."""
    columns = [name for name in ("sd", "low", "high") if name in table]
    return table[table[columns].notna().all(axis="columns")]


def spread_layer(bounds: alt.Chart, spread: str, *, is_across: bool = False) -> alt.Chart:
    """The spread of a chart whose ``y`` is its lower end, or its ``x`` where the figures go across."""
    bounds = bounds.encode(x2="high") if is_across else bounds.encode(y2="high")
    if spread == "band":
        # A tooltip of an area would show its first row wherever it is touched.
        return bounds.mark_area(opacity=0.2, clip=True).encode(tooltip=alt.value(None))
    return bounds.mark_errorbar(clip=True, **SPREAD_BARS)


def line_layers(means: alt.Chart, table: pd.DataFrame, column: str) -> list[alt.Chart]:
    """Lines of the means, one line per value of ``column``, and points that carry the tooltips."""
    # A line of one point is invisible, so its point is drawn; otherwise points only carry the tooltips.
    few = not table.duplicated(column).any()
    points = means.mark_point(filled=True, size=70, opacity=1 if few else 0)
    return [means.mark_line(strokeWidth=2).encode(tooltip=alt.value(None)), points]


def figure_tooltips(form: str, *columns: str) -> list[alt.Tooltip]:
    """Tooltips of these columns' figures, in a format of d3."""
    return [alt.Tooltip(f"{column}:Q", title=FIGURE_TITLES[column], format=form) for column in columns]


def trainings_tooltip() -> alt.Tooltip:
    """The tooltip that says how many trainings are behind a row."""
    return alt.Tooltip("n:Q", title="Trainings", format=",d")


def shown_ranges(table: pd.DataFrame, *also: str) -> list[pd.Series]:
    """What a chart of means and spreads shows on its axis."""
    return [table[column] for column in ("mean", "low", "high", *also)]


def score_axis(field: str, title: str, *shown: pd.Series, channel: type[alt.X] | type[alt.Y] = alt.Y) -> alt.X | alt.Y:
    """A per cent axis as wide as what it shows, but never above 100."""
    known = pd.concat([values.astype(float) for values in shown]).dropna()
    if (known > 1).any():
        lowest = float(known.min())
        scale = alt.Scale(zero=False, domainMin=lowest - 0.05 * abs(1 - lowest), domainMax=1)
    else:
        scale = alt.Scale(zero=False, padding=EDGE)
    return channel(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5, **PERCENT_AXIS))


def measured_layers(
    table: pd.DataFrame, score_title: str, along: alt.X | alt.Y, names: list[alt.Tooltip], also: tuple[str, ...] = ()
) -> tuple[alt.X | alt.Y, list[alt.Chart]]:
    """The axis of the score beside the axis ``along``, and error bars and points of what was measured."""
    ranges = shown_ranges(table, *also)
    tooltip = [*names, *figure_tooltips(".2%", "mean", "low", "high"), trainings_tooltip()]
    channel = figure_channel(along)
    score = score_axis("mean", score_title, *ranges, channel=channel)
    low = score_axis("low", score_title, *ranges, channel=channel)
    bars = alt.Chart(with_spread(table)).encode(along, low, tooltip=tooltip)
    points = alt.Chart(table).mark_point(filled=True, size=70, opacity=1).encode(along, score, tooltip=tooltip)
    return score, [spread_layer(bars, "bars", is_across=channel is alt.X), points]
