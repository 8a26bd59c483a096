"""What axes, colours and tables of several charts share."""

from __future__ import annotations

import math
import sys
import unicodedata
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from digitcore.images import palette
from digitcore.wording import power_text, short_number

AXIS_TITLES = {"loss": "Loss (nats)", "accuracy": "Accuracy (%)"}
# Accuracies are kept as 0 to 1. The axis shows per cent, every label with as many decimals as its step needs; the sign
# stands in its title.
PERCENT_AXIS: dict[str, Any] = {"format": "%", "labelExpr": r"replace(datum.label, /\s*%/, '')"}
# Vega writes "1e+2, 50, 1.5e+2" otherwise.
LINEAR_NUMBERS: dict[str, Any] = {"format": ",f"}
# A logarithmic axis leaves most labels between the powers of ten empty: they stay so.
LOG_NUMBERS: dict[str, Any] = {"labelExpr": "datum.label === '' ? '' : format(datum.value, ',~r')"}
# Larger losses, which only trainings that diverged reach, are labelled by powers of ten; so many of them fit.
LARGE_LOSS, MOST_POWERS = 1e5, 6
# The labels of five digits are long: half as many fit beside each other.
MOST_EPOCH_TICKS, LONG_EPOCHS = 6, 10_000
# Ends of an axis between which it does not move while a training grows: accuracies begin at one of these, losses at 0.
ACCURACY_STARTS = (*(tenth / 10 for tenth in range(10)), 0.95, 0.98)
LOSS_ENDS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
# Of ten classes before the first epoch, -log(1/10), and a little.
FIRST_LOSS_END = 2.5
FIRST_LOG_LOSS = 0.1
# Share of the epochs' axis that the names at the ends of the lines take: enough for "validation" on a phone.
ROOM_FOR_NAMES = 0.28
LABEL_CHARACTER = 0.56
# Altair refuses longer DataFrames outside Streamlit, for fear of large notebooks; 71 classes have more cells.
ALTAIR_MAX_ROWS = 5000


def epoch_axis(last: int, *, names_at_end: bool = False) -> alt.X:
    """The axis of epochs 1 to ``last``, with the same ticks at any width, and room for the names of lines if asked."""
    # Half an epoch of room where the first epoch is also the last, or the axis would have no length.
    first, end = (1.0, float(last)) if last > 1 else (0.5, 1.5)
    if names_at_end:
        end += (end - first) * ROOM_FOR_NAMES
    return alt.X(
        "epoch:Q",
        title="Epoch",
        scale=alt.Scale(domain=[first, end], nice=False, zero=False),
        axis=alt.Axis(format=",d", values=epoch_ticks(last), grid=False),
    )


def epoch_ticks(last: int) -> list[int]:
    """The first epoch, and at most six round ones up to ``last``; at most three from 10,000 epochs on."""
    most = MOST_EPOCH_TICKS if last < LONG_EPOCHS else MOST_EPOCH_TICKS / 2
    step = next(factor * 10**power for power in range(10) for factor in (1, 2, 5) if factor * 10**power >= last / most)
    return sorted({1, *range(step, last + 1, step)})


def measure_axis(
    measure: str, log: bool = False, field: str = "value", limits: tuple[float, float] | None = None
) -> alt.Y:
    """The axis of a loss or an accuracy, from and to these ``limits`` where they are given."""
    domain: Any = list(limits) if limits else alt.Undefined
    title = AXIS_TITLES[measure]
    if measure == "accuracy":
        scale = alt.Scale(domain=domain, nice=False) if limits else alt.Scale(zero=False, domainMax=1)
        axis = alt.Axis(tickCount=5, **PERCENT_AXIS)
    elif log:
        scale = alt.Scale(type="log", domain=domain, nice=not limits)
        axis = alt.Axis(tickCount=5, **LOG_NUMBERS)
    else:
        scale = alt.Scale(domain=domain, nice=not limits, zero=True)
        axis = alt.Axis(tickCount=5, **LINEAR_NUMBERS)
    if limits and LARGE_LOSS < limits[1] < math.inf:
        title, axis = _large_loss_axis(title, *limits, log=log)
    return alt.Y(f"{field}:Q", title=title, scale=scale, axis=axis)


