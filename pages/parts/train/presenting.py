"""Train before an audience or a class: large type, only the controls that the link names, keys instead of the mouse."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from digitcore.models import MODELS
from digitcore.specs.settings import all_settings
from digitcore.specs.views import flag_text, list_text, read_list, read_option
from pages.parts import session

# Session keys of this file, and their parameters in the address.
PRESENT, CONTROLS, LOCKED = "present", "controls", "locked"
# Keyboard shortcuts of the buttons while presenting.
KEYS = {"train": "T", "stop": "S", "pin": "P", "next": "N", "show": "D", "leave": "Esc"}
# Presents, from anywhere on the page.
START_KEY = "Alt+P"
_FLAGS = {"yes": True, "1": True, "no": False}
_STYLE = """<style>
html { font-size: 19px !important; }
[data-testid="stHeader"], .st-key-menu, [data-testid="stSidebarHeader"], .st-key-only_alone {
  display: none !important;
}
[data-testid="stApp"] { --present-text: light-dark(#000000, #ffffff); }
[data-testid="stApp"] :is(p, h1, h2, label, [data-testid="stMetricValue"]):not(button *, button) {
  color: var(--present-text);
  opacity: 1;
}
.st-key-figures { gap: 0.5rem !important; }
.st-key-figures > div { flex: 1 1 7rem !important; width: auto !important; min-width: 7rem; max-width: 9rem; }
.st-key-figures [data-testid="stTooltipIcon"] { display: none; }
[data-testid="stCaptionContainer"] { color: var(--present-text) !important; }
[data-testid="stMainBlockContainer"]:has(.st-key-with_button_train) { padding-top: 1rem !important; }
[data-testid="stSidebarUserContent"] { padding-top: 1rem; }
</style>"""


@dataclass(frozen=True)
class Presentation:
    """How much of Train is shown.

    Attributes
    ----------
    on : bool
        Whether the page is shown to an audience.
    controls : tuple of str or None
        Names of the settings that the form shows; None for all.
    locked : bool
        Whether the form is without the box of recipes.
    """

    on: bool = False
    controls: tuple[str, ...] | None = None
    locked: bool = False

    @property
    def has_form(self) -> bool:
        """Whether anything is left of the form."""
        return self.controls != () or not self.locked

    def key(self, name: str) -> str | None:
        """Return the key of :data:`KEYS` that presses a button, while presenting."""
        return KEYS[name] if self.on else None


def follow_link() -> Presentation:
    """Take from the address how much is shown, and let the address say it."""
    on, _ = session.linked_value(PRESENT, PRESENT, False, lambda text: read_option(PRESENT, text, _FLAGS))
    locked, _ = session.linked_value(LOCKED, LOCKED, False, lambda text: read_option(LOCKED, text, _FLAGS))
    controls, _ = session.linked_value(CONTROLS, CONTROLS, None, _read_controls)
    session.note_view(PRESENT, flag_text(on) if on else None)
    session.note_view(LOCKED, flag_text(locked) if locked else None)
    session.note_view(CONTROLS, None if controls is None else list_text(list(controls)) or "none")
    return Presentation(on, controls, locked)


def _read_controls(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    known = {name: name for name in all_settings()}
    return tuple(read_list(CONTROLS, text, known))


def set_presenting(on: bool) -> None:
    """Begin or leave the presentation; for a click."""
    st.session_state[PRESENT] = on


def apply(presentation: Presentation) -> None:
    """Make the page large, and show the way out."""
    if not presentation.on:
        return
    st.html(_STYLE)


def show_leave(presentation: Presentation) -> None:
    """Show, at the end of the page, how to leave the presentation."""
    if presentation.on:
        keys = ", ".join(f"**{KEYS[name]}** {words}" for name, words in _WORDS.items())
        with st.container(horizontal=True, vertical_alignment="center", key="leave_presentation"):
            st.caption(f"Keys: {keys}.", width="content")
            st.button(
                "Leave", key="leave", type="tertiary", on_click=set_presenting, args=(False,), shortcut=KEYS["leave"]
            )


_WORDS = {
    "train": "trains",
    "stop": "stops",
    "pin": "pins",
    "next": "opens the next phenomenon",
    "show": "demonstrates it",
}


def offered_controls(model: str) -> list[str]:
    """Return the settings that a link may show alone, those that matter most first."""
    main = MODELS[model].main
    others = [record.name for record in MODELS[model].parameters if record.name not in main]
    return [*main, "dataset", "model", *others, "seed", "members"]
