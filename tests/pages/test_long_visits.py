"""A tab that stays open for a day takes no more memory at its end than after a while."""

from streamlit.testing.v1 import AppTest

from pages.parts import upkeep


def test_what_a_session_keeps_does_not_grow_with_its_visits(open_app):
    app = open_app()

    def visit_pages(n_times):
        for _ in range(n_times):
            app.switch_page("pages/data.py").run()
            app.switch_page("pages/train.py").run()
            assert not app.exception
        state = app.session_state._state._state
        return len(state._new_widget_state.widget_metadata), len(state.filtered_state)

    after_some = visit_pages(10)
    assert visit_pages(10) == after_some


def test_a_form_whose_names_come_round_shows_the_present_settings(open_app):
    app = open_app()

    def dropout():
        return next(slider for slider in app.slider if slider.label == "Dropout")

    for visit in range(20):
        share = round(0.02 * visit, 2)
        dropout().set_value(share).run()
        assert app.session_state["spec"].parameters["dropout"] == share
        app.switch_page("pages/data.py").run()
        app.switch_page("pages/train.py").run()
        assert dropout().value == share


def _growing_lists():
    import streamlit as st

    from pages.parts import upkeep

    visit = st.session_state["visit"] = st.session_state.get("visit", 0) + 1
    st.selectbox("Run", range(visit))
    st.button("Show", key=f"show_{visit}")
    if visit % 3:
        st.slider("Images", 1, 50, 10, key="images", persist_state="session")
    upkeep.forget_gone_widgets()


def _n_known(app):
    state = app.session_state._state._state
    return len(state._new_widget_state.widget_metadata), len(state._key_id_mapper.id_key_mapping)


def test_a_list_that_changes_with_each_visit_is_not_kept_in_all_its_forms():
    app = AppTest.from_function(_growing_lists).run()
    for _ in range(2):
        app.run()
    after_some = _n_known(app)
    for _ in range(30):
        app.run()
    assert _n_known(app) == after_some


def test_what_was_set_before_its_widget_went_is_there_when_it_comes_back():
    app = AppTest.from_function(_growing_lists).run()
    app.slider(key="images").set_value(33).run()
    for _ in range(8):
        app.run()
        if app.slider:
            assert app.slider(key="images").value == 33
    assert len(app.slider) == 1


def test_the_dashboard_forgets_widgets_of_its_runs(open_app, monkeypatch):
    calls = []
    monkeypatch.setattr(upkeep, "forget_gone_widgets", lambda: calls.append(1))
    open_app()
    assert calls
