"""Steps: a training goes on by a batch or an epoch, and the numbers on the page are the model's."""

import numpy as np
import pytest

from digitcore.datasets import load_dataset
from digitcore.runs.training import images_and_labels, model_for, split_for
from pages.parts.steps import followed
from tests.pages.conftest import button, open_link, said, widget

QUERY = {"hidden_units": "12", "batch_size": "200", "epochs": "2", "seed": "4"}


@pytest.fixture
def steps(shared_engine):
    return open_link("steps", **QUERY)


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


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
    assert f"{total:.4f}".replace("-", "−") in said(app)
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
    app = open_link("steps", model="cnn", batch_size="200", epochs="1")
    assert "Filters move over the whole image" in said(app)
    assert not app.exception


def test_a_large_data_set_is_thinned_and_says_so(steps, monkeypatch):
    monkeypatch.setattr(followed, "MOST_PIXELS", 64 * 100)
    app = open_link("steps", **QUERY, test_size="0.3")
    assert "Trained here on 100 of the" in said(app)


def test_one_batch_of_all_images_has_a_hint(shared_engine):
    assert "one update per epoch" in said(open_link("steps", **{**QUERY, "batch_size": "none"}))


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
