"""The button that stops a training or an experiment, for those who may."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.runs.engine import STARTED_BY_ANOTHER
from pages.parts import visitor
from pages.parts.messages import attempt


def show(
    place: DeltaGenerator,
    stop: Callable[[str, str], None],
    digest: str,
    *,
    allowed: bool,
    stopping: bool,
    key: str = "stop",
    shortcut: str | None = None,
) -> None:
    """Show the button in its place, and below the row why this visitor may not press it.

    Parameters
    ----------
    place : DeltaGenerator
        Beside the progress bar.
    stop : callable
        Called with the digest and the visitor.
    digest : str
        Of the run or the experiment.
    allowed : bool
        Whether this visitor may stop it.
    stopping : bool
        Whether somebody has pressed the button here or on another server, and the end has not come yet.
    key, shortcut
        Those of ``st.button``.
    """
    place.button(
        "Stopping ..." if stopping else "Stop",
        on_click=attempt,
        args=(stop, digest, visitor.name()),
        width="stretch",
        key=key,
        disabled=stopping or not allowed,
        shortcut=shortcut,
    )
    if not allowed:
        st.caption(STARTED_BY_ANOTHER)
