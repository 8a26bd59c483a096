"""How sure is a figure, how much data does it need, and which settings are best?"""

import streamlit as st

from pages.parts import layout, messages, run_form, session, view
from pages.parts.experiments import experiment_form, experiment_view, lr_range_view

session.enter_page("experiments")
layout.show_title(
    "Experiments", "Many trainings made by one rule. Each is a normal run: kept, and opened by a click on its row."
)

with messages.caught(), view.in_address(), st.container():
    spec = session.spec()
    kind = experiment_form.ask_kind()
    problem = ""
    if kind == experiment_form.RECIPE:
        session.keep_spec(spec)
    else:
        with layout.form():
            spec, problem = run_form.ask_spec(spec)
    messages.show_link_problems()
    missing = st.container()
    if problem:
        st.error(messages.plain(problem))
    elif kind == experiment_form.RATE:
        session.show_experiment(None)
        lr_range_view.show(spec)
    else:
        plan = experiment_form.ask_plan(kind, spec)
        experiment_form.show_plan(plan)
        experiment_view.show(kind, plan)
    # By now another experiment may have been chosen.
    if session.missing_experiment():
        with missing:
            messages.show_problems([session.missing_experiment_text(session.missing_experiment())])
    experiment_view.show_reading_help(kind)
