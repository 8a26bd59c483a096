"""A figure and how much it has changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from digitcore.wording import MINUS, points_change_text


def show(label: str, value: str, change: float | None = None, **options: Any) -> None:
    """Show an accuracy as :func:`streamlit.metric` does, and how it differs from another one.

    Parameters
    ----------
    label, value : str
        What it is, and the figure.
    change : float, optional
        The difference of two shares; more is better.
    **options
        For :func:`streamlit.metric`.
    """
    if change is None:
        st.metric(label, value, **options)
        return
    text = points_change_text(change)
    # Streamlit tells the direction from a hyphen, which is no minus sign.
    if text.startswith(MINUS):
        st.metric(label, value, text, delta_color="red", delta_arrow="down", **options)
    elif text.startswith("+"):
        st.metric(label, value, text, delta_color="green", delta_arrow="up", **options)
    else:
        st.metric(label, value, text, delta_color="off", delta_arrow="off", **options)
