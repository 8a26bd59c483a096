"""Who looks at the page: a browser, told from others by its cookie, and whether it was let in."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from digitcore.hosting.gate import REFUSAL_HEADER, visitor_in


def refusal() -> str:
    """Return why this session may see no page, in one sentence; empty if it may."""
    return st.context.headers.get(REFUSAL_HEADER, "")


def name() -> str:
    """Return what tells this visitor from others: one browser has one name, in all its tabs and after a reload."""
    return visitor_in(st.context.cookies.to_dict()) or f"session-{get_script_run_ctx().session_id}"
