"""Two runs image by image: what only one gets right, and where their confusion matrices differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.evaluation.comparison import (
    WANTED,
    AnswerPair,
    confusion_change_table,
    disagreement_positions,
    in_same_order,
)
from digitcore.evaluation.image_filter import top_classes_text
from digitcore.experiments.side_by_side import labelled_runs
from digitcore.glossary import explain
from digitcore.runs import Run
from pages.parts import layout, matrix_cell, matrix_chart, messages, session, shared, view
from pages.parts.reading.reading_guide import show_heading
from pages.parts.tiles import Tile, hint, show_tiles

_MATRIX = "change"


@view.fragment
@messages.caught()
def show(models: Mapping[str, Sequence[Run]], part_name: str) -> None:
    """Let the user choose two runs, and show where they differ."""
    show_heading("Image by image", "confusion_change", help_text=explain("confusion matrix", "prediction"))
    runs = labelled_runs(models)
    a, b = _ask_pair(runs)
    if a == b:
        st.info("A and B are the same run: choose two different ones.", icon=layout.NOTHING_FITS)
        return
    part = getattr(session.parts_of(runs[a]), part_name)
    pair = _answers(runs[a], runs[b], part)
    left, right = st.columns(2, gap="medium")
    with left:
        _show_change(runs[a], runs[b], part, pair)
    with right:
        _show_images(runs[a], part, pair)


def _ask_pair(runs: Mapping[str, Run]) -> tuple[str, str]:
    row, names = layout.choices("pair"), list(runs)
    digests = {run.digest: name for name, run in runs.items()}
    a = view.select(row, "a", "A", names, key="compare_a", texts=digests)
    b = view.select(row, "b", "B", names, start=names[-1], key="compare_b", texts=digests)
    return a, b


def _answers(a: Run, b: Run, part: Part) -> AnswerPair:
    """Return what both runs make of the images of A's part."""
    others = getattr(session.parts_of(b), part.name)
    of_b = in_same_order(part.indices, others.indices, session.probabilities_of(b, others))
    return AnswerPair(part.labels, session.probabilities_of(a, part), of_b)


def _show_change(a: Run, b: Run, part: Part, pair: AnswerPair) -> None:
    names = part.dataset.class_names
    st.subheader("Confusion matrix of B minus that of A", help=explain("confusion matrix"))
    key = ("confusion change", a.digest, a.created_at, b.digest, b.created_at, part.name)
    chart = shared.charts.get(key, lambda: _change_chart(pair, names))
    matrix_cell.show_chart(st.container(), chart, _MATRIX, names, drawn=key)
    st.caption(
        "Blue: B has more images there, orange: fewer. B is better where the diagonal is blue and the rest orange. "
        "Click a cell to see its images; click it again to clear the selection."
    )


def _change_chart(pair: AnswerPair, names: Sequence[str]) -> dict[str, Any]:
    return matrix_chart.change_drawn(confusion_change_table(pair, names))


def _show_images(a: Run, part: Part, pair: AnswerPair) -> None:
    st.subheader("The images behind it")
    truth, prediction = matrix_cell.ask(_MATRIX, part.dataset.class_names, layout.choices("change_cell"))
    cell = None if truth is None or prediction is None else (truth, prediction)
    row = layout.choices("wanted")
    wanted = view.buttons(
        row,
        "show",
        "Show",
        list(WANTED),
        start="only_a",
        format_func=WANTED.__getitem__,
        key="compare_wanted",
        disabled=cell is not None,
    )
    n_images = view.slider(row, "images", "Images", 5, 100, 20, step=5, key="compare_n_images")
    positions = disagreement_positions(pair, wanted, cell)
    if not len(positions):
        st.info("No image fits: choose another cell, or other images to show.", icon=layout.NOTHING_FITS)
        return
    show_tiles(part, _tiles(part, pair, positions[:n_images]), key="compare_tiles", run=a)
    kind = "In this cell for one of them alone" if cell else WANTED[wanted]
    st.caption(
        f"{kind}: {len(positions[:n_images])} of {len(positions):,} images, the largest difference first. "
        f"{hint('both answers', 'it with A')}"
    )


def _tiles(part: Part, pair: AnswerPair, positions: np.ndarray) -> list[Tile]:
    return [_tile(part, pair, int(position)) for position in positions]


def _tile(part: Part, pair: AnswerPair, position: int) -> Tile:
    names = part.dataset.class_names
    truth, a, b = (names[each[position]] for each in (pair.truth, pair.prediction_a, pair.prediction_b))
    answers = "".join(
        f"\n{which}: {top_classes_text(probabilities[position], names)}"
        for which, probabilities in (("A", pair.probabilities_a), ("B", pair.probabilities_b))
    )
    return Tile(
        position=position,
        truth=truth,
        wrong=b if a == truth else a,
        words=f"Image {position} of the {part.name} part\nTruth {truth}{answers}",
        alt=f"Image {position}: truth {truth}, A says {a}, B says {b}",
    )
