"""A pad to draw a digit on, with the mouse, a pen or a finger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from digitcore.images import palette
from digitcore.images.clean_up import PAD_PIXELS

_KEY = "drawing_pad"
_HERE = Path(__file__)
_mount = st.components.v2.component(
    "digit_pad", **{kind: _HERE.with_suffix(f".{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")}
)


def ask_pixels(stroke_width: float) -> Any:
    """Show the pad; return what it has sent, for :func:`digitcore.images.clean_up.pad_ink`, or None while it is empty.

    Parameters
    ----------
    stroke_width : float
        Width of a stroke as a share of the pad's side.
    """
    data = {
        "pixels": PAD_PIXELS,
        "stroke": stroke_width,
        "ink": palette.TILE_LIGHT,
        "ground": palette.TILE_DARK,
        "drawn": _pixels(st.session_state.get(_KEY)) is not None,
    }
    sent = _mount(key=_KEY, data=data, default={"pixels": None}, on_pixels_change=lambda: None)
    return _pixels(sent)


def _pixels(sent: Any) -> Any:
    return sent.get("pixels") if isinstance(sent, Mapping) else None
