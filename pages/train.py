"""How well does this model, with these settings, learn these images?"""

import streamlit as st

from pages.parts import layout, messages, session, shared, view
from pages.parts.train import baseline, live_run, phenomenon_view, plan_view, presenting, setting_up, sharing

session.enter_page("train")
with messages.caught():
    with view.in_address(), st.container():
        shared.engine()
        presentation = presenting.follow_link()
        presenting.apply(presentation)
        baseline.follow_link()
        phenomenon = phenomenon_view.follow_link()
        form = layout.form() if presentation.has_form else st.container(key="only_alone")
        problems = st.container()
        set_up = setting_up.ask(form, phenomenon, presentation)
        with problems:
            messages.show_link_problems()
        # Each has a place of its own: what moves is seen twice until the page has been drawn.
        trained, layers = st.container(), st.container()
        with trained:
            live_run.show_run(set_up.spec, presentation, was_active=set_up.was_active)
        with layers:
            plan_view.show_layers(set_up.spec, presentation)
    # Now that the address says what is on the page.
    sharing.show(form, presentation)
    phenomenon_view.show_first(phenomenon, presentation)
    presenting.show_leave(presentation)
