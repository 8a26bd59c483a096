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
from digitcore.evaluation.metrics import losses_of
from digitcore.glossary import explain
from digitcore.runs import Run
from digitcore.wording import interval_text, percent_interval_text, percent_text
from pages.parts import layout, shared, view
from pages.parts.charts import drawable
from pages.parts.reading.reading_guide import show_guide

# Each with its guide.
POLL_SECONDS = 0.5
VIEWS = {"Reliability": "reliability", "Confidence": "confidence", "Selective prediction": "coverage"}


def show(run: Run, part: Part, probabilities: np.ndarray) -> None:
    """Show the chart that is asked for."""
    words = explain("confidence", "reliability", "selective prediction")
    st.header("Is it right when it is sure?", help=words)
    row = layout.choices("confidence")
    chart = view.buttons(row, "chart", "View", list(VIEWS), key="confidence_view", label_visibility="collapsed")
    with row:
        show_guide(VIEWS[chart])
    _show_view(chart, run.digest, run.created_at, part.name, part.labels, probabilities)
    if chart == "Reliability":
        _show_figures(run, part, probabilities)


def _show_figures(run: Run, part: Part, probabilities: np.ndarray) -> None:
    """Show log-loss and calibration error, and their intervals as soon as these are computed."""
    figures = shared.intervals.get((run.digest, run.created_at, part.name), part.labels, probabilities)
    sentence, error, loss = _figures(run.digest, run.created_at, part.name, part.labels, probabilities)

    @st.fragment(run_every=None if figures.done() else POLL_SECONDS)
    def show_sentence() -> None:
        known = figures.result() if figures.done() else None
        if known is not None and not drawn_whole:
            # Without the timer.
            st.rerun()
        of_error = f" ({percent_interval_text(*known.calibration_error)})" if known else ""
        of_loss = f" ({interval_text(*known.loss)})" if known else ""
        words = f"Expected calibration error: **{percent_text(error)}**{of_error}. Log-loss: **{loss:.4f}**{of_loss}."
        st.markdown(f"{sentence} {words}", help=explain("calibration error", "loss", "bootstrap interval"))

    drawn_whole = figures.done()
    show_sentence()


@st.cache_data(show_spinner=False, max_entries=512)
def _figures(
    digest: str, created_at: datetime, part_name: str, _labels: np.ndarray, _probabilities: np.ndarray
) -> tuple[str, float, float]:
    table = reliability_table(_labels, _probabilities)
    loss = float(losses_of(_labels, _probabilities).mean())
    return calibration_sentence(table), expected_calibration_error(table), loss


# A chart takes altair 30 ms to write down, the same at each rerun.
@st.cache_data(show_spinner=False, max_entries=512)
def _show_view(
    chart: str, digest: str, created_at: datetime, part_name: str, _labels: np.ndarray, _probabilities: np.ndarray
) -> None:
    if chart == "Reliability":
        st.vega_lite_chart(drawable(reliability_chart(reliability_table(_labels, _probabilities))))
    elif chart == "Confidence":
        st.vega_lite_chart(drawable(confidence_chart(confidence_table(_labels, _probabilities))))
    else:
        table = coverage_table(_labels, _probabilities)
        st.vega_lite_chart(drawable(coverage_chart(table)))
        st.markdown(refusal_sentence(table))
