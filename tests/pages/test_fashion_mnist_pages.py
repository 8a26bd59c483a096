"""Fashion-MNIST on the pages: its classes have names, and its images show no digits."""

import pytest

from digitcore.specs.recipes import RECIPES
from pages.parts import session
from tests.pages.conftest import button, chart_descriptions, grids, texts, widget

PAGES = ("train", "mistakes", "weights", "predict", "map", "quiz", "data", "compare", "experiments")


@pytest.fixture
def fashion(fashion_mnist_directory, open_app, train):
    """The dashboard after a short training on 400 images of Fashion-MNIST."""
    return train(open_app(dataset="fashion-mnist", model="softmax", epochs="3", max_images="400", batch_size="32"))


@pytest.mark.parametrize("page", PAGES)
def test_no_page_speaks_of_digits(fashion, page):
    app = fashion.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    kinds = (app.selectbox, app.number_input, app.slider, app.toggle, app.button)
    labels = [each.label for kind in kinds for each in kind]
    said = "\n".join([texts(app), *labels, *chart_descriptions(app)]).lower()
    # But for the names of a data set and of the recipe that the form started from.
    for name in ("digits 8×8", RECIPES["digits-mlp"].label.lower(), "digits-mlp"):
        said = said.replace(name, "")
    assert "digit" not in said


def test_train_has_room_for_the_names_of_the_first_layer(fashion):
    (grid,) = grids(fashion)
    assert grid["titles"][0] == "T-shirt/top"
    assert (grid["wide"], grid["middle"], grid["narrow"]) == (10, 10, 5)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("draw", "Draw a fashion item with the mouse"),
        ("photo", "On a plain, bright background, one fashion item."),
        ("camera", "On a plain, bright background, one fashion item, filling"),
    ],
)
def test_predict_says_what_to_draw_or_to_photograph(fashion, source, words):
    app = fashion.switch_page("pages/predict.py").run()
    app.segmented_control(key="image_source").set_value(source).run()
    assert words in texts(app)


def test_predict_names_the_class_after_its_article(fashion):
    app = fashion.switch_page("pages/predict.py").run()
    widget(app.selectbox, "Part").set_value("all").run()
    widget(app.number_input, "Index").set_value(0).run()
    assert "), an Ankle boot" in texts(app)


def test_a_drawing_is_framed_as_the_data_set_was(fashion):
    app = fashion.switch_page("pages/predict.py").run()
    app.segmented_control(key="image_source").set_value("draw").run()
    app.session_state["drawing_pad"] = {"strokes": [[400, 200, 500, 100, 500, 900]]}
    app.run()
    assert "Centred by mass" not in texts(app)
    assert "The model says" in texts(app)


def test_the_quiz_has_a_button_for_each_name(fashion):
    app = fashion.switch_page("pages/quiz.py").run()
    button(app, "Start").click().run()
    quiz, names = app.session_state["quiz"], session.dataset("fashion-mnist").class_names
    labels = [each.label for each in app.button]
    assert [name for name in names if name not in labels] == []
    button(app, names[quiz.truth[0]]).click().run()
    assert app.session_state["quiz"].answers == (quiz.truth[0],)


def test_data_names_the_licence(fashion):
    assert "Copyright 2017 Zalando SE, MIT licence" in texts(fashion.switch_page("pages/data.py").run())
