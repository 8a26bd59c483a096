"""A vote of several seeds is trained from the form and opened on the pages."""

import pytest

from pages.parts import shared
from tests.pages.conftest import said, widget

LINK = {"epochs": "12", "seed": "4711", "members": "3", "validation": "cut"}


@pytest.fixture
def voted(open_app, train):
    """The dashboard after the training of a vote of three."""
    return train(open_app(model="mlp", open_more="yes", **LINK))


def test_a_vote_is_trained_and_says_what_its_curves_are(voted):
    assert widget(voted.slider, "Seeds that vote").value == 3
    run = shared.engine().run(voted.session_state["spec"].digest)
    assert (run.spec.members, run.state, len(run.epochs)) == (3, "done", 12)
    assert "Curves are means of the 3 models; matrix and wrong predictions are those of their vote." in said(voted)
    assert "vote of 3 seeds" in said(voted)


def test_a_vote_can_be_trained_for_longer_but_not_forked(voted):
    labels = [each.label for each in voted.button]
    assert "+10 epochs" in labels
    assert "Other settings from here" not in labels


def test_the_page_of_weights_says_whose_they_are_and_changes_none(voted):
    app = voted.switch_page("pages/weights.py").run()
    assert (
        "3 models vote in this run, each with weights of its own. Shown are those of the first one, seed 4711."
        in said(app)
    )
    assert "Hands inside" not in said(app)


@pytest.mark.parametrize("page", ["mistakes", "weights", "predict", "map", "quiz"])
def test_a_vote_is_opened_on_every_page_that_shows_one_run(voted, page):
    app = voted.switch_page(f"pages/{page}.py").run()
    run = next(each for each in app.selectbox if each.label == "Run")
    assert run.value == voted.session_state["spec"].digest
    assert "vote of 3 seeds" in run.format_func(run.value)
    assert not app.exception
    # A wrong answer of the model stands in a red box, too.
    assert all("The model says" in error.value for error in app.error)