def _large_loss_axis(title: str, low: float, high: float, *, log: bool) -> tuple[str, alt.Axis]:
    """Return the title and the axis of losses of so many digits that powers of ten are written instead.

    ``low`` of a logarithmic axis is a power of ten; an axis within one decade has multiples of it as labels.
    """
    last = math.floor(math.log10(high))
    if not log:
        title = title.replace("(", f"({power_text(last)} ")
        return title, alt.Axis(tickCount=5, labelExpr=f"format(datum.value / 1e{last}, '~r')")
    first = math.ceil(math.log10(low))
    if last <= first:
        values = [factor * low for factor in (1, 2, 4, 6, 8, 10) if factor * low <= high]
        labels = [short_number(value) for value in values]
        return title, alt.Axis(values=values, labelExpr=f"{labels}[indexof({values}, datum.value)]")
    step = math.ceil((last - first + 1) / MOST_POWERS)
    powers = range(first, last + 1, step)
    labels = [power_text(power) if power not in (0, 1) else str(10**power) for power in powers]
    place = f"round((log(datum.value) / LN10 - {first}) / {step})"
    return title, alt.Axis(values=[10.0**power for power in powers], labelExpr=f"{labels}[{place}]")


def value_limits(values: pd.Series, measure: str, *, log: bool = False) -> tuple[float, float]:
    """Return an axis' ends for these losses or accuracies, in steps so large that it hardly moves while values come.

    Parameters
    ----------
    values : Series of float
        Losses, or accuracies from 0 to 1; may be empty.
    measure : {"loss", "accuracy"}
        What the values are.
    log : bool
        For a logarithmic axis of losses, which begins at a power of ten; values up to 0 are left out of it.
    """
    known = values[np.isfinite(values.to_numpy(dtype=float))]
    if measure == "accuracy":
        lowest = known.min() if len(known) else 0.0
        return max(start for start in ACCURACY_STARTS if start <= max(lowest, 0)), 1.0
    if not len(known) or known.max() <= 0:
        return FIRST_LOG_LOSS if log else 0.0, FIRST_LOSS_END
    power = 10.0 ** math.floor(math.log10(known.max()))
    ends = [min(end * power, sys.float_info.max) for end in (*LOSS_ENDS, 10.0)]
    lowest = 10.0 ** np.floor(np.log10(known[known > 0].min())) if log else 0.0
    return float(lowest), float(next(end for end in ends if end >= known.max()))


def part_names(table: pd.DataFrame) -> list[str]:
    """The parts of a table: those of the palette in its order, then the others as they come."""
    present = set(table["part"])
    parts = [part for part in palette.PART_ORDER if part in present]
    return parts + [part for part in dict.fromkeys(table["part"]) if part not in parts]


def part_scale(parts: list[str]) -> alt.Scale:
    return alt.Scale(domain=parts, range=[palette.part_color(part) for part in parts])


def labels_fit(names: list[str], room: float, font_size: int) -> bool:
    """Whether these names fit beside each other, each in ``room`` pixels."""
    return labels_width(names, font_size) <= room


def labels_width(names: list[str], font_size: int) -> float:
    """Return the approximate width of the longest of these names, in pixels, including a margin of one character."""
    return LABEL_CHARACTER * font_size * (max(map(_n_characters, names), default=0) + 1)


def _n_characters(name: str) -> int:
    """Return the number of characters of a name; wide characters (Chinese, Japanese, Korean) count as two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in name)


def given_color(field: str, values: pd.Series) -> alt.Color:
    """Use the colours given in the table; do not scale them. A scale of None says the same, but breaks Streamlit."""
    colors = sorted(set(values))
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=colors, range=colors), legend=None)


def unlimited(table: pd.DataFrame) -> Any:
    """The table as it is, or as plain records where altair would refuse its length."""
    if len(table) <= ALTAIR_MAX_ROWS:
        return table
    return alt.InlineData(values=table.astype(object).where(table.notna(), None).to_dict("records"))
