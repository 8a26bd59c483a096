"""What does the model make of one image, and why?"""

import streamlit as st

from pages.parts import messages, run_picker, session
from pages.parts.predict import judgement

session.enter_page("predict")
st.title("Predict")
st.caption("One image: from the data, drawn, or photographed; what the model thinks it is, and what made it think so.")

with messages.caught():
    run = run_picker.ask_run()
    if run is None:
        st.stop()
    others = run_picker.ask_others(run)
    judgement.show(session.parts_of(run), [run, *others])
    with st.expander("How to read this"):
        st.markdown(
            "The bars are the model's probabilities; they add up to 100 %. A drawing or photo is made into an "
            "image by the steps by which the data set was made, because the model has only ever seen such images. "
            "The pictures under *Why?* share one scale for both classes, symmetric about zero: white says nothing, a "
            "stronger colour says more."
        )
