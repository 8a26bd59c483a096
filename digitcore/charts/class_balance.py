"""How many images each class has."""

from __future__ import annotations

from typing import Literal

import altair as alt
import pandas as pd

from digitcore.charts._axes import PERCENT_AXIS, label_angle, part_names, part_scale
from digitcore.charts._theme import finished
from digitcore.errors import InvalidSetting

# What the page has at the least, on a laptop.
PLOT_WIDTH = 700


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
    if values == "share":
        y = alt.Y("share:Q", title="Share of the part (%)", axis=alt.Axis(**PERCENT_AXIS))
    else:
        y = alt.Y("n_images:Q", title="Images", axis=alt.Axis(format=",d", tickCount=5))
    chart = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X(
                "class_name:N",
                title="Class",
                sort=names,
                axis=alt.Axis(labelAngle=label_angle(names, PLOT_WIDTH), labelOverlap=False),
            ),
            xOffset=alt.XOffset("part:N", sort=parts),
            y=y,
            color=alt.Color("part:N", title=None, scale=part_scale(parts), legend=alt.Legend(orient="top")),
            tooltip=[
                alt.Tooltip("class_name:N", title="Class"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("n_images:Q", title="Images", format=",d"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
    )
    return finished(
        chart, height=280, description=f"Images of each of {len(names)} classes in the parts {', '.join(parts)}."
    )
