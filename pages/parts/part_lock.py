"""A test part on pages: how many runs were tested on it, its lock, and the opening of test figures that it covers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from digitcore.evaluation.comparison import optimism_of_best, optimism_sentence
from digitcore.glossary import explain
from digitcore.runs import Run, RunSpec
from digitcore.runs.listed_table import LOCKED
from digitcore.runs.part_locks import NOT_ALLOWED, has_test_part
from digitcore.wording import counted
from pages.parts import session, shared
from pages.parts.messages import attempt, plain

__all__ = ["LOCKED", "ask_lock", "hides", "offer_opening", "show_looks"]

# What other servers and experiments test is seen after so many seconds.
KEPT_SECONDS = 5.0
LOCK_HELP = (
    "A locked part keeps the test figures of all runs that are tested on it covered, on every page, until they are "
    "opened run by run; each opening is noted with its run. Choose by the validation part meanwhile."
)
UNLOCK_HELP = "Unlocking opens the test figures of every run that was tested on this part, for good, and notes it."
OPEN_WORDS = (
    "A test part tells the truth as long as nothing is chosen by it. Once opened, these figures are seen by everybody "
    "on this server; the opening is noted with the run, and cannot be undone."
)


def show_looks(run: Run) -> None:
    """Say how many runs were tested on the same images, what that does to the best of them, and when it was opened."""
    figures = run.figures.get("test")
    if figures is None:
        return
    sentence = _looks(run.digest, run.created_at, shared.engine().n_ended, figures.accuracy, figures.n_images)
    opened = shared.engine().part_locks.opened_at(run.digest)
    noted = f"Test figures opened on {opened:%Y-%m-%d %H:%M} UTC." if opened is not None else ""
    if sentence or noted:
        st.caption(plain(f"{sentence} {noted}"), help=explain("test part"))


@st.cache_data(show_spinner=False, ttl=KEPT_SECONDS, max_entries=256)
def _looks(digest: str, created_at: datetime, n_ended: int, accuracy: float, n_images: int) -> str:
    n_tested = shared.engine().catalogue.n_tested_alike(digest)
    if n_tested < 2:
        return ""
    optimism = optimism_of_best(n_tested, accuracy, n_images)
    alike = f"{n_tested:,} runs kept here were tested on the same {counted(n_images, 'image')}."
    return f"{alike} {optimism_sentence(n_tested, optimism)}"


def hides(run: Run, position: int | None) -> bool:
    """Return True if an image of the data set, by its position there, is one of a run's covered test part."""
    if not run.covered or position is None:
        return False
    found = session.parts_of(run).locate(position)
    return found is not None and found[0].name == "test"


def offer_opening(runs: Sequence[Run]) -> None:
    """Say that the test figures of runs are covered, and open them after one more question."""
    locks = shared.engine().part_locks
    whose = "this run" if len(runs) == 1 else f"{len(runs)} runs"
    with st.container(horizontal=True, vertical_alignment="center", key="covered_test_figures"):
        st.markdown(f":material/lock: The test figures of {whose} are locked.", width="content")
        with st.popover("Open the test figures", width="content"):
            st.markdown(OPEN_WORDS)
            st.button(
                "Open them for good",
                key="open_test_figures",
                on_click=attempt,
                args=(_open, [run.digest for run in runs]),
                disabled=not locks.allowed,
                help=None if locks.allowed else NOT_ALLOWED,
            )


def _open(digests: Sequence[str]) -> None:
    for digest in digests:
        shared.engine().part_locks.open_test_figures(digest)


def ask_lock(spec: RunSpec) -> None:
    """Let the user lock the test part that the form describes, or unlock it."""
    if not has_test_part(spec):
        return
    locks = shared.engine().part_locks
    locked, why = locks.is_locked(spec), "" if locks.allowed else f" {NOT_ALLOWED}"
    with st.expander("The test part is locked" if locked else "Lock the test part"):
        st.caption(UNLOCK_HELP if locked else LOCK_HELP)
        st.button(
            "Unlock, and open all" if locked else "Lock the test part",
            key="unlock_part" if locked else "lock_part",
            on_click=attempt,
            args=(locks.unlock_part if locked else locks.lock_part, spec),
            disabled=not locks.allowed,
            help=why or None,
        )
