"""The dashboard under AppTest, entered through dashboard.py, training for real on digits."""

import json
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, HeadingBase

from digitcore.runs.owners import Owners
from pages.parts import shared

ENTRY = str(Path(__file__).parents[2] / "dashboard.py")
SECONDS = 60


def app_at(query):
    app = AppTest.from_file(ENTRY, default_timeout=SECONDS)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def open_link(page, /, **query):
    """The dashboard in a new session, entered by a link to a page."""
    app = AppTest.from_file(ENTRY, default_timeout=SECONDS)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


def forget_engine():
    shared.close()
    st.cache_resource.clear()


@pytest.fixture(scope="session", autouse=True)
def closed_engine():
    """End the engine of the tests when all have run."""
    yield
    shared.close()


@pytest.fixture(scope="module")
def shared_engine(session_home):
    """One engine for the tests of all modules, but for those that begin anew: its workers take seconds to start."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def open_app(shared_engine):
    """Return a function that opens the dashboard in a new session, beside what other tests have trained."""
    return lambda **query: app_at(query)


@pytest.fixture
def open_fresh_app(tmp_path, monkeypatch):
    """Return a function that opens the dashboard in an empty home."""
    forget_engine()
    monkeypatch.setenv("DIGITCORE_HOME", str(tmp_path))
    yield lambda **query: app_at(query)
    forget_engine()


@pytest.fixture
def other_server():
    """Another server on the store, as an owner of runs and experiments that is alive and does nothing."""
    owners = Owners()
    yield owners.own
    owners.close()


@pytest.fixture
def train():
    """Return a function that presses Train, unless another test did, and waits for the end."""

    def train_it(app):
        if any(widget.label == "Train" for widget in app.button):
            button(app, "Train").click().run()
        shared.engine().wait(app.session_state["spec"].digest, SECONDS)
        return app.run()

    return train_it


@pytest.fixture(params=["softmax", "mlp", "cnn"])
def trained(request, open_app, train):
    """The dashboard after a short training of each model on digits."""
    return train(open_app(model=request.param, epochs="3", batch_size="64"))


@pytest.fixture
def trained_mlp(open_app, train):
    """The dashboard after a short training of the MLP on digits."""
    return train(open_app(model="mlp", epochs="3", batch_size="64"))


def widget(widgets, label):
    """The one of ``widgets`` with this label."""
    return next(each for each in widgets if each.label == label)


def button(app, label):
    return next(widget for widget in app.button if widget.label == label)


def texts(app):
    """Everything that the page says, in one text."""
    kinds = (app.title, app.header, app.subheader, app.caption, app.markdown, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for kind in (*kinds, app.success) for element in kind)


def grids(app):
    """What each grid of pictures on the page was given."""
    given = [json.loads(component.proto.json) for component in app.get("bidi_component")]
    return [each for each in given if "narrow" in each]


def said(app):
    """Everything that the page says, without the backslashes that keep a user's text from being markup."""
    return texts(app).replace("\\", "")


def heading_levels(block):
    """The levels of the headings in a block of the page, from the top down: 1 for the title."""
    levels = []
    for child in block.children.values():
        if isinstance(child, Block):
            levels += heading_levels(child)
        elif isinstance(child, HeadingBase):
            levels.append(int(child.tag.removeprefix("h")))
    return levels


def outlined_cells(app):
    """The cells that the matrices of the page outline by themselves: truth and prediction of each."""
    specs = [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]
    params = [param for spec in specs for param in spec.get("params", []) if param["name"] == "cell_outlined"]
    return [(each["value"].get("truth"), each["value"].get("prediction")) for each in params]


def announced(app):
    """What the page lets a screen reader say."""
    told = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    return [each["words"] for each in told if each.keys() == {"words", "at"}]


def chart_descriptions(app):
    """What each chart on the page says of itself."""
    return [json.loads(chart.proto.spec).get("description", "") for chart in app.get("vega_lite_chart")]
