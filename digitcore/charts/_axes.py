"""What axes, colours and tables of several charts share."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from digitcore.images import palette

AXIS_TITLES = {"loss": "Loss (mean cross-entropy, nats)", "accuracy": "Accuracy (%)"}
# Accuracies are kept as 0 to 1; the axis shows per cent without the sign, which stands in its title.
PERCENT_LABEL = "format(datum.value * 100, '~g')"
# Altair refuses longer DataFrames outside Streamlit, for fear of large notebooks; 71 classes have more cells.
ALTAIR_MAX_ROWS = 5000


def epoch_axis(last: int) -> alt.X:
    # Half an epoch of room where the first epoch is also the last, or the axis would have no length.
    domain = [1, last] if last > 1 else [0.5, 1.5]
    return alt.X(
        "epoch:Q",
        title="Epoch",
        scale=alt.Scale(domain=domain, nice=False, zero=False),
        axis=alt.Axis(format="d", tickMinStep=1, grid=False),
    )


def measure_axis(measure: str, log: bool = False, field: str = "value") -> alt.Y:
    if measure == "accuracy":
        scale, axis = alt.Scale(zero=False, domainMax=1), alt.Axis(labelExpr=PERCENT_LABEL)
    else:
        scale, axis = alt.Scale(type="log" if log else "linear", zero=not log), alt.Axis(format="~g")
    return alt.Y(f"{field}:Q", title=AXIS_TITLES[measure], scale=scale, axis=axis)


def part_names(table: pd.DataFrame) -> list[str]:
    """The parts of a table: those of the palette in its order, then the others as they come."""
    present = set(table["part"])
    parts = [part for part in palette.PART_ORDER if part in present]
    return parts + [part for part in dict.fromkeys(table["part"]) if part not in parts]


def part_scale(parts: list[str]) -> alt.Scale:
    return alt.Scale(domain=parts, range=[palette.part_color(part) for part in parts])


def class_label_angle(names: list[str]) -> int:
    """Short names stand upright under a column, long ones lean."""
    return 0 if max((len(name) for name in names), default=0) <= 3 else -45


def given_color(field: str, values: pd.Series) -> alt.Color:
    """Colours that stand in the table as they are. A scale of None says the same, but breaks Streamlit's renderer."""
    colors = sorted(set(values))
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=colors, range=colors), legend=None)


def unlimited(table: pd.DataFrame) -> Any:
    """The table as it is, or as plain records where altair would refuse its length."""
    if len(table) <= ALTAIR_MAX_ROWS:
        return table
    return alt.InlineData(values=table.astype(object).where(table.notna(), None).to_dict("records"))
