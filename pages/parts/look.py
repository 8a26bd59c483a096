"""What `.streamlit/config.toml` cannot say of the look: the mark, colours by theme, focus, motion."""

from __future__ import annotations

import base64
from pathlib import Path

import streamlit as st

from digitcore.images import palette
from pages.parts import layout

_ASSETS = Path(__file__).parents[1] / "assets"
MARK, _LOGO = str(_ASSETS / "mark.svg"), str(_ASSETS / "logo.svg")


def _embedded(path: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(Path(path).read_bytes()).decode()}"


_MARK_DATA, _LOGO_DATA = _embedded(MARK), _embedded(_LOGO)

# Streamlit writes white on the primary colour, and the primary colour on the page: no colour does both with 4.5:1 on a
# dark page. So words in the primary colour get one of their own; the page's color-scheme says which.
PRIMARY_TEXT = f"light-dark({palette.PRIMARY_TEXT['light']}, {palette.PRIMARY_TEXT['dark']})"
_STYLE = f"""<style>
button[kind="segmented_controlActive"]:not(:disabled), button[kind="pillsActive"]:not(:disabled),
[data-testid="stButtonGroup"] [data-selected]:not([data-disabled]), [data-testid="stSliderThumbValue"],
[data-testid="stTab"][data-selected], button:not(:disabled):is(:hover, :focus-visible):not([kind^="primary"]) {{
  color: {PRIMARY_TEXT} !important;
}}
/* Streamlit's own ring is half transparent, and links have none. */
:focus-visible:not(input, textarea), [data-focus-visible]:not(input, textarea),
:has(> :is(input, textarea):focus-visible) {{
  outline: 2px solid {PRIMARY_TEXT} !important;
  outline-offset: 2px;
}}
/* React Aria marks a whole field: it has the ring, and no part of it. */
[data-focus-visible] :has(> :is(input, textarea):focus-visible) {{ outline: none !important; }}
/* What clips its content, or is as large as the window, has the ring inside. */
main:focus-visible, summary:focus-visible, canvas:focus-visible, [role="option"][data-focus-visible] {{
  outline-offset: -2px;
}}
/* The header lies over the page: what gets the focus is scrolled to below it. */
[data-testid="stMain"] {{ scroll-padding: 5rem 0 1rem; }}
/* The tools of a chart or a table are seen by who points at it, and by who reaches them with the keyboard. */
[data-testid="stElementToolbar"]:focus-within {{ opacity: 1; z-index: 10; }}
/* What only a screen reader or the browser's history notices takes no place. */
[data-testid="stLayoutWrapper"]:has(> :is([class*=st-key-announcer], .st-key-browser_history)) {{ position: absolute; }}
/* The heading of a chart stands close to it. */
[data-testid="stHeading"] h3 {{ padding: 0 0 0.75rem !important; }}
/* The smallest target of a finger. */
[data-testid="stMultiSelect"] button {{ min-width: 24px; min-height: 24px; }}
/* A matrix that is wider than the window shrinks, as at a zoom of 400 %, and the page does not scroll sideways. */
[data-testid="stVegaLiteChart"] svg {{ max-width: 100%; height: auto; }}
/* Where the form has gone, and the sidebar with it, Streamlit keeps the logo there until the page is changed. */
[data-testid="stApp"]:not(:has(.st-key-run_form)):not(:has([data-testid="stHeaderLogo"])):has([data-testid="stSidebarLogo"])
[data-testid="stToolbar"]::before {{
  content: "";
  flex: none;
  width: 30px;
  height: 30px;
  margin: 0 1px 0 15px;
  background: url("{_MARK_DATA}") center / contain no-repeat;
}}
/* Where there is room, the names of the pages stay where they are beside the sidebar, and the logo is the one there. */
@media (min-width: 1280px) {{
  [data-testid="stApp"]:not(:has(.st-key-run_form)) [data-testid="stHeaderLogo"] {{
    content: url("{_LOGO_DATA}");
    width: 154.5px;
    max-width: none;
    height: 30px;
    margin: 0 97.75px 0 13.75px;
  }}
  [data-testid="stApp"]:not(:has(.st-key-run_form)):not(:has([data-testid="stHeaderLogo"])):has([data-testid="stSidebarLogo"])
  [data-testid="stToolbar"]::before {{
    width: 154.5px;
    margin: 0 97.75px 0 28.75px;
    background-image: url("{_LOGO_DATA}");
  }}
}}
@media (prefers-reduced-motion: reduce) {{
  *, ::before, ::after {{
    animation-duration: 1ms !important;
    animation-iteration-count: 1 !important;
    transition-duration: 1ms !important;
    transition-delay: 0s !important;
    scroll-behavior: auto !important;
  }}
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
