"""One curve of all chosen models in one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from digitcore.charts import model_curves_chart
from digitcore.experiments.side_by_side import CURVES, OVER, model_curves_table
from digitcore.glossary import explain
from digitcore.runs import Run
from pages.parts import layout, shared
from pages.parts.charts import drawable

Models = Mapping[str, Sequence[Run]]


@st.fragment
def show(models: Models) -> None:
    """Ask which curve, and show it; seeds of a model are a band."""
    st.subheader("Curves", help=explain("epoch", "loss", "spread"))
    row = layout.choices("curves")
    curve = row.selectbox("Curve", list(CURVES), format_func=CURVES.__getitem__, key="compare_curve")
    over = row.segmented_control(
        "Over", list(OVER), default="epoch", required=True, format_func=OVER.__getitem__, key="compare_over"
    )
    smoothing = row.slider(
        "Smoothing",
        0.0,
        0.95,
        0.0,
        step=0.05,
        key="compare_smoothing",
        help="Weight of the epochs before in each point.",
    )
    table = model_curves_table(models, curve, over=over, smoothing=smoothing)
    if table.empty:
        st.info("None of these runs has this curve: choose another one.", icon=layout.NOTHING_FITS)
        return
    part, measure = curve.split("_")
    runs = tuple((name, run.digest, run.created_at) for name, members in models.items() for run in members)
    key = ("compare curves", runs, curve, over, smoothing)
    chart = shared.charts.get(key, lambda: drawable(model_curves_chart(table, measure=measure, part=part, over=over)))
    st.vega_lite_chart(chart, width="stretch")
