"""Precision, recall and F1 of each class."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.evaluation import class_metrics_table, predictions
from digitcore.evaluation.comparison import recall_intervals_table
from digitcore.experiments.tables import in_percent
from digitcore.glossary import explain
from digitcore.runs import Run
from digitcore.runs.listed_table import interval_texts

# Column, heading, and what the heading means.
_SHARES = (
    ("precision", "Precision (%)", explain("precision")),
    ("recall", "Recall (%)", explain("recall")),
    ("f1", "F1 (%)", explain("F1")),
)


def show(run: Run, part: Part, probabilities: np.ndarray) -> None:
    """Show a row per class, with the interval of its recall."""
    st.header("Class by class")
    _show_table(run.digest, run.created_at, part.name, part, probabilities)


@st.cache_data(show_spinner=False, max_entries=512)
def _show_table(digest: str, created_at: datetime, part_name: str, _part: Part, _probabilities: np.ndarray) -> None:
    prediction, names = predictions(_probabilities), _part.dataset.class_names
    recall = recall_intervals_table(_part.labels, prediction, names)
    metrics = class_metrics_table(_part.labels, prediction, names)
    st.dataframe(
        in_percent(metrics, [name for name, _, _ in _SHARES]).assign(
            interval=interval_texts(recall["recall_low"], recall["recall_high"])
        ),
        hide_index=True,
        column_order=["class_name", "n_images", "precision", "recall", "interval", "f1"],
        column_config={
            "class_name": st.column_config.TextColumn("Class", help=explain("class")),
            "n_images": st.column_config.NumberColumn("Images", format="%,d"),
            "interval": st.column_config.TextColumn("95 % interval of recall", help=explain("interval of recall")),
            **{name: st.column_config.NumberColumn(title, format="%.2f", help=words) for name, title, words in _SHARES},
        },
        # The precision of a class that was never predicted.
        placeholder="–",
        alt="Precision, recall with its interval, and F1 of each class",
    )
