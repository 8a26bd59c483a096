"""A pad to draw on, with the mouse, a pen or a finger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from digitcore.images import palette
from digitcore.images.strokes import MOST_POINTS, MOST_STROKES, PAD_UNITS, PEN_WIDTH

_KEY = "drawing_pad"
_HERE = Path(__file__)
_mount = st.components.v2.component(
    "digit_pad", **{kind: _HERE.with_suffix(f".{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")}
)


def ask_strokes() -> Any:
    """Show the pad; return what it has sent, for :func:`digitcore.images.strokes.pad_strokes`, or None if empty."""
    data = {
        "units": PAD_UNITS,
        "mostStrokes": MOST_STROKES,
        "mostPoints": MOST_POINTS,
        "pen": PEN_WIDTH,
        "ink": palette.TILE_LIGHT,
        "ground": palette.TILE_DARK,
        "drawn": _strokes(st.session_state.get(_KEY)) is not None,
    }
    sent = _mount(key=_KEY, data=data, default={"strokes": None}, on_strokes_change=lambda: None)
    return _strokes(sent)


def _strokes(sent: Any) -> Any:
    return sent.get("strokes") if isinstance(sent, Mapping) else None
