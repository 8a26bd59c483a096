"""Buttons whose press is not lost when the page is drawn again meanwhile.

``st.button`` returns True only in the run that the press started. If another request of the browser (a moved slider,
the window's size) interrupts this run before it reaches the button, the press is lost. Callbacks run before the page
does, so one records the press here. Only a request that follows the press at once, before Streamlit 1.67 has come to
the callbacks, still loses it. An action that draws nothing can be the ``on_click`` of a plain button instead, by
:func:`pages.parts.messages.attempt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# Session key of this file.
_PRESSED = "pressed"


@dataclass
class _Pressed:
    """The key of the button that was pressed, until the page draws that button."""

    key: str = ""

    def note(self, key: str) -> None:
        # Not in the session state: whoever touches that can be interrupted by the next request, a callback too.
        self.key = key


def button(label: str, *, key: str, place: DeltaGenerator | None = None, **options: Any) -> bool:
    """Draw a button; return True once for each press, in the first run that reaches the button.

    Parameters
    ----------
    label, key, **options
        Those of ``st.button``, except ``on_click`` and ``args``.
    place : DeltaGenerator, optional
        Container of the button; the current one if omitted.
    """
    pressed = _pressed()
    (place or st).button(label, key=key, on_click=pressed.note, args=(key,), **options)
    if pressed.key != key:
        return False
    pressed.key = ""
    return not options.get("disabled")


def forget() -> None:
    """Drop a press that no button has taken yet, as when the visitor changes to another page."""
    _pressed().key = ""


def _pressed() -> _Pressed:
    return st.session_state.setdefault(_PRESSED, _Pressed())
