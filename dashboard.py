"""Entry of `streamlit run dashboard.py`: the server, page configuration and navigation."""

import streamlit as st

if __name__ == "__main__":
    # Streamlit runs this file for each visitor.
    from pages.parts import session, shared, visitor

    st.set_page_config(layout="wide", initial_sidebar_state="auto")
    if visitor.refusal():
        st.error(visitor.refusal())
        st.stop()
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
    shared.start()
    session.enter_dashboard()
    navigation.run()
else:
    # `streamlit run` imports it once for the server itself.
    from pages.parts import server

    app = st.App(
        __file__,
        lifespan=server.lifespan,
        middleware=server.middleware(),
        on_script_error=server.say_what_happened,
    )
