"""Confusion matrices to be drawn: those of the same classes share all but their figures and colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import altair as alt
import pandas as pd
import streamlit as st

from digitcore.charts import (
    ALTAIR_MAX_ROWS,
    MatrixCells,
    color_cells,
    confusion_cells,
    confusion_change_cells,
    confusion_change_chart,
    confusion_chart,
)
from pages.parts.charts import Frame, drawable
from pages.parts.matrix_cell import SELECTION


def confusion_drawn(
    table: pd.DataFrame,
    *,
    values: Literal["count", "row_pct"] = "count",
    scale: Literal["linear", "log"] = "log",
    cell_size: int | None = None,
) -> dict[str, Any]:
    """Return :func:`digitcore.charts.confusion_chart` of a table as :func:`pages.parts.charts.drawable` does.

    Its cells can be clicked.
    """

    def chart() -> alt.LayerChart:
        return confusion_chart(table, values=values, scale=scale, select=SELECTION, cell_size=cell_size)

    return _drawn(confusion_cells(table, values=values, scale=scale), chart, f"{values} {scale}", cell_size)


def change_drawn(table: pd.DataFrame, *, cell_size: int | None = None) -> dict[str, Any]:
    """Return :func:`digitcore.charts.confusion_change_chart` of a table as :func:`confusion_drawn` does its chart."""

    def chart() -> alt.LayerChart:
        return confusion_change_chart(table, select=SELECTION, cell_size=cell_size)

    return _drawn(confusion_change_cells(table), chart, "change", cell_size)


def _drawn(cells: MatrixCells, chart: Callable[[], alt.LayerChart], kind: str, cell_size: int | None) -> dict[str, Any]:
    if len(cells.table) > ALTAIR_MAX_ROWS:  # they stand in the chart itself
        return drawable(chart())
    names = tuple(dict.fromkeys(cells.table["truth"]))
    frame = _frame(kind, names, cell_size, cells.n_letters, _chart=chart, _table=cells.table)
    return color_cells(frame.drawn(cells.table), cells.stops)


@st.cache_resource(show_spinner=False, max_entries=64)
def _frame(
    kind: str,
    names: tuple[str, ...],
    cell_size: int | None,
    n_letters: int,
    _chart: Callable[[], alt.LayerChart],
    _table: pd.DataFrame,
) -> Frame:
    return Frame(_chart(), _table)
