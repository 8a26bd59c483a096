"""How the confusion matrix of one model differs from that of another one on the same images."""

from __future__ import annotations

import altair as alt
import pandas as pd

from digitcore.charts._axes import unlimited
from digitcore.charts._cells import (
    PADDING,
    SMALLEST_FONT,
    MatrixCells,
    cell_figures,
    cell_scale,
    class_axis,
    figure_font,
    fitting_font,
    matrix_cell,
    signed_cells,
    with_cell_selection,
)
from digitcore.charts._spread import in_order
from digitcore.charts._theme import finished
from digitcore.images import palette


def confusion_change_chart(
    table: pd.DataFrame, *, select: str | None = None, cell_size: int | None = None
) -> alt.LayerChart:
    """Draw the images that B has more (blue) or fewer (orange) than A in each cell of the confusion matrix.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.evaluation.comparison.confusion_change_table`; the class order is its own.
    select : str, optional
        Name of a selection by click (the same cell again clears it) with the fields ``truth`` and ``prediction``.
    cell_size : int, optional
        Side of a cell in pixels; by default as :func:`digitcore.charts.confusion_chart` has it.
    """
    names = in_order(table["truth"])
    cell = cell_size or matrix_cell(len(names))
    cells = confusion_change_cells(table)
    base = alt.Chart(unlimited(cells.table)).encode(
        x=class_axis("prediction", "Prediction", names, cell),
        y=class_axis("truth", "Truth", names, cell),
        tooltip=[
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("prediction:N", title="Prediction"),
            alt.Tooltip("count_a:Q", title="Images of A", format=",d"),
            alt.Tooltip("count_b:Q", title="Images of B", format=",d"),
            alt.Tooltip("change:Q", title="B − A", format="+,d"),
        ],
    )
    font = figure_font(cells.n_letters, cell)
    legend = alt.Legend(orient="top", gradientLength=200, format="+,f") if font < SMALLEST_FONT else None
    color = alt.Color(
        "change:Q", title="B − A (images)", scale=cell_scale(cells.stops, palette.DIVERGING_STOPS), legend=legend
    )
    rectangles = base.mark_rect(cursor="pointer" if select else alt.Undefined).encode(color=color)
    figures = cell_figures(base, font, fitting_font(cells.n_letters, font, len(names)))
    layers = [with_cell_selection(rectangles, select), *figures]
    side = cell * max(len(names), 1)
    description = (
        f"Difference of two confusion matrices of {len(names)} classes: rows are the truth, columns the prediction, "
        "cells the images of B minus those of A."
    )
    return finished(alt.layer(*layers), width=side, height=side, padding=PADDING, description=description)


def confusion_change_cells(table: pd.DataFrame) -> MatrixCells:
    """Return what the matrix of :func:`confusion_change_chart` shows in each cell, and the colours' values."""
    return signed_cells(table, "change", [f"{value:+.0f}" if value else "" for value in table["change"]])
