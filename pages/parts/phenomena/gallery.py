"""The phenomena as cards, by topic; each leads to Train, where it is shown."""

from __future__ import annotations

import streamlit as st

from digitcore.experiments.phenomena import Phenomenon, topics
from digitcore.specs.changes import changes_between
from pages.parts.messages import plain

# Four cards stand side by side on a laptop, one on a phone.
_CARD_WIDTH = 250


def show() -> None:
    """Show all phenomena."""
    for topic, phenomena in topics().items():
        st.header(topic, anchor=False)
        with st.grid(min_column_width=_CARD_WIDTH):
            for phenomenon in phenomena:
                _show_card(phenomenon)


def _show_card(phenomenon: Phenomenon) -> None:
    with st.container(border=True, height="stretch", gap="small", key=f"card_{phenomenon.name}"):
        st.subheader(phenomenon.title, anchor=False, help=phenomenon.terms)
        st.markdown(plain(phenomenon.words))
        changes = changes_between(phenomenon.baseline, phenomenon.variation)
        st.caption(plain(", ".join(change.words for change in changes)))
        if phenomenon.downloads:
            st.caption(f"Needs {plain(phenomenon.downloads)}, which is downloaded once.")
        st.page_link(
            "pages/train.py",
            label="Show it",
            icon=":material/play_arrow:",
            query_params={"phenomenon": phenomenon.name},
        )
