"""One curve of all chosen models in one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from digitcore.charts import model_curves_chart
from digitcore.experiments.side_by_side import (
    OVER,
    available_curves,
    curve_labels,
    missing_curves_text,
    model_curves_table,
)
from digitcore.glossary import explain
from digitcore.runs import Run
from pages.parts import layout, shared, view
from pages.parts.charts import drawable
from pages.parts.messages import plain
from pages.parts.reading.reading_guide import show_heading

Models = Mapping[str, Sequence[Run]]


@view.fragment
def show(models: Models) -> None:
    """Ask which curve, and show it; seeds of a model are a band."""
    show_heading("Curves", "compared_curves", help_text=explain("epoch", "loss", "nats", "spread"))
    curves = available_curves(models)
    if not curves:
        st.info("None of these runs kept its epochs.", icon=layout.NOTHING_FITS)
        return
    row = layout.choices("curves")
    curve = view.select(
        row, "curve", "Curve", curves, format_func=curve_labels(models).__getitem__, key="compare_curve"
    )
    over = view.buttons(
        row, "over", "Over", list(OVER), start="epoch", format_func=OVER.__getitem__, key="compare_over"
    )
    smoothing = view.slider(
        row,
        "smoothing",
        "Smoothing",
        0.0,
        0.95,
        0.0,
        step=0.05,
        key="compare_smoothing",
        help="Weight of the previous epochs in each point.",
    )
    runs = tuple((name, run.digest, run.created_at) for name, members in models.items() for run in members)
    key = ("compare curves", runs, curve, over, smoothing)
    chart = shared.charts.get(key, lambda: _chart(models, curve, over, smoothing))
    st.vega_lite_chart(chart, width="stretch")
    missing = missing_curves_text(models, curve)
    if missing:
        st.caption(plain(missing))
    if any(run.spec.members > 1 for members in models.values() for run in members):
        st.caption("The curve of a vote is the mean of its models' curves.")


def _chart(models: Models, curve: str, over: str, smoothing: float) -> dict[str, Any]:
    part, measure = curve.split("_")
    table = model_curves_table(models, curve, over=over, smoothing=smoothing)
    return drawable(model_curves_chart(table, measure=measure, part=part, over=over))
