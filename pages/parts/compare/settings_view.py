"""The settings of the chosen models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from digitcore.experiments.side_by_side import settings_table
from digitcore.runs import Run
from digitcore.specs.titles import short_titles
from pages.parts import layout, view
from pages.parts.compare.run_table import name_width


def show(models: Mapping[str, Sequence[Run]]) -> None:
    """Show in which settings the models differ, or all settings."""
    st.header("Settings side by side")
    every = view.toggle(layout.choices("settings"), "all_settings", "All settings", key="compare_all_settings")
    table = settings_table(models, every=every)
    if table.empty:
        st.caption("The models differ in no setting but the seed.")
        return
    # What the models share in their names, they share in their settings.
    table.columns = short_titles(list(table.columns))
    # As wide as the longest name of a setting, and as the model's.
    heads = {name: st.column_config.Column(width=name_width(pd.Series([name]))) for name in table}
    heads["_index"] = st.column_config.Column(width=name_width(table.index.to_series()))
    st.dataframe(table, column_config=heads, alt="Settings of each chosen model, a column for each")
