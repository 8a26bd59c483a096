"""Buttons whose press is not lost.

A browser that tells its size, or a slider that is let go, draws the page anew; if that cuts short the run that a press
began, before it has come to the button, ``st.button`` never tells of the press. A callback runs before all of it.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# Session key of this file: the button that was pressed, until the page comes to it.
_PRESSED = "pressed"


def button(label: str, *, key: str, place: DeltaGenerator | None = None, **options: Any) -> bool:
    """Draw a button and return True once for each press, on the page that it was pressed on.

    Parameters
    ----------
    label, key, **options
        Those of ``st.button``, without ``on_click`` and ``args``. The key names the button on its page.
    place : DeltaGenerator, optional
        Where it stands, if not in the present container.
    """
    (place or st).button(label, key=key, on_click=_note, args=(key,), **options)
    if st.session_state.get(_PRESSED) != key:
        return False
    forget()
    return not options.get("disabled")


def forget() -> None:
    """Forget what was pressed: another page is shown."""
    st.session_state.pop(_PRESSED, None)


def _note(key: str) -> None:
    st.session_state[_PRESSED] = key
