"""Train before an audience: what a link shows, hides and locks, and how it is handed on."""

import io

import numpy as np
import pytest
import segno
from PIL import Image

from pages.parts.train import sharing
from tests.pages.conftest import button, said, texts

FIRST = {"model": "mlp", "epochs": "20"}


def form_labels(app):
    """Labels of the widgets in the form."""
    return [each.label for kind in ("select_slider", "selectbox", "slider", "text_input") for each in app.get(kind)]


def test_a_link_shows_only_the_controls_that_it_names(open_app):
    app = open_app(**FIRST, controls="epochs,learning_rate,seed", locked="yes", dropout="0.25")
    assert not app.exception
    assert sorted(form_labels(app)) == ["Epochs", "Learning rate", "Seed"]
    spec = app.session_state["spec"]
    assert (spec.parameters["epochs"], spec.parameters["dropout"]) == (20, 0.25)
    assert app.query_params["controls"] == "epochs,learning_rate,seed"
    assert not app.expander or "Split and scaling" not in [box.label for box in app.expander]


def test_what_is_hidden_stays_when_a_control_is_moved(open_app):
    app = open_app(**FIRST, controls="learning_rate", dropout="0.25", test_size="0.5")
    assert "Recipe" in form_labels(app)
    slider = next(each for each in app.select_slider if each.label == "Learning rate")
    slider.set_value("0.1").run()
    spec = app.session_state["spec"]
    assert (spec.parameters["learning_rate"], spec.parameters["dropout"]) == (0.1, 0.25)
    assert (spec.parameters["epochs"], spec.split.test_size) == (20, 0.5)


def test_a_presentation_shows_no_more_than_the_story(open_app, train):
    app = train(open_app(**FIRST, present="1", controls="none", locked="1"))
    assert form_labels(app) == []
    labels = [each.label for each in app.button]
    assert "Trained" in labels
    assert not any("epochs" in label or label in ("Apply", "Draw a digit", "See its mistakes") for label in labels)
    assert "Test accuracy" in [metric.label for metric in app.metric]
    assert "**T** trains" in texts(app)
    assert (app.query_params["present"], app.query_params["controls"]) == ("yes", "none")
    button(app, "Leave").click().run()
    assert "present" not in app.query_params
    assert "See its mistakes" in [each.label for each in app.button]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"controls": "volume"}, "controls must be one of"),
        ({"present": "perhaps"}, "present must be one of yes, 1, no"),
        ({"locked": "<b>"}, "locked must be one of"),
    ],
)
def test_what_a_link_asks_for_wrongly_is_said(open_app, query, sentence):
    app = open_app(**FIRST, **query)
    assert not app.exception
    assert sentence in said(app)
    assert "Recipe" in form_labels(app)


def test_the_link_for_others_names_what_they_see(monkeypatch):
    monkeypatch.setattr(sharing, "addresses_of_machine", lambda: {"127.0.0.1", "10.1.2.3", "fe80::1"})
    link = sharing.link_of(
        "http://localhost:8501/", {"epochs": "20"}, ["epochs", "dropout"], locked=True, presents=True
    )
    assert link == "http://10.1.2.3:8501/?epochs=20&controls=epochs%2Cdropout&locked=yes&present=yes"
    assert sharing.link_of("https://digits.example/app", {}, []) == "https://digits.example/app"
    monkeypatch.setattr(sharing, "addresses_of_machine", lambda: {"127.0.0.1"})
    assert sharing.link_of("http://localhost:8501", {}, []) == "http://localhost:8501/"


def test_the_picture_is_the_code_of_the_link():
    link = "http://10.1.2.3:8501/?epochs=20"
    picture = np.array(Image.open(io.BytesIO(sharing.qr_png(link))).convert("L"))
    border, scale = 3, 6
    modules = picture[scale // 2 :: scale, scale // 2 :: scale][border:-border, border:-border] < 128
    expected = np.array([list(row) for row in segno.make(link, error="l", micro=False).matrix], dtype=bool)
    assert np.array_equal(modules, expected)
    assert sharing.qr_png("http://example.org/?" + "x" * 4000) is None
