"""The link of what is on the page: to copy, as a QR code for a room of phones, and with few controls for a class."""

from __future__ import annotations

import io
from urllib.parse import urlencode, urlsplit, urlunsplit

import segno
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.hosting.hosts import addresses_of_machine, is_loopback
from digitcore.specs.settings import settings_of
from digitcore.specs.views import list_text
from pages.parts import session
from pages.parts.train import presenting

# Key of what is opened for it.
POPOVER = "share"
_QR_WIDTH = 240
# Light on a dark page, too: cameras of phones read dark on light best.
_BORDER = 3


def show(place: DeltaGenerator, presentation: presenting.Presentation) -> None:
    """Show, in the form, what opens the link of the page as it stands."""
    if presentation.on:
        return
    with place:
        opened = st.popover("Share or present", key=POPOVER, on_change="rerun", width="stretch")
        st.button(
            "Present",
            key="start_presenting",
            width="stretch",
            on_click=presenting.set_presenting,
            args=(True,),
            shortcut=presenting.START_KEY,
            help="Large type, no menus, and keys for what is pressed most.",
        )
    if opened.open:
        with opened:
            _show_link()


def _show_link() -> None:
    spec = session.spec_in_form()
    known = settings_of(spec.model)
    controls = st.multiselect(
        "Controls that the link shows",
        presenting.offered_controls(spec.model),
        format_func=lambda name: known[name].record.label,
        key="share_controls",
        placeholder="all of them",
        help="For a class: the form has only these, and everything else stays as it is here.",
    )
    locked = st.toggle("Without the recipes", key="share_locked", help="Nobody can choose another recipe.")
    presents = st.toggle("For a projector", key="share_presents", help="Large type and no menus.")
    link = link_of(st.context.url or "", st.query_params.to_dict(), controls, locked=locked, presents=presents)
    st.code(link, language=None, wrap_lines=True)
    picture = qr_png(link)
    if picture is None:
        st.caption("The link is too long for a QR code.")
    else:
        st.image(picture, width=_QR_WIDTH, alt="QR code of the link")


def link_of(
    address: str, query: dict[str, str], controls: list[str], *, locked: bool = False, presents: bool = False
) -> str:
    """Return the link of a page for others.

    Parameters
    ----------
    address : str
        Of the page in this browser. Where it names this machine as only itself can, an address is taken under which
        others in its network reach it, if there is one.
    query : dict of str to str
        What the address says of the page.
    controls : list of str
        Settings that the form is to show; empty for all.
    locked, presents : bool
        See :class:`pages.parts.train.presenting.Presentation`.
    """
    parts = urlsplit(address)
    if parts.hostname in ("localhost", "127.0.0.1", "::1"):
        outer = sorted(each for each in addresses_of_machine() if not is_loopback(each) and ":" not in each)
        port = f":{parts.port}" if parts.port else ""
        parts = parts._replace(netloc=f"{outer[0]}{port}" if outer else parts.netloc)
    extra = {
        presenting.CONTROLS: list_text(controls) if controls else None,
        presenting.LOCKED: "yes" if locked else None,
        presenting.PRESENT: "yes" if presents else None,
    }
    chosen = {**query, **{name: text for name, text in extra.items() if text is not None}}
    return urlunsplit(parts._replace(path=parts.path or "/", query=urlencode(chosen), fragment=""))


@st.cache_data(show_spinner=False, max_entries=64)
def qr_png(link: str) -> bytes | None:
    """Return a QR code of a link as a PNG; None for a link that is too long for one."""
    try:
        code = segno.make(link, error="l", micro=False)
    except segno.DataOverflowError:
        return None
    picture = io.BytesIO()
    code.save(picture, kind="png", scale=6, border=_BORDER)
    return picture.getvalue()
