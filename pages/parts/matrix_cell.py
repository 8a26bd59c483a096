"""The cell of a confusion matrix that is chosen: by a click, or by boxes, which the keyboard reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import session, view

# Of the charts' selection by click.
SELECTION = "cell"


def show_chart(place: DeltaGenerator, chart: dict[str, Any], matrix: str, names: Sequence[str]) -> None:
    """Show a matrix whose cells can be clicked.

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
    """
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
    session.choose_cell(matrix, len(names), *(clicked[-1] if clicked else (None, None)))
