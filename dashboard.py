"""Entry of `streamlit run dashboard.py`: page configuration and navigation."""

import streamlit as st

from pages.parts import state

st.set_page_config(layout="wide", initial_sidebar_state="auto")

navigation = st.navigation(
    [
        st.Page("pages/train.py", title="Train", default=True),
        st.Page("pages/mistakes.py", title="Mistakes"),
        st.Page("pages/weights.py", title="Weights"),
        st.Page("pages/predict.py", title="Predict"),
        st.Page("pages/experiments.py", title="Experiments"),
        st.Page("pages/map.py", title="Map"),
        st.Page("pages/quiz.py", title="Quiz"),
        st.Page("pages/data.py", title="Data"),
    ],
    position="top",
)
state.start_engine()
state.enter_dashboard()
navigation.run()
