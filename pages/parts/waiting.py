"""Waiting for computations in the workers: look again and again, say how far they are, offer to stop them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from digitcore.runs.computations import Computation
from pages.parts import layout, messages

POLL_SECONDS = 0.5


@st.fragment(run_every=POLL_SECONDS)
@messages.caught()
def wait_for(
    look: Callable[[], Sequence[Computation]], words: str, *, stop: Callable[[], None], key: str, height: int
) -> None:
    """Rerun the page once none of the computations is running.

    Parameters
    ----------
    look : callable
        Returns the current state of each computation, in order.
    words : str
        Status text. With several computations it follows "2 of 5": ``"models are trained"``.
    stop : callable
        Ends them; called when the button is pressed.
    key : str
        Of the button.
    height : int
        Of what is waited for, in pixels.
    """
    states = [computation.state for computation in look()]
    if "running" not in states:
        st.rerun()
    bar, button = layout.with_button(key)
    if len(states) > 1:
        n_done = states.count("done")
        bar.progress(n_done / len(states), f"{n_done} of {len(states)} {words}")
    else:
        bar.info(words)
    # Before anything is drawn again: what it sets may belong to a widget.
    if button.button("Stop", key=key, width="stretch", on_click=messages.attempt, args=(stop,)):
        st.rerun()
    st.skeleton(height=height)
