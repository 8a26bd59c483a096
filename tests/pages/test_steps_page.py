"""Steps: a training goes on by a batch or an epoch, and the numbers on the page are the model's."""

import json

import numpy as np
import pytest

from digitcore.datasets import load_dataset
from digitcore.runs.training import images_and_labels, model_for, split_for
from pages.parts.steps import followed, stepping
from pages.parts.steps.followed import Clock
from pages.parts.steps.number_words import number_words
from tests.pages.conftest import button, open_link, said, widget

QUERY = {"hidden_units": "12", "batch_size": "200", "epochs": "2", "seed": "4"}


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """An epoch is trained to its end on a busy machine, too."""
    monkeypatch.setattr(stepping, "MOST_EPOCH_SECONDS", 60.0)


@pytest.fixture
def steps(shared_engine):
    return open_link("steps", **QUERY)


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def components(app):
    """The data of the pictures, tiles and the like on the page."""
    return [json.loads(each.proto.json) for each in app.get("bidi_component") if each.proto.json]


def now(app):
    return app.session_state["steps_followed"]


def test_a_batch_and_an_epoch_go_as_far_as_they_say(steps):
    app = steps
    assert metrics(app)["Next batch"] == "1 of 7"
    assert metrics(app)["Last loss"] == "–"
    button(app, "One batch").click().run()
    assert metrics(app)["Next batch"] == "2 of 7"
    button(app, "One epoch").click().run()
    assert (metrics(app)["Epoch"], metrics(app)["Next batch"]) == ("2 of 2", "1 of 7")
    assert metrics(app)["Last loss"] == f"{now(app).stepper.losses[-1]:.4f}"
    assert not app.exception


def test_at_the_end_the_weights_are_those_of_a_training(steps):
    app = steps
    for _ in range(2):
        button(app, "One epoch").click().run()
    assert button(app, "One batch").disabled
    assert "The training is over" in said(app)
    spec = app.session_state["spec"]
    dataset = load_dataset("digits")
    model = model_for(spec, dataset).set_params(device="cpu")
    model.fit(*images_and_labels(split_for(spec, dataset).train, spec.scaling))
    for name, weights in model.get_weights().items():
        np.testing.assert_array_equal(now(app).stepper.model.get_weights()[name], weights)


def test_start_over_and_other_settings_begin_anew(steps):
    app = steps
    first = now(app).stepper.model.get_weights()
    button(app, "One epoch").click().run()
    button(app, "Start over").click().run()
    assert metrics(app)["Next batch"] == "1 of 7"
    for name, weights in now(app).stepper.model.get_weights().items():
        np.testing.assert_array_equal(first[name], weights)
    button(app, "One batch").click().run()
    widget(app.slider, "Dropout").set_value(0.5).run()
    assert metrics(app)["Next batch"] == "1 of 7"
    assert now(app).spec.parameters["dropout"] == 0.5


def test_while_it_runs_it_goes_on_by_itself(steps):
    app = steps
    widget(app.toggle, "Run").set_value(True).run()
    assert metrics(app)["Next batch"] != "1 of 7"


def test_the_sum_and_the_softmax_are_those_of_the_image(steps):
    app = steps
    button(app, "One epoch").click().run()
    model, x = now(app).stepper.model, now(app).images[now(app).shown[0]]
    weights = model.get_weights()
    total = float(weights["dense_1.weight"][0].astype(float) @ x.ravel() + weights["dense_1.bias"][0])
    assert f"**{number_words(total)}**" in said(app)
    table = app.dataframe[0].value
    np.testing.assert_allclose(table["probability"] / 100, model.predict_proba(x[None])[0], atol=1e-5)
    probability = model.predict_proba(x[None])[0][now(app).part.labels[now(app).shown[0]]]
    assert f"= {-np.log(probability):.4f}" in said(app)


def test_a_later_layer_shows_its_largest_products(steps):
    app = steps
    widget(app.segmented_control, "Layer").set_value("output").run()
    widget(app.selectbox, "Class").set_value(3).run()
    products = app.dataframe[0].value
    assert len(products) == 12
    assert products["product"].abs().is_monotonic_decreasing
    assert "the score of the class" in said(app)


def test_how_many_images_are_read_right_is_counted(steps):
    app = steps
    button(app, "One epoch").click().run()
    part, shown = now(app).part, now(app).shown
    n_right = (now(app).probabilities().argmax(axis=1) == part.labels[shown]).sum()
    assert f"{n_right} of 12 are read right" in said(app)


