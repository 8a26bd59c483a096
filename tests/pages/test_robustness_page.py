"""Robustness on the page Mistakes: measured in a worker, beside a second run."""

import time

import pytest

from digitcore.images.corruptions import CORRUPTIONS
from digitcore.runs import Engine
from digitcore.runs.computations import Computation
from pages.parts import session, shared
from tests.pages.conftest import button, chart_descriptions, open_link, texts, widget


@pytest.fixture
def second(open_app, train):
    """The digest of another training with the same parts."""
    return train(open_app(model="softmax", epochs="5", batch_size="32")).session_state["spec"].digest


@pytest.fixture
def mistakes(second, open_app, train):
    """The page of a training, beside which there is a second one."""
    return train(open_app(model="mlp", epochs="3", batch_size="64")).switch_page("pages/mistakes.py").run()


def measured(app):
    """Press the button, and wait for the panels."""
    if any(each.label == "Measure robustness" for each in app.button):
        button(app, "Measure robustness").click().run()
    deadline = time.monotonic() + 60
    while "under the corruptions" not in texts(app):
        assert not app.exception and "unexpected" not in texts(app)
        assert time.monotonic() < deadline
        time.sleep(0.3)
        app.run()
    return app


def panels(app):
    return [each for each in chart_descriptions(app) if each.startswith("Accuracy under")]


def test_nothing_is_measured_before_it_is_asked_for(mistakes):
    assert "450 images of the test part, corrupted in twelve ways" in texts(mistakes)
    assert panels(mistakes) == []


def test_every_corruption_has_a_panel_the_most_harmful_first(mistakes):
    app = measured(mistakes)
    assert len(panels(app)) == 12
    run = shared.engine().run(app.session_state["spec"].digest)
    right = session.arrays_of(run)["probabilities.test"].argmax(axis=1) == session.parts_of(run).test.labels
    assert f"The accuracy is {100 * right.mean():.1f} % on the images as they are" in texts(app)
    figures = next(each.value for each in app.dataframe if "0" in each.value)
    assert figures["0"].tolist() == [pytest.approx(100 * right.mean())] * 12
    means = figures[["1", "2", "3", "4", "5"]].mean(axis=1)
    assert means.is_monotonic_increasing
    assert set(figures["label"]) == {corruption.label for corruption in CORRUPTIONS.values()}


def test_a_second_run_stands_beside_it(mistakes, second):
    widget(mistakes.selectbox, "Second run").set_value(second).run()
    app = measured(mistakes)
    assert "the second run has" in texts(app)
    assert all(each.endswith("of this run and of the second run.") for each in panels(app))
    assert sum("0" in each.value for each in app.dataframe) == 2


def test_images_are_shown_at_the_chosen_severity(mistakes):
    app = measured(mistakes)
    app.select_slider(key="corruption_severity").set_value(5).run()
    assert not app.exception


def test_a_link_opens_second_run_severity_and_image(mistakes, second):
    widget(mistakes.selectbox, "Second run").set_value(second).run()
    app = measured(mistakes)
    app.select_slider(key="corruption_severity").set_value(5).run()
    app.number_input(key="corrupted_index_test").set_value(7).run()
    link = {name: app.query_params[name] for name in app.query_params}
    assert (link["second_run"], link["severity"], link["corrupted_image"]) == (second, "5", "7")
    other = open_link("mistakes", open_figures="yes", **link)
    assert not other.exception
    assert widget(other.selectbox, "Second run").value == second
    assert other.select_slider(key="corruption_severity").value == 5
    assert other.number_input(key="corrupted_index_test").value == 7
    assert other.query_params["open_figures"] == "yes"


def test_a_failure_is_said_and_can_be_tried_again(mistakes, monkeypatch):
    failed = Computation("failed", reason="The worker ran out of memory.")
    monkeypatch.setattr(Engine, "compute", lambda *given, **named: failed)
    app = mistakes
    if any(each.label == "Measure robustness" for each in app.button):
        button(app, "Measure robustness").click()
    app.run()
    assert "The worker ran out of memory." in texts(app)
    monkeypatch.undo()
    app.button(key="robustness_again").click().run()
    assert not app.exception
