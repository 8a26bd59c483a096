"""Weights: what is left of a model whose weights were changed."""

import numpy as np
import pytest

from digitcore.insight.surgery import Surgery
from pages.parts import session, shared
from tests.pages.conftest import button, open_link, said, widget


@pytest.fixture
def weights_page(trained_mlp):
    return trained_mlp.switch_page("pages/weights.py").run()


def metrics(app):
    return {metric.label: metric for metric in app.metric}


def test_the_accuracy_after_pruning_is_that_of_the_pruned_model(weights_page):
    app = weights_page
    assert "Nothing is changed yet" in said(app)
    widget(app.slider, "Pruned weights (%)").set_value(90).run()
    assert not app.exception
    run = shared.engine().run(app.session_state["spec"].digest)
    part = session.parts_of(run).test
    after = session.model_of(run).operated(Surgery(pruned=0.9)).predict(part.images)
    assert metrics(app)["Test accuracy"].value == f"{100 * (after == part.labels).mean():.2f} %"
    before = shared.engine().arrays(run.digest).probabilities["test"].argmax(axis=1)
    assert metrics(app)["Answers changed"].value == f"{(before != after).sum():,}"
    assert "On 450 of the 450 test images" in said(app)
    assert app.query_params["pruned"] == "90"


def test_units_are_switched_off_and_everything_is_undone(weights_page):
    app = weights_page
    widget(app.multiselect, "Units to scale").set_value([0, 1, 2, 3, 4, 5, 6, 7]).run()
    assert metrics(app)["Answers changed"].value != "0"
    run = shared.engine().run(app.session_state["spec"].digest)
    kept = session.model_of(run).weights["dense_1.weight"]
    assert np.abs(kept[:8]).min() > 0
    next(button for button in app.button if button.label == "Undo all").click().run()
    assert "Nothing is changed yet" in said(app)
    assert "units" not in app.query_params


def test_a_temperature_changes_no_answer(weights_page):
    app = weights_page
    widget(app.select_slider, "Temperature").set_value(5.0).run()
    assert metrics(app)["Answers changed"].value == "0"
    assert metrics(app)["Test accuracy"].delta == ""


def test_a_changed_model_is_kept_as_a_run_beside_the_trained_one(weights_page):
    app = weights_page
    assert button(app, "Keep as a run").disabled
    trained = app.session_state["spec"]
    widget(app.slider, "Pruned weights (%)").set_value(60).run()
    after = metrics(app)["Test accuracy"].value
    button(app, "Keep as a run").click().run()
    assert not app.exception
    spec = trained.with_changes(surgery=Surgery(pruned=0.6))
    run = shared.engine().wait(spec.digest, 60)
    assert len(run.epochs) == 3
    app = app.switch_page("pages/train.py").run()
    assert "60 % pruned" in said(app)
    assert metrics(app)["Test accuracy"].value == after
    # The form has the training, which is the baseline.
    assert app.session_state["spec"] == trained
    assert app.query_params["baseline"] == trained.digest
    assert app.query_params["run"] == spec.digest
    assert app.session_state["shown_run"] == spec.digest


def test_every_page_opens_with_a_changed_run(weights_page):
    app = weights_page
    spec = app.session_state["spec"].with_changes(surgery=Surgery(pruned=0.3))
    shared.engine().submit(spec)
    shared.engine().wait(spec.digest, 60)
    for page in ("train", "mistakes", "weights", "predict", "compare", "map", "quiz"):
        app = open_link(page, run=spec.digest)
        assert not app.exception, page
        # A wrong answer of the model stands in a red box, too.
        assert [error.value for error in app.error if "The model says" not in error.value] == [], page
    app = open_link("weights", run=spec.digest)
    widget(app.slider, "Pruned weights (%)").set_value(60).run()
    assert button(app, "Keep as a run").disabled
