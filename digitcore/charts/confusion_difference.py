"""Two confusion matrices, one minus the other.

Tables are as in :mod:`digitcore.charts._spread`.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import unlimited
from digitcore.charts._cells import (
    cell_figures,
    cell_scale,
    class_axis,
    figure_font,
    matrix_cell,
    n_letters,
    signed_cells,
)
from digitcore.charts._spread import in_order
from digitcore.charts._theme import finished
from digitcore.images import palette


def confusion_difference_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw how a confusion matrix differs from a published one: blue is more here, orange less.

    Parameters
    ----------
    table : DataFrame
        ``truth``, ``prediction``, ``published``, ``here`` (both per cent of the true class's images) and their
        ``difference`` (``here`` minus ``published``); the class order is its own.
    """
    names = in_order(table["truth"])
    cell = matrix_cell(len(names))
    figures = [f"{value:+.1f}" if abs(value) >= 0.05 else "" for value in table["difference"]]
    cells = signed_cells(table, "difference", figures)
    shown = cells.table[table["difference"].notna()]
    base = alt.Chart(unlimited(shown)).encode(
        x=class_axis("prediction", "Prediction", names, cell),
        y=class_axis("truth", "Truth", names, cell),
        tooltip=[
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("prediction:N", title="Prediction"),
            alt.Tooltip("published:Q", title="Published (% of the class)", format=".2f"),
            alt.Tooltip("here:Q", title="Here (% of the class)", format=".2f"),
            alt.Tooltip("difference:Q", title="Difference (points)", format="+.2f"),
        ],
    )
    legend = alt.Legend(orient="top", gradientLength=200, format="+,f", titleLimit=300)
    color = alt.Color(
        "difference:Q",
        title="Here − published (points)",
        scale=cell_scale(cells.stops, palette.DIVERGING_STOPS),
        legend=legend,
    )
    layers = [base.mark_rect().encode(color=color), *cell_figures(base, figure_font(n_letters(shown["figure"]), cell))]
    description = f"Difference of two confusion matrices of {len(names)} classes in points, here minus published."
    # Steps, as in a heat map: a page would take axes and legend out of a width.
    return finished(alt.layer(*layers), width=alt.Step(cell), height=alt.Step(cell), description=description)
