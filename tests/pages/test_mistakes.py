import re
import time

import numpy as np
import pytest

from digitcore.evaluation import confusion_counts, predictions
from pages.parts import layout, session, shared
from tests.pages.conftest import announced, button, chart_descriptions, outlined_cells, texts, widget


@pytest.fixture
def mistakes(trained_mlp):
    return trained_mlp.switch_page("pages/mistakes.py").run()


@pytest.fixture
def counts(mistakes):
    """The confusion matrix of the test part."""
    run = shared.engine().run(mistakes.session_state["spec"].digest)
    part = session.split_of(run.spec).test
    return confusion_counts(part.labels, predictions(session.arrays_of(run)["probabilities.test"]), 10)


def choose(app, truth=None, prediction=None):
    for label, index in (("True class", truth), ("Taken for", prediction)):
        if index is not None:
            widget(app.selectbox, label).set_value(index)
    return app.run()


def test_a_cell_shows_the_images_behind_it(mistakes, counts):
    truth, prediction = divmod(int((counts - np.diag(counts.diagonal())).argmax()), 10)
    app = choose(mistakes, truth, prediction)
    assert not app.exception
    n_images = counts[truth, prediction]
    assert f"{min(20, n_images)} of {n_images} images, most confident first" in texts(app)


def test_a_cell_that_the_boxes_choose_is_outlined(mistakes):
    assert outlined_cells(mistakes) == [(None, None)]
    assert outlined_cells(choose(mistakes, truth=8)) == [(None, None)]
    assert outlined_cells(choose(mistakes, prediction=1)) == [("8", "1")]
    mistakes.segmented_control(key="confusion_values").set_value("row_pct").run()
    assert outlined_cells(mistakes) == [("8", "1")]
    mistakes.switch_page("pages/data.py").run()
    mistakes.switch_page("pages/mistakes.py").run()
    assert widget(mistakes.selectbox, "True class").value == session.ANY_CLASS
    assert outlined_cells(mistakes) == [(None, None)]


def test_as_few_as_five_images_can_be_shown(mistakes):
    widget(mistakes.slider, "Images").set_value(5).run()
    assert not mistakes.exception
    assert "5 of " in texts(mistakes)


def test_a_finger_that_cannot_point_is_told_what_a_tap_does(mistakes, monkeypatch):
    assert "Point at an image for its probabilities; click it to open it on *Predict*." in texts(mistakes)
    monkeypatch.setattr(layout, "is_phone", lambda: True)
    told = texts(mistakes.run())
    assert "Tap an image to open it on *Predict*." in told and "Point at" not in told


def test_the_diagonal_shows_what_is_right(mistakes, counts):
    best = int(counts.diagonal().argmax())
    app = choose(mistakes, best, best)
    assert f"of {counts[best, best]} images" in texts(app)


def test_a_row_alone_shows_its_mistakes_or_all_of_it(mistakes, counts):
    app = choose(mistakes, truth=8)
    assert f"of {counts[8].sum() - counts[8, 8]} wrong predictions" in texts(app)
    widget(app.toggle, "Wrong only").set_value(False).run()
    assert f"of {counts[8].sum()} images" in texts(app)


def test_a_range_that_nothing_fits_says_so(mistakes):
    widget(mistakes.slider, "Confidence (%)").set_value((0, 1)).run()
    assert "No image fits: widen the range of confidence, or switch *Wrong only* off, or choose" in texts(mistakes)


def test_an_empty_cell_is_not_put_down_to_the_confidence(mistakes, counts):
    truth, prediction = np.argwhere(counts == 0)[0].tolist()
    assert "No image fits: choose another cell." in texts(choose(mistakes, truth, prediction))


@pytest.mark.parametrize(("order", "words"), [("loss", "largest loss first"), ("random", "at random (seed 0)")])
def test_the_order_is_named(mistakes, order, words):
    widget(mistakes.selectbox, "Order").set_value(order).run()
    assert words in texts(mistakes)


def test_drawing_again_takes_another_seed(mistakes):
    widget(mistakes.selectbox, "Order").set_value("random").run()
    button(mistakes, "Draw again").click().run()
    assert "at random (seed 1)" in texts(mistakes)


@pytest.mark.parametrize(
    ("view", "chart", "words"),
    [
        ("Reliability", "Accuracy against confidence in", r"Expected calibration error: \*\*[\d.]+ %"),
        ("Confidence", "Images by confidence", ""),
        (
            "Selective prediction",
            "Accuracy against the share of images",
            r"Leaving out images cannot bring|the model is [\d.]+ % right",
        ),
    ],
)
def test_every_view_of_the_confidence_can_be_shown(mistakes, view, chart, words):
    mistakes.segmented_control(key="confidence_view").set_value(view).run()
    assert not mistakes.exception
    assert not mistakes.error
    assert [each for each in chart_descriptions(mistakes) if each.startswith(chart)]
    assert re.search(words, texts(mistakes))


def test_label_issues_are_searched_in_the_workers(mistakes):
    button(mistakes, "Look for wrong labels").click().run()
    assert announced(mistakes) == ["The search for label issues has started."]
    deadline = time.monotonic() + 60
    while "training images" not in texts(mistakes):
        assert time.monotonic() < deadline
        time.sleep(0.3)
        mistakes.run()
    assert announced(mistakes) == ["The search for label issues has ended."]
    assert not mistakes.exception
    assert not mistakes.error
    suspected = r"\*\*\d+\*\* of 1,347 training images \([\d.]+ %\) are suspected of a wrong label"
    assert re.search(suspected, texts(mistakes))
    assert "look at an image before you call its label wrong" in texts(mistakes)
    # The model of this page is weak.
    assert "Train a better model first" in texts(mistakes)


def test_a_search_that_fails_says_why_and_can_be_tried_again(open_app, train):
    app = train(open_app(model="mlp", epochs="2", max_train="10")).switch_page("pages/mistakes.py").run()
    button(app, "Look for wrong labels").click().run()
    deadline = time.monotonic() + 60
    while not app.error:
        assert time.monotonic() < deadline
        time.sleep(0.3)
        app.run()
    assert "5 folds need as many images of one class" in app.error[0].value
    assert announced(app) == ["The search for label issues has failed."]
    button(app, "Try again").click().run()
    assert not app.exception
