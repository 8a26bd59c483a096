"""How a page is laid out: the menu of a narrow screen, rows of choices, and buttons beside words.

`layout.css` knows the containers by their keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

STYLE = Path(__file__).with_suffix(".css")
# Of every button that stands beside words, and of those that start something.
BUTTON_WIDTH = 170
# Where there is nothing yet, and where nothing fits.
EMPTY, NOTHING_FITS = ":material/model_training:", ":material/filter_alt_off:"
# Of most charts, in pixels.
CHART_HEIGHT = 300


def show_menu(pages: Sequence[StreamlitPage]) -> None:
    """Show the names of all pages, on a narrow screen only: a wide one has them in its header."""
    with st.container(horizontal=True, gap="xxsmall", key="menu"):
        for page in pages:
            st.page_link(page)


def show_title(title: str, words: str) -> None:
    """Show the title of a page and, beside it where there is room, what the page is for."""
    with st.container(horizontal=True, key="page_title"):
        st.title(title, anchor=False, width="content")
        st.caption(words, width="content")


def form() -> DeltaGenerator:
    """Return the place of a form: the sidebar, which a narrow screen opens with a button that says "Settings"."""
    return st.sidebar.container(key="run_form")


def choices(name: str = "page") -> DeltaGenerator:
    """Return a row for select boxes and the like; on a phone they stand one below the other.

    Parameters
    ----------
    name : str
        Of the row, one of its own for each row of a page.
    """
    return st.container(horizontal=True, vertical_alignment="bottom", key=f"choices_{name}")


def is_phone() -> bool:
    """Return True if the browser says that it runs on a phone."""
    return "Mobi" in st.context.headers.get("User-Agent", "")


def show_coming(words: str, height: int = CHART_HEIGHT) -> None:
    """Say that something is on its way, and keep the room that it will take, so that nothing moves when it comes."""
    st.caption(f":material/hourglass_top: {words}")
    st.skeleton(height=height)


def start_place(name: str) -> DeltaGenerator:
    """Return the place of a button that starts something and stands below what it is about.

    Parameters
    ----------
    name : str
        Of the place, unique on its page.
    """
    return st.container(width=BUTTON_WIDTH, key=f"start_place_{name}")


def with_button(name: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return a place for words and, beside it, one for a button of the width that all such buttons have.

    Parameters
    ----------
    name : str
        Of the row, one of its own for each row of a page.
    """
    row = st.container(horizontal=True, vertical_alignment="center", key=f"with_button_{name}")
    return row.container(), row.container(width=BUTTON_WIDTH)
