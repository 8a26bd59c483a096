"""The Experiments page, with real trainings on digits."""

import time

import pytest

from digitcore.experiments import CrossValidation, RecipeTables
from digitcore.runs import RunSpec
from digitcore.runs.limits import visitor_key
from pages.parts import session, shared
from tests.pages.conftest import announced, button

SECONDS = 60
QUICK = {"model": "softmax", "epochs": "4", "batch_size": "none"}
KIND = "Kind of experiment"
OTHER_SETTINGS = "The form has other settings than this experiment"


def open_page(open_app, kind=None, **query):
    app = open_app(**{**QUICK, **query}).switch_page("pages/experiments.py").run()
    if kind:
        choose(app, KIND, kind)
    return app


def choose(app, label, value):
    next(widget for widget in app.segmented_control if widget.label == label).set_value(value).run()


def press(app, label):
    next(widget for widget in app.button if widget.label == label).click().run()


def labels(app):
    return [widget.label for widget in app.button]


def start_and_wait(app):
    press(app, "Start")
    shared.experiments().wait(app.session_state["experiment"], SECONDS)
    return app.run()


def words(app):
    return " ".join(element.value for element in (*app.header, *app.markdown, *app.caption, *app.info, *app.warning))


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def test_an_empty_page_says_what_to_do(open_fresh_app):
    app = open_page(open_fresh_app)
    assert "press **Start**" in words(app)
    assert not app.exception and not app.error


def test_cross_validation_shows_means_and_every_fold(open_app):
    app = open_page(open_app)
    assert "5 folds of" in words(app)
    start_and_wait(app)
    assert not app.exception and not app.error
    experiment = session.experiment(app.session_state["experiment"])
    accuracies = [run.evaluation.parts["validation"].accuracy for run in experiment.runs.values()]
    assert metrics(app)["Validation accuracy"] == f"{100 * sum(accuracies) / 5:.2f} %"
    assert "between 5 folds" in words(app)
    assert "more images, on a logarithmic scale" in words(app)
    assert len(app.dataframe[0].value) == 5


def test_folds_that_early_stopping_ended_are_told_of(open_app):
    app = open_page(open_app, epochs="200", learning_rate="0.05", patience="3")
    start_and_wait(app)
    runs = session.experiment(app.session_state["experiment"]).runs.values()
    shortest, *_, longest = sorted(len(shared.engine().run(run.digest).epochs) for run in runs)
    assert shortest < longest
    assert f"from epoch {shortest} on the lines are means" in words(app)


def test_a_sweep_shows_its_best_point_and_opens_it_in_the_form(open_app):
    app = open_page(open_app, "sweep", seed="3")
    start_and_wait(app)
    assert "Best: **Learning rate" in words(app)
    assert "compared by the test part" in words(app)
    table = app.dataframe[0].value
    # A column of reasons, all of them empty.
    assert "reason" not in app.dataframe[0].proto.column_order
    best = table["learning_rate"][table["test_accuracy"].astype(float).idxmax()]
    press(app, "Open in Train")
    assert app.title[0].value == "Train"
    assert f"{app.session_state['spec'].parameters['learning_rate']:g}" == best


def test_an_experiment_is_not_taken_for_what_the_form_asks_for(open_app):
    app = open_page(open_app, "sweep", seed="3")
    start_and_wait(app)
    assert OTHER_SETTINGS not in words(app)
    next(widget for widget in app.number_input if widget.label == "Values").set_value(4).run()
    assert f"{OTHER_SETTINGS}: press **Start** to run them" in words(app)
    start_and_wait(app)
    assert OTHER_SETTINGS not in words(app)
    next(widget for widget in app.number_input if widget.label == "Values").set_value(5).run()
    assert f"{OTHER_SETTINGS}: choose its experiment above" in words(app)


def test_a_sweep_compared_by_validation_needs_no_warning(open_app):
    app = open_page(open_app, "sweep", validation="cut")
    start_and_wait(app)
    assert not app.warning


def test_two_settings_and_three_are_shown(open_app):
    app = open_page(open_app, "sweep", seed="4")
    names = next(widget for widget in app.multiselect if widget.label == "Settings to vary")
    names.set_value(["learning_rate", "seed"]).run()
    start_and_wait(app)
    assert "25 points" in words(app)
    assert not app.exception and not app.error
    names = next(widget for widget in app.multiselect if widget.label == "Settings to vary")
    names.set_value(["learning_rate", "seed", "scaling"]).run()
    start_and_wait(app)
    assert "Most important settings" in words(app)
    assert not app.exception and not app.error


def test_a_learning_curve_shows_the_gap(open_app):
    app = open_page(open_app, "learning-curve")
    start_and_wait(app)
    assert list(app.dataframe[0].value["n_train"]) == [70, 700, 1347]
    assert not app.exception and not app.error


def test_wrong_sizes_are_told_in_a_sentence(open_app):
    app = open_page(open_app, "learning-curve")
    app.text_input[0].set_value("many").run()
    assert "at least one number of training images" in app.error[0].value
    assert "Start" not in labels(app)


def test_a_setting_is_not_varied_without_values(open_app):
    app = open_page(open_app, "sweep")
    names = next(widget for widget in app.multiselect if widget.label == "Settings to vary")
    names.set_value([]).run()
    assert "at least one setting to vary" in app.error[0].value
    assert not app.exception


