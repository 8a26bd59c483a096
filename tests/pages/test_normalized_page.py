"""A CNN with batch normalisation is trained from the form and opened on the pages."""

import pytest

from pages.parts import shared
from tests.pages.conftest import said, widget

# No more settings than a title names.
LINK = {"epochs": "3", "seed": "6813", "channels": "4", "normalization": "batch"}


@pytest.fixture
def normalized(open_app, train):
    """The dashboard after the training of a normalised CNN."""
    return train(open_app(model="cnn", open_more="yes", **LINK))


def test_it_is_chosen_in_the_form_and_named_in_the_title(normalized):
    assert widget(normalized.button_group, "Batch normalisation").value == "batch"
    run = shared.engine().run(normalized.session_state["spec"].digest)
    assert (run.spec.parameters["normalization"], run.state) == ("batch", "done")
    assert "batch normalisation on" in said(normalized)


@pytest.mark.parametrize("page", ["mistakes", "weights", "predict", "map", "quiz", "steps"])
def test_it_is_opened_on_every_page(normalized, page):
    app = normalized.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    # A wrong answer of the model stands in a red box, too.
    assert all("The model says" in error.value for error in app.error)


def test_its_weights_can_be_pruned(normalized):
    app = normalized.switch_page("pages/weights.py").run()
    widget(app.slider, "Pruned weights (%)").set_value(50).run()
    assert not app.exception and not app.error
    assert "Answers changed" in [metric.label for metric in app.metric]
