"""A tab that stays open for a day takes no more memory at its end than after a while."""


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
    for visit in range(20):
        app.slider[-1].set_value(visit).run()
        assert app.session_state["spec"].random_state == visit
        app.switch_page("pages/data.py").run()
        app.switch_page("pages/train.py").run()
        assert app.slider[-1].value == visit
