"""A heading with its words explained and, one click away, how to read what is below it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import streamlit as st

from digitcore.images import palette
from pages.parts import look
from pages.parts.reading.guides import GUIDES

LABEL = "How to read this"
WIDTH = 300
# Pictures whose cells are coloured as those of the page are, by theme.
RAMPS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "confusion": palette.SEQUENTIAL_STOPS,
    "heat": palette.SEQUENTIAL_STOPS,
    "confusion_change": palette.DIVERGING_STOPS,
    "weights": palette.DIVERGING_STOPS,
    "why": palette.DIVERGING_STOPS,
}
# A cell, and the beginning of its figure where it has one.
_CELL = re.compile(r'(<rect[^>]* fill=")(#[0-9a-f]{6})("[^>]*/>)(<text[^>]* fill=")?(#000000|#ffffff)?')
_FOLDER = Path(__file__).parent


def show_heading(title: str, guide: str, *, help_text: str | None = None) -> None:
    """Show the heading of a section, the explanation of its terms on hovering, and the guide of this name beside it.

    Parameters
    ----------
    title : str
        The heading.
    guide : str
        Name in :data:`pages.parts.reading.guides.GUIDES`.
    help_text : str, optional
        From :func:`digitcore.glossary.explain`.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title, help=help_text, width="content")
        show_guide(guide)


def show_guide(name: str) -> None:
    """Show the button that opens a guide."""
    guide = GUIDES[name]
    with st.popover(LABEL, type="tertiary", key=f"guide_{name}"), st.container(width=WIDTH):
        st.image(picture(name, theme=look.theme()), width=WIDTH, alt=guide.picture)
        st.markdown(" ".join(guide.sentences))
        if guide.measured:
            st.caption(guide.measured)


def show_empty(words: str, name: str) -> None:
    """Say that there is nothing yet, under a picture of what will be here.

    Parameters
    ----------
    words : str
        What there is not, and what to do; Markdown.
    name : str
        Of the guide whose picture it is.
    """
    with st.container(border=True, horizontal_alignment="center", key=f"empty_{name}"):
        st.image(picture(name, theme=look.theme()), width=WIDTH, alt=f"An example: {GUIDES[name].picture}")
        # Nobody should take its figures for results.
        st.caption("An example of what comes here", text_alignment="center")
        st.markdown(words, text_alignment="center")


@cache
def picture(name: str, *, theme: str) -> str:
    """Return the SVG of a view, its words and axes legible on a page of this theme, "light" or "dark"."""
    drawn = (_FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    # An image does not know the colours of the page that it stands on.
    if theme == "dark" and name in RAMPS:
        drawn = _CELL.sub(lambda found: _dark_cell(found, RAMPS[name]), drawn)
    return drawn.replace("currentColor", palette.TILE_LIGHT if theme == "dark" else palette.TILE_DARK)


def _dark_cell(found: re.Match[str], ramp: Mapping[str, Sequence[str]]) -> str:
    before, color, after, figure, ink = found.groups(default="")
    dark = palette.dark_twin(color, ramp)
    if ink:
        ink = max(("#000000", "#ffffff"), key=lambda each: palette.contrast(palette.rgb(each), palette.rgb(dark)))
    return f"{before}{dark}{after}{figure}{ink}"