def test_filters_say_that_their_sums_are_not_shown(shared_engine):
    # As many units as pixels: they are not taken for pixels.
    app = open_link("steps", model="cnn", hidden_units="64", batch_size="200", epochs="1")
    assert "Filters move over the whole image" in said(app)
    assert widget(app.segmented_control, "Layer").options == ["Output"]
    shown = components(app)
    assert not any("pixels" in each for each in shown)
    assert "the score of the class" in said(app)
    bare = open_link("steps", model="cnn", hidden_units="none", batch_size="200", epochs="1")
    assert "Filters move over the whole image" in said(bare)
    assert not app.exception
    assert not bare.exception


def test_a_large_data_set_is_thinned_and_says_so(steps, monkeypatch):
    monkeypatch.setattr(followed, "MOST_PIXELS", 64 * 100)
    app = open_link("steps", **QUERY, test_size="0.3")
    assert "Trained here on 100 of the" in said(app)


def test_one_batch_of_all_images_has_a_hint_and_a_way_out(shared_engine):
    app = open_link("steps", **{**QUERY, "batch_size": "none"})
    assert "one update per epoch" in said(app)
    button(app, "Batches of 32").click().run()
    assert metrics(app)["Next batch"] == "1 of 43"


def test_classes_that_no_image_has_are_left_out_and_the_others_keep_their_names(shared_engine):
    app = open_link("steps", model="softmax", batch_size="4", max_train="10", epochs="3")
    labels = now(app).stepper.model.classes_.tolist()
    assert len(labels) < 10
    shown = components(app)
    titles = [each["titles"] for each in shown if each.get("alt") == "Weights of the first layer"]
    assert titles == [[str(label) for label in labels]]
    assert app.dataframe[0].value["name"].tolist() == [str(label) for label in labels]
    assert not app.exception


def test_an_image_that_is_there_no_more_is_not_asked_for(steps):
    app = steps
    app.session_state["steps_image"] = 11
    app.run()
    widget(app.toggle, "Run").set_value(False)
    app = open_link("steps", **QUERY, open_split="yes")
    app.session_state["steps_image"] = 11
    widget(app.select_slider, "Maximum number of training images").set_value("10").run()
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize(
    ("settings", "most_work", "words"),
    [
        ({"hidden_units": "1500-1500"}, followed.MOST_WORK_PER_BATCH, "models of up to 1,000,000 parameters"),
        ({}, 10_000, "A batch of this model takes too long"),
    ],
)
def test_a_model_that_is_too_large_is_refused_in_a_sentence(shared_engine, monkeypatch, settings, most_work, words):
    monkeypatch.setattr(followed, "MOST_WORK_PER_BATCH", most_work)
    app = open_link("steps", **{**QUERY, "seed": "5", **settings})
    assert words in said(app)
    assert not app.exception
    assert "steps_followed" not in app.session_state


def test_who_leaves_the_page_leaves_the_model_behind(steps):
    app = steps
    button(app, "One batch").click().run()
    app.switch_page("pages/data.py").run()
    assert "steps_followed" not in app.session_state


def test_start_over_at_the_end_goes_on_by_itself_if_it_did(shared_engine):
    app = open_link("steps", **{**QUERY, "batch_size": "none", "epochs": "1"})
    widget(app.toggle, "Run").set_value(True).run()
    assert "The training is over" in said(app)
    button(app, "Start over").click().run()
    assert metrics(app)["Last loss"] != "–"


def test_batches_are_due_at_the_pace_and_not_for_a_pause():
    clock = Clock()
    assert clock.due(5, 100.0) == 1
    assert sum(clock.due(5, 100.0 + tick / 4) for tick in range(1, 41)) == 50
    assert clock.due(5, 500.0) == 1
    assert not clock.is_long(600.0)
    assert clock.is_long(701.0)
    clock.stop()
    assert clock.due(5, 702.0) == 1
    assert not clock.is_long(702.0)


@pytest.mark.parametrize(("value", "words"), [(-1.5, "−1.5000"), (-0.00001, "0.0000"), (39112731.0, "39,112,731.0000")])
def test_numbers_have_a_real_minus_sign_and_no_negative_zero(value, words):
    assert number_words(value) == words


def test_a_training_that_diverges_says_so_and_can_start_over(shared_engine):
    settings = {"learning_rate": "1000", "momentum": "0.99", "activation": "leaky_relu", "epochs": "50"}
    app = open_link("steps", **{**QUERY, **settings})
    for _ in range(50):
        if app.error or button(app, "One epoch").disabled:
            break
        button(app, "One epoch").click().run()
    assert "The training diverged" in said(app)
    assert not app.exception
    button(app, "Start over").click().run()
    assert metrics(app)["Next batch"] == "1 of 7"
