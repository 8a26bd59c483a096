"""What a learning curve says: accuracy over the number of training images, and the gap."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from digitcore.charts import learning_curve_chart
from digitcore.experiments import Experiment
from digitcore.experiments.tables import gap_table, in_percent, learning_curve_table
from digitcore.glossary import explain
from pages.parts import layout
from pages.parts.experiments.fold_view import ask_spread
from pages.parts.signed_numbers import with_minus


def show(experiment: Experiment, table: pd.DataFrame) -> None:
    """Show the sizes that have come."""
    curve = learning_curve_table(table)
    if curve.empty:
        layout.show_coming("The first size is being trained.")
        return
    spread = ask_spread("size_spread", guide="learning_curve")
    _show_curve(experiment.digest, experiment.n_ended, spread, _curve=curve)


@st.cache_data(show_spinner=False, max_entries=32)
def _show_curve(digest: str, n_ended: int, spread: str, _curve: pd.DataFrame) -> None:
    held_out = _curve["part"].iloc[-1]
    st.altair_chart(learning_curve_chart(_curve, held_out_name=held_out, spread=spread), width="stretch")
    st.dataframe(
        with_minus(in_percent(gap_table(_curve), ["gap"]), {"gap": ".2f"}),
        hide_index=True,
        column_config={
            "n_train": st.column_config.NumberColumn("Training images", format="%,d"),
            "gap": st.column_config.NumberColumn("Gap (points)", help=explain("gap")),
        },
        alt="The overfitting gap of every size",
    )
