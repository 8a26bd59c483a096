"""Links that name a run or an experiment, and the way from a run to its settings."""

import re

import pytest

from digitcore.specs.links import spec_to_query
from digitcore.specs.recipes import RECIPES
from pages.parts import shared
from tests.pages.conftest import button, open_link, said, widget

PAGES_OF_RUNS = ["mistakes", "weights", "predict", "map", "quiz"]


def recipe_box(app):
    return next(each for each in app.selectbox if re.fullmatch(r"form_\d+_recipe(_changed)?", each.key or ""))


def rate(app):
    return next(each for each in app.select_slider if each.label == "Learning rate")


@pytest.mark.parametrize("page", PAGES_OF_RUNS)
def test_a_link_to_an_unknown_run_says_so_and_shows_no_other(trained_mlp, page):
    app = open_link(page, run="0" * 20)
    assert not app.exception
    sentence = f"The run '{'0' * 20}' is not kept on this server. Choose another one."
    assert said(app).count(sentence) == 1
    app.run()
    assert sentence in said(app)
    assert widget(app.selectbox, "Run").value is None
    assert app.query_params["run"] == "0" * 20


def test_the_sentence_goes_when_a_run_is_chosen(trained_mlp, open_app, train):
    train(open_app(model="mlp", epochs="4", batch_size="64"))
    app = open_link("mistakes", run="0" * 20)
    other = shared.engine().run(trained_mlp.session_state["spec"].digest)
    widget(app.selectbox, "Run").set_value(other.digest).run()
    assert "not kept on this server" not in said(app)
    assert app.query_params["run"] == other.digest
    assert "Confusion matrix" in said(app)
    app.run()
    assert widget(app.selectbox, "Run").value == other.digest


@pytest.mark.parametrize("page", ["train", "data", "experiments"])
@pytest.mark.parametrize("name", ["run", "experiment"])
def test_a_page_with_settings_says_it_as_well(open_app, page, name):
    app = open_link(page, **{name: "nonsense"})
    assert not app.exception
    assert f"The {name} 'nonsense' of the link is not kept on this server" in said(app)


@pytest.mark.parametrize(
    ("page", "name", "hint"),
    [("predict", "imge", "Did you mean 'image'?"), ("mistakes", "experiment", ""), ("compare", "run", "")],
)
def test_a_page_says_which_parameters_it_does_not_have(trained_mlp, page, name, hint):
    app = open_link(page, **{name: "3"})
    assert f"In the link, the parameter '{name}' is unknown: it was left out.{' ' * bool(hint)}{hint}" in said(app)
    assert not app.exception
    assert "is unknown" not in said(open_link(page))


def test_an_unknown_run_is_said_where_nothing_is_trained(open_fresh_app):
    open_fresh_app()
    app = open_link("mistakes", run="nonsense")
    assert "The run 'nonsense' is not kept on this server." in said(app)
    assert "Nothing trained yet" in said(app)


def test_a_name_that_is_too_long_is_an_unknown_run(trained_mlp):
    app = open_link("map", run="A" * 300)
    assert "is not kept on this server. Choose another one." in said(app)
    assert widget(app.selectbox, "Run").value is None


def test_an_unknown_run_is_not_passed_off_as_the_one_on_train(trained_mlp):
    app = open_link("train", run="nonsense", **{"model": "mlp", "epochs": "12"})
    assert "The run 'nonsense' of the link is not kept on this server." in said(app)
    assert "is shown instead" not in said(app)
    spec = trained_mlp.session_state["spec"]
    app = open_link("train", run="nonsense", **spec_to_query(spec, "digits-mlp"))
    assert "The run of the form's settings is shown instead." in said(app)
    rate(app).set_value("0.1").run()
    assert "is shown instead" not in said(app)


def test_an_unknown_run_to_ask_as_well_is_told_in_words(trained_mlp, open_app, train):
    train(open_app(model="mlp", epochs="4", batch_size="64"))
    app = open_link("predict", also="abc")
    assert "also must be digests of kept runs of this data set, got 'abc'" in said(app)


