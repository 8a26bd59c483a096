import re
from dataclasses import replace

import pytest

from digitcore.models import MODELS, registry
from digitcore.parameters import Number
from digitcore.runs import Engine, Run
from digitcore.runs.advice import advice_for
from digitcore.specs.recipes import RECIPES
from digitcore.specs.views import OPEN_FORM
from digitcore.wording import percent_text
from pages.parts import shared
from pages.parts.train import figures_view, plan_view
from tests.pages.conftest import button, texts
from tests.pages.conftest import widget as by_label
from tests.waiting import wait_for

QUICK = {"epochs": "50"}


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def widget(app, name):
    """The form's widget of this name, or None."""
    found = (
        w
        for kind in (app.select_slider, app.selectbox, app.slider, app.text_input, app.button_group, app.toggle)
        for w in kind
        if re.fullmatch(rf"form_\d+_{name}", w.key or "")
    )
    return next(found, None)


def test_the_first_page_says_what_to_do(open_fresh_app):
    app = open_fresh_app()
    assert not app.exception
    assert "Nothing trained yet" in texts(app)
    assert not button(app, "Train").disabled


def test_the_first_page_offers_the_default_recipe(open_fresh_app):
    app = open_fresh_app()
    assert app.session_state["spec"] == RECIPES["digits-mlp"].spec
    assert dict(app.query_params) == {}


def test_training_shows_the_accuracies_of_the_run(open_app, train):
    app = train(open_app(**QUICK))
    run = shared.engine().run(app.session_state["spec"].digest)
    assert metrics(app)["Training accuracy"] == f"{100 * run.evaluation.parts['train'].accuracy:.2f} %"
    assert metrics(app)["Test accuracy"] == f"{100 * run.evaluation.parts['test'].accuracy:.2f} %"
    assert re.search(r"\d+\.\d\d\u00a0to\u00a0\d+\.\d\d", texts(app))
    assert not button(app, "See its mistakes").disabled


def test_a_run_of_another_server_is_stopped_from_here(open_app, other_server):
    app, store = open_app(model="softmax", epochs="50", seed="29"), shared.engine().store
    spec = app.session_state["spec"]
    store.begin(spec, other_server)
    store.mark_running(spec.digest)
    wait_for(lambda: shared.engine().run(spec.digest) is not None)  # it was looked up before, a moment ago
    app.run()
    button(app, "Stop").click().run()
    assert button(app, "Stopping ...").disabled
    assert store.requested_stops(other_server) == [spec.digest]
    store.finish(Run(spec, "cancelled"))
    app.run()
    assert "Stopped after 0 of 50 epochs; what was learned is kept." in texts(app)


def test_one_place_says_how_the_page_is_read(open_app, train):
    app = train(open_app(**QUICK))
    assert [box.label for box in app.expander if "read" in box.label] == []
    assert texts(app).count("Softmax regression is measured over the whole training part") == 1


def test_the_advice_is_put_into_the_form_and_its_rule_is_said(open_app, train):
    app = train(open_app(epochs="20"))
    advice = advice_for(shared.engine().run(app.session_state["spec"].digest))
    assert advice.words in texts(app)
    assert advice.reason in texts(app)
    button(app, "Apply").click().run()
    assert app.session_state["spec"] == advice.spec
    assert not app.exception


def test_the_train_button_is_one_button_whatever_it_says(open_app, train):
    app = open_app(epochs="20", seed="1")
    before = button(app, "Train").key
    assert before == button(train(app), "See its mistakes").key is not None


def test_a_recipe_is_shown_beside_its_published_figure(open_app, train):
    app = train(open_app())
    assert metrics(app)["Published"] == "94.70 %"


def test_an_own_recipe_is_shown_beside_its_measured_figure(open_app, train, monkeypatch):
    own = RECIPES["digits-best"]
    monkeypatch.setattr(figures_view, "recipe_of", lambda spec: own)
    app = train(open_app(**QUICK))
    assert metrics(app)["Measured"] == percent_text(own.accuracy)
    assert "Published" not in metrics(app)


def test_a_trained_link_opens_with_its_results(open_app, train):
    train(open_app(**QUICK))
    again = open_app(**QUICK)
    assert "Test accuracy" in metrics(again)


@pytest.mark.parametrize("name", list(RECIPES))
def test_choosing_a_recipe_fills_the_form_and_the_link(open_app, name):
    app = open_app(recipe="mnist-dense" if name == "digits-mlp" else "digits-mlp")
    widget(app, "recipe").set_value(name).run()
    assert not app.exception
    assert app.session_state["spec"] == RECIPES[name].spec
    # Another test's run may be shown beside settings that nobody has trained.
    said = {parameter: text for parameter, text in app.query_params.items() if parameter != "run"}
    assert said == ({} if name == "digits-mlp" else {"recipe": name})


