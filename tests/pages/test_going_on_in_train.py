"""Train: go on after a stop, for longer, and with other settings."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import shared
from tests.pages.conftest import button, texts
from tests.waiting import wait_for

QUICK = {"model": "softmax", "epochs": "6", "batch_size": "none"}


@pytest.fixture
def trained(open_app, train) -> AppTest:
    return train(open_app(**QUICK))


def spec_of(app):
    return app.session_state["spec"]


def test_more_epochs_are_trained_at_a_click_and_fill_the_form(trained):
    app = button(trained, "+10 epochs").click().run()
    assert not app.exception
    assert spec_of(app).parameters["epochs"] == 16
    assert app.query_params["epochs"] == "16"
    run = shared.engine().wait(spec_of(app).digest, 60)
    first = shared.engine().run(spec_of(app).with_changes(parameters={"epochs": 6}).digest)
    assert run.epochs[:6] == first.epochs  # with their seconds: they were not trained again


def test_more_epochs_of_a_training_that_has_diverged_are_not_offered(open_app, train):
    app = train(open_app(model="mlp", epochs="6", batch_size="64", learning_rate="3"))
    assert "Diverged" in texts(app)
    labels = [each.label for each in app.button]
    assert "+10 epochs" not in labels and "Other settings from here" in labels


def test_other_settings_go_on_from_the_last_epoch_and_the_link_says_so(trained, open_app, train):
    app = button(trained, "Other settings from here").click().run()
    parent = spec_of(app).with_changes(parameters={"epochs": 6})
    assert any("Goes on after 6 epochs of" in caption.value for caption in app.caption)
    rate = next(widget for widget in app.select_slider if widget.label == "Learning rate")
    app = rate.set_value("0.5").run()
    assert spec_of(app).parent == parent
    app = train(app)
    assert not app.exception
    run = shared.engine().run(spec_of(app).digest)
    assert run.epochs[:6] == shared.engine().run(parent.digest).epochs
    # The link leads to the same form and the same run.
    opened = open_app(**dict(app.query_params.items()))
    assert spec_of(opened) == spec_of(app)
    assert any("Goes on after 6 epochs of" in caption.value for caption in opened.caption)
    again = button(opened, "Start from scratch").click().run()
    assert spec_of(again).parent is None
    assert not any("Goes on after" in caption.value for caption in again.caption)


def test_layers_that_do_not_fit_what_it_goes_on_from_are_said_and_another_model_starts_from_scratch(open_app, train):
    app = train(open_app(model="mlp", epochs="4", batch_size="none"))
    app = button(app, "Other settings from here").click().run()
    hidden = next(widget for widget in app.text_input if widget.label == "Hidden layers")
    app = hidden.set_value("9").run()
    assert "same model and layers" in app.error[0].value
    assert button(app, "Train").disabled
    model = next(widget for widget in app.selectbox if widget.label == "Model")
    app = model.set_value("softmax").run()
    assert spec_of(app).parent is None


def test_a_stopped_training_offers_to_go_on(open_app):
    # So low a rate that its verdict is known: it has learned nothing yet.
    app = open_app(model="mlp", epochs="20000", seed="77", learning_rate="0.000001")
    app = button(app, "Train").click().run()
    digest = spec_of(app).digest
    wait_for(lambda: len(shared.engine().run(digest).epochs) > 20, "some epochs")
    shared.engine().cancel(digest)
    before = shared.engine().wait(digest, 60)
    app = app.run()
    assert any("Stopped after" in info.value for info in app.info)
    # What is to be tried is the button that is there already.
    assert f"**Try:** *Go on*, for the other {20000 - len(before.epochs):,} epochs." in texts(app)
    assert not {"Apply", "Applied"} & {each.label for each in app.button}
    app = button(app, "Go on").click().run()
    shared.engine().cancel(digest)
    after = shared.engine().wait(digest, 60)
    assert after.epochs[: len(before.epochs)] == before.epochs
