"""How much each setting of a sweep matters.

Tables are as in :mod:`digitcore.charts._spread`.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import PERCENT_AXIS
from digitcore.charts._spread import FIGURE_TITLES, SPREAD_BARS, in_order, with_spread
from digitcore.charts._theme import FIT_WIDTH, REMARK, finished
from digitcore.images import palette


def importance_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw how much each setting matters, the largest first.

    Parameters
    ----------
    table : DataFrame
        ``title``, ``importance`` (share explained, 0 to 1), ``sd``. A setting without an importance (NaN) has no bar.
    """
    shown = table.sort_values("importance", ascending=False, kind="stable", na_position="last")
    deviations = shown["sd"].fillna(0)
    shown = shown.assign(low=(shown["importance"] - deviations).clip(0), high=shown["importance"] + deviations)
    names = in_order(shown["title"])
    most = shown["high"].max() if shown["high"].notna().any() else 1.0
    # Room for the figure at the end of the longest bar.
    x = alt.X(
        "importance:Q",
        title="Importance (%)",
        scale=alt.Scale(domain=[0, 1.15 * (float(most) or 1.0)], nice=False),
        axis=alt.Axis(**PERCENT_AXIS, tickCount=5),
    )
    base = alt.Chart(shown).encode(
        x=x,
        y=alt.Y(
            "title:N", title=None, sort=names, scale=alt.Scale(domain=names), axis=alt.Axis(labelLimit=200, ticks=False)
        ),
        tooltip=[alt.Tooltip("title:N", title="Setting"), *_importance_tooltips()],
    )
    spread = alt.Chart(with_spread(shown)).encode(
        y=base.encoding.y, x=alt.X("low:Q", title="Importance (%)"), x2="high", tooltip=base.encoding.tooltip
    )
    figures = base.mark_text(align="left", dx=6, color=REMARK).encode(
        x="high:Q", text=alt.Text("importance:Q", format=".1%")
    )
    bars = base.mark_bar(color=palette.ACCENT)
    description = f"Importance of {len(names)} settings, the largest first."
    return finished(
        alt.layer(bars, spread.mark_errorbar(**SPREAD_BARS, color=palette.MUTED), figures),
        height=28 * len(names),
        autosize=FIT_WIDTH,
        description=description,
    )


def _importance_tooltips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("importance:Q", title="Importance", format=".1%"),
        alt.Tooltip("sd:Q", title=FIGURE_TITLES["sd"], format=".1%"),
    ]