def test_the_range_test_suggests_a_rate_for_the_form(open_app):
    app = open_page(open_app, "learning-rate", batch_size="32")
    press(app, "Start")
    assert announced(app) == ["The LR range test has started."]
    deadline = time.monotonic() + SECONDS
    while shared.engine().computations.under_way():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    app.run()
    assert announced(app) == ["The LR range test has ended."]
    text = next(element.value for element in app.markdown if "Suggested learning rate" in element.value)
    suggested = float(text.split("**")[1])
    press(app, "Open in Train")
    assert app.session_state["spec"].parameters["learning_rate"] == suggested


def test_a_recipe_lays_published_figures_beside_ours(open_app, monkeypatch):
    # The recipe and two cells of its thirty: all of them are the benchmark's business.
    few = RecipeTables("digits-mlp").members[:3]
    monkeypatch.setattr(RecipeTables, "members", few)
    app = open_page(open_app, "recipe")
    start_and_wait(app)
    assert metrics(app)["Published"] == "94.70 %"
    run = shared.engine().run(few[0].digest)
    accuracy = run.evaluation.parts["test"].accuracy
    assert metrics(app)["Here"] == f"{100 * accuracy:.2f} %"
    assert metrics(app)["Difference"] == f"{100 * accuracy - 94.7:+.2f} points"
    assert not app.exception and not app.error


def test_a_stopped_experiment_can_go_on(open_app):
    app = open_page(open_app, epochs="20000", batch_size="32", seed="9")
    press(app, "Start")
    app.run()
    press(app, "Stop")
    assert "what was trained is kept" in words(app)
    stopped = shared.experiments().experiment(app.session_state["experiment"])
    for digest in stopped.runs:
        shared.engine().wait(digest, 60)
    # The page was drawn while its trainings were still ending.
    assert not {"running", "queued"} & set(app.run().dataframe[0].value["state"])
    press(app, "Go on")
    assert session.experiment(app.session_state["experiment"]).state == "running"
    press(app, "Stop")


def test_an_experiment_of_another_server_is_stopped_from_here(open_app, other_server):
    store, plan = shared.engine().store, CrossValidation(RunSpec(dataset="digits", model="softmax", random_state=19), 5)
    store.begin_experiment(plan.digest, plan.KIND, plan.canonical_json, other_server)
    app = open_app(experiment=plan.digest).switch_page("pages/experiments.py").run()
    press(app, "Stop")
    assert button(app, "Stopping ...").disabled
    assert store.requested_experiment_stops(other_server) == [plan.digest]
    store.save_experiment(plan.digest, state="stopped", seconds=1.0)
    app.run()
    assert "what was trained is kept" in words(app)
    assert not {"Stop", "Stopping ..."} & set(labels(app))


def test_an_experiment_that_somebody_started_at_another_server_is_not_stopped_from_here(open_app, other_server):
    store, plan = shared.engine().store, CrossValidation(RunSpec(dataset="digits", model="softmax", random_state=20), 5)
    row = (plan.digest, plan.KIND, plan.canonical_json, other_server)
    store.begin_experiment(*row, starter=visitor_key("ann"))
    app = open_app(experiment=plan.digest).switch_page("pages/experiments.py").run()
    assert button(app, "Stop").disabled
    assert "Another visitor started this" in words(app)
    store.save_experiment(plan.digest, state="stopped", seconds=1.0)


def test_a_failed_training_is_told_and_tried_again(open_app):
    app = open_page(open_app, "sweep", model="mlp", batch_size="32", hidden_units="64-64-64")
    how = next(widget for widget in app.segmented_control if widget.label == "Learning rate")
    how.set_value("List").run()
    next(widget for widget in app.text_input if "values" in widget.label).set_value("0.001, 30").run()
    start_and_wait(app)
    assert "1 of them failed" in words(app)
    assert "diverged" in app.dataframe[0].value["reason"][1]
    assert "reason" in app.dataframe[0].proto.column_order
    assert "Try them again" in labels(app)


def test_a_link_opens_its_experiment(open_app):
    app = open_page(open_app, "learning-curve", seed="5")
    start_and_wait(app)
    digest = app.session_state["experiment"]
    other = open_app(experiment=digest).switch_page("pages/experiments.py").run()
    assert next(widget for widget in other.segmented_control if widget.label == KIND).value == "learning-curve"
    assert next(widget for widget in other.selectbox if widget.label == "Experiment").value == digest


@pytest.mark.parametrize("digest", ["nonsense", "0" * 20])
def test_a_link_to_no_experiment_does_no_harm(open_app, digest):
    app = open_app(experiment=digest).switch_page("pages/experiments.py").run()
    assert not app.exception and not app.error


def test_an_experiment_that_cannot_be_read_does_no_harm(open_app):
    plan = '{"kind":"sweep","spec":{"dataset":"klingon"}}'
    shared.engine().store.begin_experiment("deadbeef" * 2, "sweep", plan, "elsewhere|1|1")
    shared.engine().store.save_experiment("deadbeef" * 2, state="stopped", seconds=1.0)
    app = open_app(experiment="deadbeef" * 2).switch_page("pages/experiments.py").run()
    choose(app, KIND, "sweep")
    assert "Start" in labels(app)
    assert not app.exception and not app.error


def test_the_epochs_can_be_swept(open_app):
    app = open_page(open_app, "sweep", seed="6")
    names = next(widget for widget in app.multiselect if widget.label == "Settings to vary")
    names.set_value(["epochs"]).run()
    next(widget for widget in app.number_input if widget.label == "To").set_value(8).run()
    start_and_wait(app)
    assert "Best: **Epochs" in words(app)
    assert not app.exception and not app.error
