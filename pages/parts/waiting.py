"""Waiting for computations in the workers: look again and again, say how far they are, offer to stop them.

A screen reader hears of their start and end, and of quarters where there are several.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import streamlit as st

from digitcore.runs.computations import Computation
from digitcore.runs.progress import milestone_text
from pages.parts import announcer, layout, messages, shared, turns

POLL_SECONDS = 0.5


@st.fragment(run_every=POLL_SECONDS)
@messages.caught()
def wait_for(
    look: Callable[[], Sequence[Computation]],
    words: str,
    *,
    task: str,
    subject: str,
    stop: Callable[[], None],
    key: str,
    height: int,
) -> None:
    """Rerun the page once none of the computations is running.

    Parameters
    ----------
    look : callable
        Returns the current state of each computation, in order.
    words : str
        Status text. With several computations it follows "2 of 5": ``"models are trained"``.
    task, subject : str
        As for :func:`tell_end`.
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
    n_done = states.count("done")
    if len(states) > 1:
        bar.progress(n_done / len(states), f"{n_done} of {len(states)} {words}")
    else:
        bar.info(words)
    # Before anything is drawn again: what it sets may belong to a widget.
    if button.button("Stop", key=key, width="stretch", on_click=messages.attempt, args=(stop,)):
        st.rerun()
    announcer.announce(subject, milestone_text(task, n_done / len(states)))
    st.skeleton(height=height)


def wait_for_run(digest: str, seconds: float) -> None:
    """Wait until a run has ended, so many seconds at most, while other pages are drawn."""
    with turns.pause(), contextlib.suppress(TimeoutError):
        shared.engine().wait(digest, seconds)


def tell_end(task: str, subject: str, *, failed: bool = False) -> None:
    """Let a screen reader say that what was waited for has ended, if it has told of the start.

    Parameters
    ----------
    task : str
        Beginning of the sentence: ``"The LR range test"``.
    subject : str
        Unique name of the task, as for :func:`pages.parts.announcer.announce`.
    failed : bool
        Whether there is no result.
    """
    announcer.announce(subject, f"{task} has {'failed' if failed else 'ended'}.", is_end=True)
