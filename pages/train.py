"""How well does this model, with these settings, learn these images?"""

import streamlit as st

from pages.parts import layout, messages, run_form, session, shared, view
from pages.parts.train import baseline, live_run, phenomenon_view, plan_view, presenting, sharing

session.enter_page("train")
with messages.caught():
    with view.in_address(), st.container():
        shared.engine()
        presentation = presenting.follow_link()
        presenting.apply(presentation)
        baseline.follow_link()
        phenomenon = phenomenon_view.follow_link()
        form = layout.form() if presentation.has_form else st.container(key="only_alone")
        with form:
            spec, problem = run_form.ask_spec(
                session.spec(), baseline.show_changes, only=presentation.controls, locked=presentation.locked
            )
        # Each has a place of its own: what moves is seen twice until the page has been drawn.
        problems, to_watch, plan, trained, layers = (st.container() for _ in range(5))
        with problems:
            messages.show_link_problems()
        with to_watch:
            is_shown = phenomenon_view.show(phenomenon, spec, presentation)
        start = phenomenon_view.SHOW if is_shown else plan_view.TRAIN
        with plan:
            was_active = plan_view.show_plan(spec, problem, form, presentation, is_main=not is_shown)
        with trained:
            live_run.show_run(spec, presentation, was_active=was_active, start=start)
        with layers:
            plan_view.show_layers(spec, presentation)
    # Now that the address says what is on the page.
    sharing.show(form, presentation)
    phenomenon_view.show_first(phenomenon, presentation)
    presenting.show_leave(presentation)
