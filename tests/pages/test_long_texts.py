"""Texts of nearly a megabyte, from links and from forged values of the forms."""

import pytest

from pages.parts import session
from tests.pages.conftest import texts, widget

# Streamlit itself leaves out an address of more than half a megabyte, and a message of more than one.
LONG, LONGEST = "9-" * 200_000, "9-" * 400_000
TOO_LONG = "must have at most 200 characters, got '9"
# What a page says of a parameter that is too long: a digest is an unknown one.
TOLD = {
    **{name: f"In the link, {name} {TOO_LONG}" for name in ("hidden_units", "epochs", "model", "recipe", "dataset")},
    **{name: f"The {name} '9-9-" for name in ("run", "experiment")},
}


def all_texts(app):
    return texts(app).replace("\\", "")


def check_short(app, words):
    """The page says so in one short sentence."""
    assert not app.exception
    said = [str(each.value).replace("\\", "") for each in (*app.warning, *app.error)]
    (sentence,) = [each for each in said if words in each]
    assert len(sentence) < 300


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("page", ["pages/train.py", "pages/experiments.py"])
def test_a_long_parameter_of_a_link_is_refused_and_leaves_the_address(monkeypatch, open_app, page, name):
    app = open_app().switch_page(page).run()
    monkeypatch.setattr(session, "came_through_history", lambda: True)
    app.query_params[name] = LONG
    app.run()
    check_short(app, TOLD[name])
    assert len(app.query_params.get(name, [""])[0]) < 100


def test_a_long_name_in_a_link_is_refused(open_app):
    check_short(open_app(**{LONG: "1"}), f"In the link, the name of a parameter {TOO_LONG}")


def test_a_link_of_many_parameters_is_refused(open_app):
    app = open_app(**{f"p{n}": "1" for n in range(500)})
    check_short(app, "The link has 500 parameters, at most 100 are read: all were left out.")


@pytest.mark.parametrize("page", ["mistakes", "weights", "predict", "map", "quiz"])
def test_a_long_run_in_a_link_to_another_page_is_an_unknown_one(trained_mlp, page):
    trained_mlp.switch_page(f"pages/{page}.py")
    trained_mlp.query_params["run"] = LONG
    trained_mlp.run()
    check_short(trained_mlp, "is not kept on this server. Choose another one.")
    assert widget(trained_mlp.selectbox, "Run").value is None
    assert len(trained_mlp.query_params["run"]) < 100


def test_long_layer_sizes_are_refused_and_the_form_stays_whole(open_app):
    app = open_app(model="mlp")
    n_widgets = len(app.sidebar.slider)
    widget(app.text_input, "Hidden layers").set_value(LONGEST).run()
    assert TOO_LONG.replace("'9", "'9-9") in all_texts(app)
    assert len(app.sidebar.slider) == n_widgets
    assert next(each for each in app.button if each.key == "train").disabled
    widget(app.text_input, "Hidden layers").set_value("16").run()
    assert TOO_LONG not in all_texts(app)


@pytest.mark.parametrize(
    ("kind", "label", "words"),
    [
        ("sweep", "Learning rate: values", "The list of values of learning_rate"),
        ("learning-curve", "Training images", "The list of training images"),
    ],
)
def test_a_long_list_is_refused(open_app, kind, label, words):
    app = open_app()
    app.switch_page("pages/experiments.py").run()
    app.segmented_control(key="experiment_kind").set_value(kind).run()
    if kind == "sweep":
        widget(app.segmented_control, "Learning rate").set_value("List").run()
    # Cut off anywhere, it would be a list of valid values.
    widget(app.text_input, label).set_value("1, " * 200_000).run()
    check_short(app, f"{words} must have at most 200 characters, got '1, 1, ")
    assert "Start" not in [each.label for each in app.button]
