"""How well does this model, with these settings, learn these images?"""

import streamlit as st

from pages.parts import layout, messages, run_form, session, shared, view
from pages.parts.train import baseline, live_run, plan_view

session.enter_page("train")
with messages.caught(), view.in_address(), st.container():
    shared.engine()
    baseline.follow_link()
    form = layout.form()
    with form:
        spec, problem = run_form.ask_spec(session.spec(), baseline.show_changes)
    messages.show_link_problems()
    plan_view.show_plan(spec, problem, form)
    live_run.show_run(spec)
    plan_view.show_layers(spec)
