"""What goes wrong, said in one sentence where the user looks."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, StopException

from digitcore.errors import DigitcoreError
from pages.parts import session

log = logging.getLogger("digitcore.pages")

SURPRISE = "Something unexpected went wrong ({name}). Nothing that was trained is lost; the server's log says more."


def plain(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it stands: part of it may come from a stranger's link."""
    return re.sub(r"([\\`*_{}\[\]<>#|$:~!])", r"\\\1", text)


@contextmanager
def caught() -> Iterator[None]:
    """Show digitcore's errors as they stand, and any surprise as one sentence with its traceback in the log."""
    for problem in session.take_told():
        st.error(plain(problem))
    try:
        yield
    except DigitcoreError as error:
        st.error(plain(str(error)))
    except (RerunException, StopException):
        raise
    except Exception as error:
        log.exception("Unexpected error on a page")
        st.error(SURPRISE.format(name=type(error).__name__))


def attempt(action: Callable[..., object], *arguments: object) -> None:
    """Do what a click asks for, before the page is drawn, and let the page say why if it cannot be done."""
    try:
        action(*arguments)
    except DigitcoreError as problem:
        session.tell(str(problem))


def show_link_problems() -> None:
    """Say what was wrong with the link that was opened."""
    show_problems(session.link_problems())


def show_problems(problems: Sequence[str]) -> None:
    """Show sentences as one warning, if there are any."""
    if problems:
        st.warning("\n\n".join(plain(problem) for problem in problems))