def test_a_moved_slider_changes_spec_and_link(open_app):
    app = open_app()
    widget(app, "learning_rate").set_value("0.1").run()
    assert app.session_state["spec"].parameters["learning_rate"] == 0.1
    assert app.query_params["learning_rate"] == "0.1"
    assert set(app.query_params) <= {"learning_rate", "run"}


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_every_model_has_its_own_settings_and_trains(open_app, train, model):
    app = open_app(model=model, epochs="2", batch_size="64", open_more="yes", open_augmentation="yes")
    parameters = app.session_state["spec"].parameters
    records = {record.name: record for record in MODELS[model].parameters}
    for name in parameters:
        if records[name].applies(parameters):
            assert widget(app, name) or widget(app, f"{model}_{name}"), name
    app = train(app)
    assert "Test accuracy" in metrics(app)


def test_settings_survive_a_visit_to_another_page(open_app):
    app = open_app()
    widget(app, "learning_rate").set_value("0.1").run()
    app.switch_page("pages/data.py").run()
    app.switch_page("pages/train.py").run()
    assert app.session_state["spec"].parameters["learning_rate"] == 0.1


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"epochs": "0"}, "epochs must be a whole number from 1"),
        ({"learning_rate": "abc"}, "learning_rate must be a number"),
        ({"learnin_rate": "1"}, "Did you mean 'learning_rate'"),
        ({"model": "svm"}, "Unknown model 'svm'"),
        ({"recipe": "mnist"}, "Unknown recipe 'mnist'"),
        ({"recipe": "mnist-cnn", "dataset": "digits"}, "no official split"),
        ({"model": "cnn", "kernel_size": "15"}, "do not fit together"),
    ],
)
def test_a_bad_link_is_said_and_the_page_lives(open_app, query, sentence):
    app = open_app(**query)
    assert not app.exception
    assert sentence in texts(app).replace("\\", "")
    assert [widget for widget in app.button if widget.label in ("Train", "See its mistakes")]


def test_a_setting_that_is_not_valid_is_said_and_cannot_be_trained(open_fresh_app):
    app = open_fresh_app()
    widget(app, "mlp_hidden_units").set_value("32-banana").run()
    assert not app.exception
    assert "hidden_units must be" in texts(app).replace("\\", "")
    assert button(app, "Train").disabled


def test_a_diverged_training_is_said(open_app, train):
    app = train(open_app(learning_rate="1000", optimizer="adam", hidden_units="-".join(["32"] * 10), epochs="50"))
    assert "diverged in epoch" in texts(app)


def test_a_missing_class_is_said(open_app, train):
    app = train(open_app(max_train="3", epochs="2"))
    assert "The train part has no image of classes" in texts(app)


def test_early_stopping_on_the_test_part_is_said(open_app, train):
    app = train(open_app(patience="2", epochs="20"))
    assert "test part was used to choose the epoch" in texts(app)


def live_toggle(app):
    return next(toggle for toggle in app.toggle if toggle.label.startswith("Train as I move"))


def test_training_while_the_sliders_move(open_app, monkeypatch):
    # On a busy machine the training would take longer than is waited for.
    monkeypatch.setattr(plan_view, "LIVE_SECONDS", 60)
    monkeypatch.setattr(plan_view, "BLINK_SECONDS", 60)
    app = open_app(epochs="20")
    live_toggle(app).set_value(True).run()
    widget(app, "learning_rate").set_value("0.05").run()
    run = shared.engine().run(app.session_state["spec"].digest)
    assert run.state == "done"
    # What is above the curves has not stayed behind.
    assert "trained\u00a0in" in texts(app)
    assert [button.label for button in app.button if button.key == "train"] == ["See its mistakes"]


def test_a_move_of_a_slider_during_a_training_waits_for_its_end(open_app, monkeypatch):
    monkeypatch.setattr(plan_view, "LIVE_SECONDS", 100_000)
    app = open_app(epochs="100000", seed="9131")
    live_toggle(app).set_value(True).run()
    first = app.session_state["spec"].digest
    assert shared.engine().run(first).active
    widget(app, "learning_rate").set_value("0.05").run()
    second = app.session_state["spec"].digest
    assert second != first and shared.engine().run(second) is None
    shared.engine().cancel(first)
    shared.engine().wait(first, 30)
    app.run()
    assert shared.engine().run(second).active
    shared.engine().cancel(second)
    stopped = shared.engine().wait(second, 30)
    app.run()
    # Stop is not answered by the same training once more.
    assert shared.engine().run(second).created_at == stopped.created_at


def test_the_switch_stays_where_a_training_takes_too_long(open_app, monkeypatch):
    app = open_app(epochs="20", max_images="100")
    live_toggle(app).set_value(True).run()
    monkeypatch.setattr(plan_view, "LIVE_SECONDS", 0)
    widget(app, "learning_rate").set_value("0.05").run()
    toggle = live_toggle(app)
    assert toggle.value and toggle.disabled
    assert toggle.help == "Only for trainings of up to 0 seconds: these take longer."
    assert shared.engine().run(app.session_state["spec"].digest) is None


