"""How many images each class has."""

from __future__ import annotations

from typing import Literal

import altair as alt
import pandas as pd

from digitcore.charts._axes import PERCENT_AXIS, part_names, part_scale
from digitcore.charts._names import figure_channel, name_axis, name_size, offset_channel
from digitcore.charts._theme import finished
from digitcore.errors import InvalidSetting

HEIGHT = 280
# Of the bar of a part, where the classes are rows, and between two classes; of a class the least that its name takes.
BAR, GAP, SMALLEST_ROW = 11, 10, 16
# More classes take the smallest rows.
MOST_ROOMY = 20


def class_balance_chart(table: pd.DataFrame, *, values: Literal["n_images", "share"] = "n_images") -> alt.Chart:
    """Draw how many images each class has, a bar for each part.

    Parameters
    ----------
    table : DataFrame
        ``part``, ``class_name``, ``n_images``, ``share`` (of the part's images, 0 to 1); the class order is its own.
    values : {"n_images", "share"}
        Images, or share of the part's images: shares compare parts of different size.

    Raises
    ------
    InvalidSetting
        If ``values`` is unknown.
    """
    if values not in ("n_images", "share"):
        raise InvalidSetting(f"values must be n_images or share, got {values!r}")
    parts = part_names(table)
    names = list(dict.fromkeys(table["class_name"]))
    along = name_axis("class_name", "Class", names)
    channel = figure_channel(along)
    if values == "share":
        figures = channel("share:Q", title="Share of the part (%)", axis=alt.Axis(**PERCENT_AXIS, tickCount=5))
    else:
        figures = channel("n_images:Q", title="Images", axis=alt.Axis(format=",d", tickCount=5))
    chart = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            along,
            figures,
            offset_channel(along)("part:N", sort=parts),
            color=alt.Color("part:N", title=None, scale=part_scale(parts), legend=alt.Legend(orient="top")),
            tooltip=[
                alt.Tooltip("class_name:N", title="Class"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("n_images:Q", title="Images", format=",d"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
    )
    row = max(BAR * len(parts) + GAP, SMALLEST_ROW) if len(names) <= MOST_ROOMY else SMALLEST_ROW
    size = name_size(along, len(names), height=HEIGHT, row=row)
    description = f"Images of each of {len(names)} classes in the parts {', '.join(parts)}."
    return finished(chart, **size, description=description)