def test_no_experiment_is_shown_in_place_of_an_unknown_one(open_app):
    app = open_app(model="softmax", epochs="3", batch_size="none").switch_page("pages/experiments.py").run()
    button(app, "Start").click().run()
    known = app.session_state["experiment"]
    shared.experiments().wait(known, 60)
    app = open_link("experiments", experiment="nonsense")
    assert not app.exception
    assert "The experiment 'nonsense' of the link is not kept on this server" in said(app)
    assert widget(app.selectbox, "Experiment").value is None
    assert "Every training" not in said(app)
    assert app.run().query_params["experiment"] == "nonsense"
    widget(app.selectbox, "Experiment").set_value(known).run()
    assert "is not kept" not in said(app)
    assert app.query_params["experiment"] == known
    assert "Every training" in said(app)
    app.switch_page("pages/train.py").run().switch_page("pages/experiments.py").run()
    assert widget(app.selectbox, "Experiment").value == known


def test_a_shared_link_leads_back_to_the_settings_of_its_run(open_app, train):
    spec = train(open_app(model="softmax", epochs="6", learning_rate="0.3")).session_state["spec"]
    app = open_link("mistakes", run=spec.digest)
    app.query_params.clear()  # as a click on the navigation does
    app.switch_page("pages/train.py").run()
    assert not app.exception
    assert app.session_state["spec"] == spec
    assert rate(app).value == "0.3"


def test_settings_that_were_changed_survive_the_choice_of_a_run(trained_mlp, open_app, train):
    other = train(open_app(model="mlp", epochs="5", batch_size="64")).session_state["spec"]
    rate(trained_mlp).set_value("0.1").run()
    mine = trained_mlp.session_state["spec"]
    trained_mlp.switch_page("pages/mistakes.py").run()
    widget(trained_mlp.selectbox, "Run").set_value(other.digest).run()
    trained_mlp.query_params.clear()
    trained_mlp.switch_page("pages/train.py").run()
    assert trained_mlp.session_state["spec"] == mine
    assert "the form has other settings by now" in said(trained_mlp)
    button(trained_mlp, "Show its settings").click().run()
    assert trained_mlp.session_state["spec"] == other
    assert "the form has other settings by now" not in said(trained_mlp)


def test_the_recipe_box_says_changed_and_back(open_app):
    app = open_app()
    assert recipe_box(app).options == [recipe.label for recipe in RECIPES.values()]
    rate(app).set_value("0.05").run()
    box = recipe_box(app)
    assert box.options[box.index] == "Changed"
    assert "**digits-mlp** with rate 0.05. Choose it again to undo." in said(app)
    rate(app).set_value("0.01").run()
    box = recipe_box(app)
    assert (box.options[box.index], box.value) == (RECIPES["digits-mlp"].label, "digits-mlp")
    assert "Choose it again" not in said(app)


def test_choosing_the_recipe_again_undoes_the_changes(open_app):
    app = open_app(learning_rate="0.05", epochs="20")
    recipe_box(app).set_value("digits-mlp").run()
    assert app.session_state["spec"] == RECIPES["digits-mlp"].spec
    assert recipe_box(app).value == "digits-mlp"


def test_another_recipe_can_be_chosen_from_changed_settings(open_app):
    app = open_app(learning_rate="0.05")
    recipe_box(app).set_value("mnist-dense").run()
    assert app.session_state["spec"] == RECIPES["mnist-dense"].spec


def test_runs_are_named_by_what_differs(open_app, train):
    for epochs in ("21", "22"):
        train(open_app(epochs=epochs, learning_rate="0.05"))
    options = widget(open_app().switch_page("pages/mistakes.py").run().selectbox, "Run").options
    assert [option for option in options if option.startswith("digits-mlp, 22 epochs, rate 0.05, test ")]
    assert len(set(options)) == len(options)
