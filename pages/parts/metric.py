"""A figure and how much it has changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from digitcore.wording import MINUS, points_change_text

# Colour and arrow by the sign; Streamlit tells them from a hyphen, which is no minus sign.
_LOOKS: dict[str, Any] = {MINUS: ("red", "down"), "+": ("green", "up")}


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
    text = "" if change is None else points_change_text(change)
    color, arrow = _LOOKS.get(text[:1], ("off", "off"))
    st.metric(label, value, text or None, delta_color=color, delta_arrow=arrow, **options)
