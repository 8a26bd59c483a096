"""The chart of :mod:`digitcore.insight.projection`'s table."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from digitcore.images import palette

# Altair's schemes, and the most classes whose colours they tell apart.
_CLASS_SCHEMES = (("tableau10", 10), ("tableau20", 20), ("sinebow", 10**6))


def map_chart(table: pd.DataFrame, class_names: Sequence[str], *, select: str | None = None) -> alt.LayerChart:
    """Draw the points, coloured by truth; mistakes are larger and crossed.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.insight.projection.map_table`.
    class_names : sequence of str
        In class order.
    select : str, optional
        Name of a selection by dragging a rectangle, with ``x`` and ``y``.
    """
    names = [str(name) for name in class_names]
    scheme = next(scheme for scheme, most in _CLASS_SCHEMES if len(names) <= most)
    axis = alt.Axis(labels=False, ticks=False, domain=False, grid=False, title=None)
    base = alt.Chart(table).encode(
        x=alt.X("x:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=8)),
        y=alt.Y("y:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=8)),
        color=alt.Color("truth:N", title="Truth", sort=names, scale=alt.Scale(domain=names, scheme=scheme)),
        tooltip=[
            alt.Tooltip("position:Q", title="Image", format="d"),
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("prediction:N", title="Prediction"),
        ],
    )
    right = base.transform_filter("!datum.wrong").mark_circle(size=14, opacity=0.55)
    wrong = base.transform_filter("datum.wrong").mark_point(
        shape="cross", size=40, opacity=1, filled=True, stroke=palette.WRONG_RED, strokeWidth=0.8
    )
    if select is not None:
        right = right.add_params(alt.selection_interval(name=select))
    n_wrong = int(table["wrong"].sum())
    description = f"{len(table)} images as points, coloured by truth; {n_wrong} wrong predictions are crossed."
    # Ten thousand points are no work for a canvas, and a crawl for as many elements of a page.
    renderer = {"embedOptions": {"renderer": "canvas"}}
    return alt.layer(right, wrong).properties(height=560, description=description, usermeta=renderer)
