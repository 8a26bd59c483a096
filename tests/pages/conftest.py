"""The dashboard under AppTest, entered through dashboard.py, training for real on digits."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import state

ENTRY = str(Path(__file__).parents[2] / "dashboard.py")
SECONDS = 60


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Return a function that opens the dashboard in a new session; all share one home."""
    monkeypatch.setenv("DIGITCORE_HOME", str(tmp_path))
    st.cache_resource.clear()

    def open_it(**query):
        app = AppTest.from_file(ENTRY, default_timeout=SECONDS)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    yield open_it
    try:
        state.engine().close()
    finally:
        st.cache_resource.clear()


@pytest.fixture
def train():
    """Return a function that presses Train and waits for the end."""

    def train_it(app):
        button(app, "Train").click().run()
        state.engine().wait(app.session_state["spec"].digest, SECONDS)
        return app.run()

    return train_it


def button(app, label):
    return next(widget for widget in app.button if widget.label == label)


def texts(app):
    """Everything that the page says, in one text."""
    kinds = (app.title, app.caption, app.markdown, app.info, app.warning, app.error, app.success, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)
