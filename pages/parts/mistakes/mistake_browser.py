"""The confusion matrix and the images behind it: click a cell, or choose its row and column, and see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.evaluation import (
    confused_pairs_sentences,
    confused_pairs_table,
    confusion_table,
    mistake_table,
    predictions,
)
from digitcore.evaluation.image_filter import ORDERS, ImageFilter, order_positions, select_positions, top_classes_text
from digitcore.glossary import explain
from digitcore.runs import Run
from digitcore.wording import percent_text
from pages.parts import layout, matrix_cell, matrix_chart, messages, session, shared, view
from pages.parts.reading.reading_guide import show_heading
from pages.parts.tiles import Tile, hint, show_tiles

_MATRIX = "cell"


@view.fragment
@messages.caught()
def show(run: Run, part: Part, probabilities: np.ndarray) -> None:
    """Show the matrix of a part's predictions, and the images that are asked for."""
    names = part.dataset.class_names
    prediction = predictions(probabilities)
    # Both on one screen: what a click on the matrix does is seen without scrolling. `layout.css` has a phone show the
    # images right below the matrix.
    left, right = st.columns(2, gap="medium")
    with left.container(key="matrix_alone"):
        show_heading("Confusion matrix", "confusion", help_text=explain("confusion matrix", "class", "prediction"))
        place = st.container()
    with left.container(key="matrix_choices"):
        values, scale = _ask_look()
        key = ("matrix", run.digest, run.created_at, part.name, values, scale)
        chart = shared.charts.get(key, lambda: _matrix(part, prediction, values, scale))
        matrix_cell.show_chart(place, chart, _MATRIX, names, drawn=key)
        place.caption("Click a cell to see its images; click it again to clear the selection.")
        sentences = confused_pairs_sentences(confused_pairs_table(part.labels, prediction, names))
        st.subheader("Most confused")
        st.markdown("\n".join(f"- {messages.plain(words)}" for words in sentences))
    with right:
        _show_images(part, probabilities, names)


def _matrix(part: Part, prediction: np.ndarray, values: str, scale: str) -> dict[str, Any]:
    cells = confusion_table(part.labels, prediction, part.dataset.class_names)
    return matrix_chart.confusion_drawn(cells, values=values, scale=scale)


def _ask_look() -> tuple[str, str]:
    row = layout.choices("matrix")
    values = view.buttons(
        row,
        "cells",
        "Cells show",
        ["count", "row_pct"],
        key="confusion_values",
        format_func={"count": "Images", "row_pct": "% of the row"}.__getitem__,
    )
    scale = view.buttons(
        row,
        "scale",
        "Colour scale",
        ["linear", "log"],
        start="log",
        key="confusion_scale",
        format_func={"linear": "Linear", "log": "Logarithmic"}.__getitem__,
        help=explain("logarithmic scale"),
    )
    return values, scale


def _show_images(part: Part, probabilities: np.ndarray, names: Sequence[str]) -> None:
    # As high as the heading beside it, which has a guide.
    with st.container(horizontal=True, vertical_alignment="center", key="heading_without_guide"):
        st.header("The images behind it")
    with st.container(key="matrix_filters"):
        wanted, order, n_images = _ask_images(names)
    positions = select_positions(part.labels, probabilities, wanted)
    shown = order_positions(positions, part.labels, probabilities, order, session.draw_seed())[:n_images]
    if not len(shown):
        st.info(f"No image fits: {_way_out(wanted)}.", icon=layout.NOTHING_FITS)
        return
    show_tiles(part, _tiles(part, probabilities, shown), key="mistake_tiles")
    kind = "wrong predictions" if wanted.wrong_only and not wanted.is_cell else "images"
    seed = f" (seed {session.draw_seed()})" if order == "random" else ""
    st.caption(f"{len(shown)} of {len(positions):,} {kind}, {ORDERS[order].lower()}{seed}. {hint('its probabilities')}")


def _way_out(wanted: ImageFilter) -> str:
    """Say which choices may have left no image."""
    ways = ["widen the range of confidence"] if wanted.confidence != ImageFilter().confidence else []
    ways += ["switch *Wrong only* off"] if wanted.wrong_only and not wanted.is_cell else []
    return ", or ".join([*ways, "choose another cell"])


def _ask_images(names: Sequence[str]) -> tuple[ImageFilter, str, int]:
    """Ask for a cell, row or column, which of its images to show, in which order, and how many."""
    row = layout.choices("images")
    truth, taken_for = matrix_cell.ask(_MATRIX, names, row)
    order = view.select(row, "order", "Order", list(ORDERS), format_func=ORDERS.get, key="image_order")
    row = layout.choices("filter")
    low, high = view.slider(
        row, "confidence", "Confidence (%)", 0, 100, (0, 100), key="confidence_range", help=explain("confidence")
    )
    n_images = view.slider(row, "images", "Images", 5, 100, 20, step=5, key="n_shown", persist_state="session")
    is_cell = truth is not None and taken_for is not None
    wrong_only = view.toggle(row, "wrong_only", "Wrong only", True, disabled=is_cell)
    if order == "random":
        session.link_draw()
        st.button("Draw again", on_click=session.draw_again)
    confidence = (low / 100, high / 100)
    wanted = ImageFilter(truth=truth, prediction=taken_for, confidence=confidence, wrong_only=wrong_only)
    return wanted, order, n_images


def _tiles(part: Part, probabilities: np.ndarray, positions: np.ndarray) -> list[Tile]:
    names = part.dataset.class_names
    table = mistake_table(part.labels, probabilities, names, positions)
    return [
        Tile(
            position=int(row.position),
            truth=row.truth,
            wrong="" if row.truth == row.prediction else row.prediction,
            words=f"Image {row.position} of the {part.name} part\n"
            f"Truth {row.truth} ({percent_text(row.truth_probability, 1)})\n"
            f"{top_classes_text(probabilities[row.position], names)}",
            alt=f"Image {row.position}: {row.truth} taken for {row.prediction}, "
            f"{percent_text(row.probability, 1)} sure",
        )
        for row in table.itertuples(index=False)
    ]
