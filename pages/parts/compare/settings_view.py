"""The settings of the chosen models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from digitcore.experiments.side_by_side import settings_table
from digitcore.runs import Run
from pages.parts import layout, view


def show(models: Mapping[str, Sequence[Run]]) -> None:
    """Show in which settings the models differ, or all settings."""
    st.header("Settings side by side")
    every = view.toggle(layout.choices("settings"), "all_settings", "All settings", key="compare_all_settings")
    table = settings_table(models, every=every)
    if table.empty:
        st.caption("The models differ in no setting but the seed.")
        return
    st.dataframe(table, alt="Settings of each chosen model, a column for each")
