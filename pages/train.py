"""How well does this model, with these settings, learn these images?"""

import streamlit as st

from pages.parts import layout, messages, run_form, session, shared, view
from pages.parts.train import live_run

session.enter_page("train")
st.title("Train")
st.caption("Pick images, a model and its settings, press Train, and watch it learn.")

with messages.caught(), view.in_address(), st.container():
    engine = shared.engine()
    with layout.form():
        spec, problem = run_form.ask_spec(session.spec())
    messages.show_link_problems()
    live_run.show_plan(spec, problem)
    live_run.show_run(spec)