def test_a_store_that_is_no_database_is_said_and_the_page_lives(open_fresh_app, tmp_path):
    (tmp_path / "runs.db").write_text("not a database at all" * 100)
    app = open_fresh_app()
    assert not app.exception
    assert "is not a database" in texts(app)


def test_missing_mnist_is_said(open_fresh_app, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITCORE_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr("digitcore.datasets.mnist.MIRRORS", ())
    monkeypatch.setattr("digitcore.datasets.mnist.fetch_from_openml", unreachable)
    app = open_fresh_app(recipe="mnist-softmax")
    button(app, "Train").click().run()
    assert not app.exception
    assert "train-images-idx3-ubyte" in texts(app)


def unreachable(*_, **__):
    raise OSError("no network")


def test_the_time_of_a_first_training_is_told_as_a_guess(open_fresh_app):
    assert "time on this machine not yet known, perhaps" in texts(open_fresh_app())


def test_the_time_is_known_as_soon_as_the_third_run_has_ended(open_fresh_app, train):
    for seed in range(3):
        train(open_fresh_app(epochs="3", seed=str(seed)))
    assert re.search(r"takes .* on this machine", texts(open_fresh_app(epochs="3", seed="9")))


def test_the_page_says_that_a_first_training_has_to_wait_for_the_workers(open_app, monkeypatch):
    waits = "The training processes are getting ready"
    monkeypatch.setattr(Engine, "is_starting", True)
    assert waits in texts(open_app(epochs="21"))
    monkeypatch.setattr(Engine, "is_starting", False)
    assert waits not in texts(open_app(epochs="22"))


def test_a_number_that_may_be_none_has_a_slider_with_a_stop_for_none(open_app, monkeypatch):
    record = Number(
        name="shrinkage",
        label="Shrinkage",
        help="Pulls weights to zero.",
        default=None,
        none_label="none at all",
        minimum=0.0,
        maximum=1.0,
        slider=(0.0, 0.5),
        step=0.1,
        since=1,
    )
    wider = replace(MODELS["softmax"], parameters=(*MODELS["softmax"].parameters, record))
    monkeypatch.setitem(registry._entries, "softmax", wider)
    app = open_app(model="softmax", open_more="yes")
    assert not app.exception
    slider = widget(app, "softmax_shrinkage")
    assert slider.value == "none"
    slider.set_value("0.2").run()
    assert app.session_state["spec"].parameters["shrinkage"] == 0.2


def test_what_is_folded_is_not_drawn_and_keeps_its_values(open_app):
    app = open_app(recipe="mnist-dense", seed="17", augment_shift="1.5", scaling="raw")
    spec = app.session_state["spec"]
    assert (spec.random_state, spec.parameters["augment_shift"], spec.split.kind) == (17, 1.5, "official")
    widgets = [*app.slider, *app.select_slider, *app.toggle, *app.button_group]
    hidden = {"Seed", "Random shift (pixels)", "Epsilon", "Pixel values"}
    assert hidden.isdisjoint(each.label for each in widgets)
    # A folded split that the data set does not have is another one.
    by_label([*app.selectbox, *app.button_group], "Data set").set_value("digits").run()
    digits = app.session_state["spec"]
    assert (digits.dataset, digits.split.kind, digits.scaling) == ("digits", "random", spec.scaling)
    assert (digits.random_state, digits.parameters["augment_shift"]) == (17, 1.5)
    assert not app.exception
    for name in OPEN_FORM:
        app.session_state[name] = True
    app.run()
    assert hidden <= {each.label for each in [*app.slider, *app.select_slider, *app.toggle, *app.button_group]}
    assert app.session_state["spec"] == digits
    for name in OPEN_FORM:
        app.session_state[name] = False
    app.run()
    assert app.session_state["spec"] == digits


def test_what_is_changed_just_before_a_group_is_folded_is_taken(open_app):
    app = open_app(model="softmax", open_more="yes")
    by_label(app.slider, "Seed").set_value(23)
    app.session_state["open_more"] = False
    app.run()
    assert app.session_state["spec"].random_state == 23
    app.run()
    assert "Seed" not in {slider.label for slider in app.slider}
    assert app.session_state["spec"].random_state == 23


def test_a_change_is_taken_after_a_text_that_was_not_valid(open_app):
    app = open_app(model="mlp", open_more="yes")
    units = by_label(app.text_input, "Hidden layers")
    units.set_value("nonsense").run()
    assert app.error
    by_label(app.slider, "Seed").set_value(29)
    app.session_state["open_more"] = False
    app.run()
    app.run()
    by_label(app.text_input, "Hidden layers").set_value("20").run()
    spec = app.session_state["spec"]
    assert not app.error
    assert (spec.random_state, spec.parameters["hidden_units"]) == (29, (20,))
