"""What did the model learn, seen as images, and how did it get there?"""

import streamlit as st

from digitcore.models import MODELS
from pages.parts import layout, messages, run_picker, session, view
from pages.parts.weights import network_view, surgery_view, weight_player

session.enter_page("weights")
layout.show_title("Weights", "What the model looks for, pixel by pixel, and how it came to that.")

with messages.caught(), view.in_address():
    row = layout.choices()
    run = run_picker.ask_run(row, "weights")
    if run is None:
        view.end_page()
    if run.spec.members > 1:
        st.caption(
            f"{run.spec.members} models vote in this run, each with weights of its own. Shown are those of the first "
            f"one, seed {run.spec.random_state}."
        )
    weight_player.show(run, row)
    if run.spec.members == 1:
        surgery_view.show(run)
    views = MODELS[run.spec.model].views
    if "strongest paths" in views:
        network_view.show_paths(run)
    if "feature maps" in views:
        network_view.show_feature_maps(run)
    network_view.show_distributions(run)
