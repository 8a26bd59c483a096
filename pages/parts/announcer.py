"""What a screen reader is told while something runs: its start, every quarter and its end, and nothing twice."""

from __future__ import annotations

import streamlit as st

from pages.parts import session

_KEY = "announcer"

# One region for all pages, beside the app: screen readers tell what changes in a region, not what comes along with one.
_JS = """
const HIDDEN = 'position: fixed; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap';

export default function ({ data }) {
  let region = document.getElementById('announcements');
  if (!region) {
    region = document.createElement('div');
    region.id = 'announcements';
    region.setAttribute('role', 'status');
    region.style.cssText = HIDDEN;
    document.body.append(region);
  }
  // What the page no longer shows may be drawn once more before it is removed.
  if (data.at <= Number(region.dataset.at ?? 0)) return;
  region.dataset.at = data.at;
  setTimeout(() => { region.textContent = data.words; }, 100);
}
"""

_region = st.components.v2.component("digit_announcer", html="<span hidden></span>", js=_JS)


def announce(subject: str, words: str, *, is_end: bool = False) -> None:
    """Let a screen reader say something, unless it was the last thing said.

    Parameters
    ----------
    subject : str
        What it is about, such as a run's digest.
    words : str
        A sentence. The page may ask for it again at every rerun.
    is_end : bool
        Whether the subject has ended: that is only told to those who have heard of its beginning, not to those who open
        its results later.
    """
    if is_end and session.announced() != subject:
        return
    session.note_announced(subject)
    # A page may wait for two things at once.
    with st.container(key=f"{_KEY}_{subject}"):
        _region(key=f"{_KEY}_region_{subject}", data={"words": words, "at": session.said_at(words)})
