"""The confusion matrix."""

from __future__ import annotations

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._axes import LOG_NUMBERS, unlimited
from digitcore.charts._cells import (
    PADDING,
    SMALLEST_FONT,
    MatrixCells,
    cell_figures,
    cell_ink,
    cell_scale,
    class_axis,
    color_stops,
    figure_font,
    fitting_font,
    inks,
    matrix_cell,
    with_cell_selection,
)
from digitcore.charts._theme import REMARK, finished
from digitcore.errors import InvalidSetting
from digitcore.images import palette


def confusion_chart(
    table: pd.DataFrame,
    *,
    values: Literal["count", "row_pct"] = "count",
    scale: Literal["linear", "log"] = "linear",
    select: str | None = None,
    cell_size: int | None = None,
) -> alt.LayerChart:
    """Draw a confusion matrix: truth in rows, prediction in columns, the figures in the cells.

    Cells without images show the background, on the logarithmic scale as on the linear one. Past the number of classes
    where figures would be illegible, only colours and tooltips remain.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.evaluation.confusion_table`; the class order is its own.
    values : {"count", "row_pct"}
        What colours and figures say: images, or percentage of the true class's images.
    scale : {"linear", "log"}
        Colour scale. The logarithmic one shows rare mistakes beside the many right answers.
    select : str, optional
        Name of a selection by click (the same cell again clears it) with the fields ``truth`` and ``prediction``.
    cell_size : int, optional
        Side of a cell in pixels; by default the matrix is about 600 pixels wide, fewer for few classes.

    Raises
    ------
    InvalidSetting
        If ``values`` or ``scale`` is unknown or ``cell_size`` is not positive.
    """
    if cell_size is not None and cell_size < 1:
        raise InvalidSetting(f"cell_size must be a number of pixels from 1, got {cell_size!r}")
    cells = confusion_cells(table, values=values, scale=scale)
    names = list(dict.fromkeys(table["truth"]))
    cell = cell_size or matrix_cell(len(names))
    font = figure_font(cells.n_letters, cell)
    base = alt.Chart(unlimited(cells.table)).encode(
        x=class_axis("prediction", "Prediction", names, cell),
        y=class_axis("truth", "Truth", names, cell),
        tooltip=_confusion_tooltips(),
    )
    # Where the figures stand in the cells a legend would say them twice, and take the room of two columns of a phone.
    rectangles = _rectangles(base, values, cells.stops, scale, select, legend=font < SMALLEST_FONT)
    figures = cell_figures(base, font, fitting_font(cells.n_letters, font, len(names)), cell_ink(empty=REMARK))
    layers = [rectangles, *figures]
    side = cell * max(len(names), 1)
    description = (
        f"Confusion matrix of {len(names)} classes: rows are the truth, columns the prediction, "
        f"cells the {'number' if values == 'count' else 'percentage'} of images."
    )
    return finished(alt.layer(*layers), width=side, height=side, padding=PADDING, description=description)


def confusion_cells(
    table: pd.DataFrame,
    *,
    values: Literal["count", "row_pct"] = "count",
    scale: Literal["linear", "log"] = "linear",
) -> MatrixCells:
    """Return what a confusion matrix shows: of each cell its figure, and white or black ink, and the colours' values.

    Parameters
    ----------
    table, values, scale
        As for :func:`confusion_chart`.

    Raises
    ------
    InvalidSetting
        If ``values`` or ``scale`` is unknown.
    """
    if values not in ("count", "row_pct"):
        raise InvalidSetting(f"values must be count or row_pct, got {values!r}")
    if scale not in ("linear", "log"):
        raise InvalidSetting(f"scale must be linear or log, got {scale!r}")
    shown = table[values].to_numpy(dtype=float)
    stops = color_stops(shown, scale)
    cells = table[["truth", "prediction", "count", "row_pct"]].copy()
    cells["filled"] = shown > 0
    if values == "count":
        cells["figure"] = [f"{value:.0f}" for value in shown]
    else:
        cells["figure"] = ["" if np.isnan(value) else f"{value:.1f}" if value else "0" for value in shown]
    return MatrixCells(cells.assign(**inks(shown, stops, scale)), stops)


def _rectangles(
    base: alt.Chart, values: str, stops: np.ndarray, scale: str, select: str | None, *, legend: bool
) -> alt.Chart:
    colors = alt.Color(
        f"{values}:Q",
        title="Images" if values == "count" else "Images of the class (%)",
        scale=cell_scale(stops, palette.SEQUENTIAL_STOPS, scale),
        legend=alt.Legend(gradientLength=200, orient="right", tickCount=4, **LOG_NUMBERS) if legend else None,
    )
    # invalid=None keeps the cells of a class without images, whose percentage is NaN.
    rectangles = base.mark_rect(invalid=None, cursor="pointer" if select else alt.Undefined).encode(
        color=alt.when("datum.filled").then(colors).otherwise(alt.value("transparent"))
    )
    return with_cell_selection(rectangles, select)


def _confusion_tooltips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("truth:N", title="Truth"),
        alt.Tooltip("prediction:N", title="Prediction"),
        alt.Tooltip("count:Q", title="Images", format=",d"),
        alt.Tooltip("row_pct:Q", title="Share of the class (%)", format=".2f"),
    ]
