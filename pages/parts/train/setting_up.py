"""What is trained next: the form, what to watch, and the plan with its button.

A slider that is moved draws this part of Train alone, and all of the page only where the rest depends on what changed.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.experiments.phenomena import Phenomenon
from digitcore.runs import RunSpec
from pages.parts import messages, run_form, session, view
from pages.parts.train import baseline, live_run, phenomenon_view, plan_view, sharing, verdict_view
from pages.parts.train.presenting import Presentation


@dataclass(frozen=True)
class SetUp:
    """What the form describes.

    Attributes
    ----------
    spec : RunSpec
        The training.
    was_active : bool
        Whether it was under way when its button was drawn.
    """

    spec: RunSpec
    was_active: bool


def ask(form: DeltaGenerator, phenomenon: Phenomenon | None, presentation: Presentation) -> SetUp:
    """Draw the form in its place, and here what it describes with the button that trains it; return what that is.

    Drawn alone, it lets the whole page be drawn if that shows something else now.
    """
    # Unknown until the fragment has been drawn with the page.
    drawn_for: Hashable = None

    @view.fragment
    def set_up() -> SetUp | None:
        with messages.caught():
            with form:
                spec, problem = run_form.ask_spec(
                    session.spec(), baseline.show_changes, only=presentation.controls, locked=presentation.locked
                )
            _follow(spec, drawn_for)
            # Each has a place of its own: what moves is seen twice until the page has been drawn.
            to_watch, plan, note = (st.container() for _ in range(3))
            with to_watch:
                is_shown = phenomenon_view.show(phenomenon, spec, presentation)
            with plan:
                was_active = plan_view.show_plan(spec, problem, form, presentation, is_main=not is_shown)
            with note:
                live_run.show_note(spec, start=phenomenon_view.SHOW if is_shown else plan_view.TRAIN)
            _follow(spec, drawn_for)
            return SetUp(spec, was_active)
        return None

    asked = set_up()
    if asked is None:
        st.stop()
    drawn_for = _shown_by_rest(asked.spec)
    return asked


def _follow(spec: RunSpec, drawn_for: Hashable) -> None:
    """Draw the whole page if the rest of it was drawn for something else."""
    if view.draws_fragment() and drawn_for != _shown_by_rest(spec):
        st.rerun()


def _shown_by_rest(spec: RunSpec) -> Hashable:
    """Return what the rest of the page depends on."""
    run = live_run.chosen_run(spec)
    # The link to share and the table of layers are of the form, while they are open; the lock is of its test part.
    is_open = any(st.session_state.get(key) for key in (sharing.POPOVER, plan_view.LAYERS))
    return (
        phenomenon_view.name(),
        baseline.pinned(),
        # The verdict says whether the form has what it suggests.
        None if run is None else (run.digest, run.active, not run.active and verdict_view.is_advised(run, spec)),
        spec.digest if is_open else (spec.dataset, spec.split.model_dump_json()),
    )
