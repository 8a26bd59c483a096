"""A phenomenon on Train: what to watch, the button that trains both of its trainings, and the way to the next one."""

from __future__ import annotations

import streamlit as st

from digitcore.experiments.phenomena import PHENOMENA, Phenomenon, load_phenomenon, neighbors_of
from digitcore.runs import RunSpec
from digitcore.runs.progress import expected_time
from digitcore.specs.links import DEFAULT_RECIPE
from digitcore.specs.recipes import RECIPES
from pages.parts import layout, press, session, shared
from pages.parts.messages import plain
from pages.parts.train import baseline, plan_view
from pages.parts.train.presenting import Presentation

# Session keys of this file: the name of the phenomenon, and of the one whose baseline is being trained.
_NAME, _SHOWING = "phenomenon", "phenomenon_showing"
_PARAMETER = "phenomenon"
SHOW = "Show it"


def name() -> str | None:
    """Return the name of the phenomenon on the page, if there is one."""
    return st.session_state.get(_NAME)


def follow_link() -> Phenomenon | None:
    """Take the phenomenon from the address, and let the address name it.

    A link that has nothing else sets the form and the baseline, too. The baseline of the link is taken before.
    """
    name, opened = session.linked_value(_PARAMETER, _NAME, None, lambda text: load_phenomenon(text).name)
    session.note_view(_PARAMETER, name)
    if name is None:
        return None
    phenomenon = PHENOMENA[name]
    if opened and baseline.pinned() is None:
        has_settings = session.spec() != RECIPES[DEFAULT_RECIPE].spec
        baseline.pin(phenomenon.baseline)
        if not has_settings:
            session.fill_form(phenomenon.variation)
        baseline.follow_link()
    return phenomenon


def show(phenomenon: Phenomenon | None, spec: RunSpec, presentation: Presentation) -> bool:
    """Show what to watch, with a button that trains what is missing of the two, and those before and after it.

    Returns True if the button is there to be pressed.
    """
    if phenomenon is None:
        return False
    _train_variation(phenomenon)
    with st.container(border=True, key="phenomenon"):
        words, button = layout.with_button("phenomenon")
        words.markdown(f"**{plain(phenomenon.title)}.** {plain(phenomenon.words)}")
        with words.container(horizontal=True, vertical_alignment="center", gap="small", key="neighbors"):
            _show_neighbors(phenomenon, presentation)
        with button:
            return _ask_show(phenomenon, spec, presentation)


def show_first(phenomenon: Phenomenon | None, presentation: Presentation) -> None:
    """While presenting something else, show a button for the first phenomenon."""
    if presentation.on and phenomenon is None:
        first = next(iter(PHENOMENA))
        _show_way("First phenomenon", first, key="first_phenomenon", shortcut=presentation.key("next"))


def _show_neighbors(phenomenon: Phenomenon, presentation: Presentation) -> None:
    before, after = neighbors_of(phenomenon.name)
    _show_way("Previous", before, key="previous_phenomenon")
    _show_way("Next", after, key="next_phenomenon", shortcut=presentation.key("next"))
    if not presentation.on:
        st.page_link("pages/phenomena.py", label="All phenomena")


def _show_way(label: str, name: str | None, *, key: str, shortcut: str | None = None) -> None:
    st.button(
        label,
        key=key,
        type="tertiary",
        disabled=name is None,
        help=None if name is None else PHENOMENA[name].title,
        on_click=_open,
        args=(name,),
        shortcut=shortcut,
    )


def _open(name: str) -> None:
    st.session_state[_NAME] = name
    _set_up(PHENOMENA[name])


def _set_up(phenomenon: Phenomenon) -> None:
    """Pin the baseline, and put the variation into the form."""
    st.session_state[_SHOWING] = None
    baseline.pin(phenomenon.baseline)
    session.fill_form(phenomenon.variation)


def _ask_show(phenomenon: Phenomenon, spec: RunSpec, presentation: Presentation) -> bool:
    both = [_state(phenomenon.baseline), _state(phenomenon.variation)]
    is_set_up = spec == phenomenon.variation and baseline.is_pinned(phenomenon.baseline)
    if both == ["done", "done"] and is_set_up:
        return False
    is_under_way = is_set_up and bool({"queued", "running"} & set(both))
    asked = press.button(
        SHOW,
        key="show_phenomenon",
        type="primary",
        width="stretch",
        disabled=is_under_way,
        help="Trains the baseline, then the variation beside it; what was trained before is only shown.",
        shortcut=presentation.key("show"),
    )
    if asked:
        _set_up(phenomenon)
        if both[0] != "done":
            _train(phenomenon.baseline)
        st.session_state[_SHOWING] = phenomenon.name
        st.rerun()  # the form, too
    return not is_under_way


def _train_variation(phenomenon: Phenomenon) -> None:
    """Train the variation as soon as the baseline is trained, if that was asked for."""
    state = _state(phenomenon.baseline)
    if st.session_state.get(_SHOWING) != phenomenon.name or state in ("queued", "running"):
        return
    st.session_state[_SHOWING] = None
    # Not after a baseline that was stopped or has failed.
    if state == "done":
        _train(phenomenon.variation)


def _train(spec: RunSpec) -> None:
    plan_view.start_training(spec, expected_time(spec, session.past_runs()).seconds)


def _state(spec: RunSpec) -> str:
    run = shared.engine().run(spec.digest)
    return "new" if run is None else run.state
