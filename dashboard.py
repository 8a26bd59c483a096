"""Entry of `streamlit run dashboard.py`: the server, page configuration and navigation."""

import streamlit as st

if __name__ == "__main__":
    # Streamlit runs this file for each visitor.
    from pages.parts import layout, look, session, shared, turns, upkeep, view, visitor

    with turns.turn():
        st.set_page_config(layout="wide", initial_sidebar_state="auto", page_icon=look.MARK)
        if visitor.refusal():
            st.error(visitor.refusal())
            st.stop()
        pages = [
            st.Page("pages/train.py", title="Train", icon=":material/model_training:", default=True),
            st.Page("pages/phenomena.py", title="Phenomena", icon=":material/lightbulb:"),
            st.Page("pages/steps.py", title="Steps", icon=":material/steps:"),
            st.Page("pages/mistakes.py", title="Mistakes", icon=":material/grid_on:"),
            st.Page("pages/weights.py", title="Weights", icon=":material/blur_on:"),
            st.Page("pages/predict.py", title="Predict", icon=":material/draw:"),
            st.Page("pages/experiments.py", title="Experiments", icon=":material/science:"),
            st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
            st.Page("pages/map.py", title="Map", icon=":material/scatter_plot:"),
            st.Page("pages/quiz.py", title="Quiz", icon=":material/quiz:"),
            st.Page("pages/data.py", title="Data", icon=":material/photo_library:"),
        ]
        navigation = st.navigation(pages, position="top")
        look.apply()
        view.tidy_history()
        layout.show_menu(pages)
        shared.start()
        session.enter_dashboard()
        try:
            navigation.run()
        finally:
            upkeep.forget_gone_widgets()
else:
    # `streamlit run` imports it once for the server itself.
    from pages.parts import server

    app = st.App(
        __file__,
        lifespan=server.lifespan,
        middleware=server.middleware(),
        on_script_error=server.say_what_happened,
    )
