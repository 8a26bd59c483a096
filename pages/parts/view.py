"""Widgets whose values are in the page's address: a copied link, Back and Forward bring them back.

Each is the widget of Streamlit that it is named after; ``place`` is where it stands, and ``name`` its parameter in the
address, one of the page's in :data:`digitcore.specs.views.VIEWS`. A value at its start stays out of the address.

Each widget gets its value through the session state, where the address sets it, and as its default as well: see
:mod:`pages.parts.run_form`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from digitcore.specs import views
from pages.parts import messages, session, turns

# The history of the browser: a page fills the bare address to which a click on its name has led, and that is no step of
# its own. Streamlit makes two entries of it, and the first Back would seem to do nothing.
_JS = """
export default function () {
  if (window.addressIsFollowed) return;
  window.addressIsFollowed = true;
  const push = window.history.pushState.bind(window.history);
  let entered = window.location.search === '';
  const forget = () => { entered = false; };
  for (const kind of ['pointerdown', 'keydown', 'popstate']) window.addEventListener(kind, forget, true);
  window.history.pushState = (state, title, url) => {
    const next = new URL(url, window.location.href);
    const samePage = next.pathname === window.location.pathname;
    if (samePage && entered) {
      window.history.replaceState(state, title, url);
      return;
    }
    push(state, title, url);
    if (!samePage) entered = true;
  };
}
"""
_KEY = "browser_history"
_history = st.components.v2.component("digit_history", html="<span hidden></span>", js=_JS)


def tidy_history() -> None:
    """Let Back lead to what was seen before, and not to the bare address between two pages."""
    with st.container(key=_KEY):
        _history(key=f"{_KEY}_shim")


class _PageEnds(Exception):
    """There is nothing more to draw."""


def end_page() -> NoReturn:
    """Draw no more of the page. After ``st.stop`` nothing could be said any more, and the address not be written."""
    raise _PageEnds


@contextmanager
def in_address() -> Iterator[None]:
    """Let the address say how the page looks that is drawn here, and the page what was wrong with a link to it."""
    problems = st.container()
    with suppress(_PageEnds):
        yield
    session.write_address()
    with problems:
        messages.show_problems(session.view_problems())


def fragment(draw: Callable[..., Any] | None = None, *, run_every: float | None = None) -> Callable[..., Any]:
    """As ``st.fragment``; it waits for its turn, and the address follows what is chosen in it."""
    if draw is None:
        return functools.partial(fragment, run_every=run_every)

    @functools.wraps(draw)
    def draw_and_follow(*args: Any, **kwargs: Any) -> Any:
        with turns.turn():
            drawn = draw(*args, **kwargs)
            # Of a whole page the address is written at its end.
            if draws_fragment():
                session.write_address()
            return drawn

    return st.fragment(draw_and_follow, run_every=run_every)


def draws_fragment() -> bool:
    """Return True while a fragment is drawn alone, False while the whole page is."""
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


def buttons(
    place: DeltaGenerator,
    name: str,
    label: str,
    options: Sequence[Any],
    *,
    key: str | None = None,
    start: Any = None,
    **more,
) -> Any:
    """``st.segmented_control``, one of the options; it starts with the first one unless told otherwise."""
    return _ask_option(
        name,
        options,
        key or name,
        options[0] if start is None else start,
        lambda key, value: place.segmented_control(label, options, default=value, required=True, key=key, **more),
    )


def select(
    place: DeltaGenerator,
    name: str,
    label: str,
    options: Sequence[Any],
    *,
    key: str | None = None,
    start: Any = None,
    texts: Mapping[str, Any] | None = None,
    expected: str = "",
    **more,
) -> Any:
    """``st.selectbox``; ``texts`` are the options by what the address calls them, where that is not ``str``.

    ``expected`` says what a link must name, where the options' texts do not.
    """
    return _ask_option(
        name,
        options,
        key or name,
        options[0] if start is None else start,
        lambda key, value: place.selectbox(label, options, index=options.index(value), key=key, **more),
        texts,
        expected=expected,
    )


def stops(
    place: DeltaGenerator,
    name: str,
    label: str,
    options: Sequence[Any],
    start: Any,
    *,
    key: str | None = None,
    texts: Mapping[str, Any] | None = None,
    follows: bool = True,
    **more,
) -> Any:
    """``st.select_slider``; ``texts`` as for :func:`select`, and the address stays as it is unless it ``follows``."""
    return _ask_option(
        name,
        options,
        key or name,
        start,
        lambda key, value: place.select_slider(label, options, value, key=key, **more),
        texts or {views.number_text(option) if option is None else str(option): option for option in options},
        follows=follows,
    )


def several(
    place: DeltaGenerator,
    name: str,
    label: str,
    options: Sequence[Any],
    *,
    key: str | None = None,
    start: Sequence[Any] = (),
    expected: str = "",
    **more,
) -> list[Any]:
    """``st.multiselect``; ``expected`` as for :func:`select`."""
    texts = {str(option): option for option in options}
    key, start = key or name, list(start)
    value, _ = session.linked_value(name, key, start, lambda text: views.read_list(name, text, texts, expected))
    value = session.set_value(key, [option for option in value if option in options])
    chosen = place.multiselect(label, options, default=value, key=key, **more)
    session.note_view(name, None if chosen == start else views.list_text([str(option) for option in chosen]))
    return chosen


def toggle(
    place: DeltaGenerator, name: str, label: str, start: bool = False, *, key: str | None = None, **more
) -> bool:
    """``st.toggle``."""
    key = key or name
    value, _ = session.linked_value(name, key, start, lambda text: views.read_flag(name, text))
    chosen = place.toggle(label, value, key=key, **more)
    session.note_view(name, None if chosen == start else views.flag_text(chosen))
    return chosen


def expander(place: DeltaGenerator, name: str, label: str) -> DeltaGenerator:
    """``st.expander``, which the address opens."""
    value, _ = session.linked_value(name, name, False, lambda text: views.read_flag(name, text))
    box = place.expander(label, value, key=name, on_change="rerun")
    session.note_view(name, views.flag_text(True) if box.open else None)
    return box


def row(name: str, ids: Sequence[str], draw: Callable[..., Any], *, key: str) -> str | None:
    """Return the id of the row that is selected in a table, None without one.

    ``draw`` makes the table with ``st.dataframe``, and gets what that needs for the selection. A row without an id
    cannot be chosen.
    """
    texts, own_key = {each: each for each in ids if each}, f"{key}_row"
    chosen, _ = session.linked_value(name, own_key, "", lambda text: views.read_option(name, text, texts))
    event = draw(
        # A link that is opened, and Back, make it another table: what was clicked is not what the address says.
        key=session.chart_key(key),
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [ids.index(chosen)] if chosen in texts else []}},
    )
    selected = [ids[place] for place in event.selection.rows if place < len(ids)]
    chosen = session.set_value(own_key, selected[0] if selected else "")
    session.note_view(name, chosen or None)
    return chosen or None


def costly(
    name: str, *, key: str, asked: bool, ask: Callable[[], None], is_known: Callable[[], bool]
) -> tuple[bool, bool]:
    """Return whether something costly is shown, and whether a link asks for it in vain: a link starts no work.

    Parameters
    ----------
    name : str
        Of the parameter in the address.
    key : str
        Names it in the session, such as with its run.
    asked : bool
        Whether the user has asked for it.
    ask : callable
        Asks for it, as the user would.
    is_known : callable
        Returns whether it is computed already, or in work, so that to show it costs nothing.
    """
    key = f"{key}_linked"
    linked, _ = session.linked_value(name, key, False, lambda text: views.read_flag(name, text))
    if linked and not asked and is_known():
        ask()
        asked = True
    session.set_value(key, linked and not asked)
    session.note_view(name, views.flag_text(True) if linked or asked else None)
    return asked, linked and not asked


def slider(
    place: DeltaGenerator, name: str, label: str, low: Any, high: Any, start: Any, *, key: str | None = None, **more
) -> Any:
    """``st.slider``, of a number, or of a range where ``start`` is a pair."""
    is_range, key = isinstance(start, tuple), key or name
    read, text = (views.read_range, views.range_text) if is_range else (views.read_number, views.number_text)
    value, _ = session.linked_value(name, key, start, lambda text: read(name, text, low, high))
    chosen = place.slider(label, low, high, value, key=key, **more)
    session.note_view(name, None if chosen == start else text(chosen))
    return chosen


def number(
    place: DeltaGenerator, name: str, label: str, low: Any, high: Any, start: Any, *, key: str | None = None, **more
) -> Any:
    """``st.number_input``."""
    key = key or name
    value, _ = session.linked_value(name, key, start, lambda text: views.read_number(name, text, low, high))
    value = session.set_value(key, min(max(value, low), high))
    chosen = place.number_input(label, low, high, value, key=key, **more)
    session.note_view(name, None if chosen == start else views.number_text(chosen))
    return chosen


def text(place: DeltaGenerator, name: str, label: str, start: str = "", *, key: str | None = None, **more) -> str:
    """``st.text_input``; what is too long for a link stays out of the address."""
    key = key or name
    value, _ = session.linked_value(name, key, start, str)
    typed = place.text_input(label, value, key=key, **more)
    fits = len(typed) <= session.max_text_length()
    session.note_view(name, typed if typed != start and fits else None)
    return typed


def pages(place: DeltaGenerator, name: str, n_pages: int, *, key: str) -> int:
    """``st.pagination``."""
    value, _ = session.linked_value(name, key, 1, lambda text: views.read_number(name, text, 1, n_pages))
    value = session.set_value(key, min(value, n_pages))
    chosen = place.pagination(n_pages, default=value, key=key)
    session.note_view(name, None if chosen == 1 else str(chosen))
    return chosen


def _ask_option(
    name: str,
    options: Sequence[Any],
    key: str,
    start: Any,
    draw: Callable[[str, Any], Any],
    texts: Mapping[str, Any] | None = None,
    *,
    follows: bool = True,
    expected: str = "",
) -> Any:
    texts = {str(option): option for option in options} if texts is None else texts
    value, _ = session.linked_value(
        name, key, start, lambda text: views.read_option(name, text, texts, expected), options
    )
    chosen = draw(key, value)
    if follows:
        said = {option: text for text, option in texts.items()}
        session.note_view(name, None if chosen == start else said.get(chosen))
    return chosen
