"""How far a model's confidence can be trusted, in three charts."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import streamlit as st

from digitcore.charts import confidence_chart, coverage_chart, reliability_chart
from digitcore.datasets import Part
from digitcore.evaluation.calibration import (
    calibration_sentence,
    confidence_table,
    coverage_table,
    expected_calibration_error,
    refusal_sentence,
    reliability_table,
)
from digitcore.glossary import explain
from digitcore.runs import Run
from digitcore.wording import percent_text
from pages.parts import layout, view
from pages.parts.charts import drawable
from pages.parts.reading.reading_guide import show_guide

# Each with its guide.
VIEWS = {"Reliability": "reliability", "Confidence": "confidence", "Selective prediction": "coverage"}


def show(run: Run, part: Part, probabilities: np.ndarray) -> None:
    """Show the chart that is asked for."""
    words = explain("confidence", "reliability", "selective prediction")
    st.subheader("Is it right when it is sure?", help=words)
    row = layout.choices("confidence")
    chart = view.buttons(row, "chart", "View", list(VIEWS), key="confidence_view", label_visibility="collapsed")
    with row:
        show_guide(VIEWS[chart])
    _show_view(chart, run.digest, run.created_at, part.name, part.labels, probabilities)


# A chart takes altair 30 ms to write down, the same at each rerun.
@st.cache_data(show_spinner=False, max_entries=512)
def _show_view(
    chart: str, digest: str, created_at: datetime, part_name: str, _labels: np.ndarray, _probabilities: np.ndarray
) -> None:
    if chart == "Reliability":
        table = reliability_table(_labels, _probabilities)
        st.vega_lite_chart(drawable(reliability_chart(table)))
        error = percent_text(expected_calibration_error(table))
        words = f"{calibration_sentence(table)} Expected calibration error: **{error}**."
        st.markdown(words, help=explain("calibration error"))
    elif chart == "Confidence":
        st.vega_lite_chart(drawable(confidence_chart(confidence_table(_labels, _probabilities))))
    else:
        table = coverage_table(_labels, _probabilities)
        st.vega_lite_chart(drawable(coverage_chart(table)))
        st.markdown(refusal_sentence(table))
