"""The cell of a confusion matrix that is chosen: by a click, or by boxes, which the keyboard reaches."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.charts import outline_cell
from pages.parts import session, view

# Of the charts' selection by click.
SELECTION = "cell"


def show_chart(
    place: DeltaGenerator, chart: dict[str, Any], matrix: str, names: Sequence[str], *, drawn: Hashable
) -> None:
    """Show a matrix whose cells can be clicked, the chosen one outlined.

    Parameters
    ----------
    place : DeltaGenerator
        Where it stands.
    chart : dict
        Specification with a selection named :data:`SELECTION`.
    matrix : str
        What the session calls this matrix, as for :func:`ask`.
    names : sequence of str
        Of the classes.
    drawn : Hashable
        What the chart shows: the same value, the same chart.
    """
    truth, prediction = session.outlined_cell(matrix, len(names), drawn)
    if truth is not None and prediction is not None:
        chart = outline_cell(chart, SELECTION, names[truth], names[prediction])
    key = session.matrix_key(matrix)
    place.vega_lite_chart(chart, key=key, on_select=lambda: _take_click(key, matrix, names))


def ask(matrix: str, names: Sequence[str], row: DeltaGenerator) -> tuple[int | None, int | None]:
    """Ask for a row and a column of a matrix, and return their classes; None is any."""
    options = [session.ANY_CLASS, *range(len(names))]
    asked = zip(("truth", "taken_for"), ("True class", "Taken for"), session.cell_keys(matrix, len(names)), strict=True)
    for parameter, label, key in asked:
        view.select(
            row,
            parameter,
            label,
            options,
            key=key,
            format_func=lambda index: "any" if index == session.ANY_CLASS else names[index],
            on_change=session.forget_click,
            args=(matrix,),
        )
    return session.chosen_cell(matrix, len(names))


def _take_click(key: str, matrix: str, names: Sequence[str]) -> None:
    cells = st.session_state[key].selection[SELECTION] or []
    clicked = [(names.index(cell["truth"]), names.index(cell["prediction"])) for cell in cells]
    if not clicked or clicked[-1] == session.chosen_cell(matrix, len(names)):
        session.choose_cell(matrix, len(names), None, None)
        # The matrix is drawn anew, without an outline.
        session.forget_click(matrix)
    else:
        session.choose_cell(matrix, len(names), *clicked[-1])
