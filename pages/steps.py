"""What happens in one step of a training?"""

import streamlit as st

from pages.parts import layout, messages, run_form, session, view
from pages.parts.steps import stepping

session.enter_page("steps")
layout.show_title(
    "Steps", "Train step by step, and watch the weights, their gradient and the answers follow. Nothing is kept."
)

with messages.caught(), view.in_address(), st.container():
    spec = session.spec()
    with layout.form():
        spec, problem = run_form.ask_spec(spec)
    messages.show_link_problems()
    if problem:
        st.error(messages.plain(problem))
        view.end_page()
    stepping.show(spec)
