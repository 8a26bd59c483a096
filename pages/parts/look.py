"""What `.streamlit/config.toml` cannot say of the dashboard's look: its mark, and colours that depend on the theme."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from digitcore.images import palette
from pages.parts import layout

_ASSETS = Path(__file__).parents[1] / "assets"
MARK, _LOGO = str(_ASSETS / "mark.svg"), str(_ASSETS / "logo.svg")

# Streamlit writes white on the primary colour, and the primary colour on the page: no colour does both with 4.5:1 on a
# dark page. So words in the primary colour get one of their own; the page's color-scheme says which.
_STYLE = f"""<style>
button[kind="segmented_controlActive"]:not(:disabled), button[kind="pillsActive"]:not(:disabled),
[data-testid="stButtonGroup"] [data-selected]:not([data-disabled]), [data-testid="stSliderThumbValue"],
[data-testid="stTab"][data-selected], button:not(:disabled):is(:hover, :focus-visible):not([kind^="primary"]) {{
  color: light-dark({palette.PRIMARY_TEXT["light"]}, {palette.PRIMARY_TEXT["dark"]});
}}
</style>"""


def apply() -> None:
    """Show the logo, and refine the theme and the layout of the page."""
    st.logo(_LOGO, icon_image=MARK, size="large")
    st.html(_STYLE)
    st.html(layout.STYLE)


def theme() -> str:
    """Return "light" or "dark": the theme in which this browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"
