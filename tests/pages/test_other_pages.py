import json
import re
import time

import numpy as np
import pytest

from digitcore.experiments.phenomena import PHENOMENA
from digitcore.runs.live_runs import LOOK_UP_SECONDS
from digitcore.specs.links import spec_to_query
from pages.parts import session, shared
from tests.pages.conftest import chart_descriptions, texts, widget


def pixels(app):
    """The table of pixel values that the page shows."""
    (body,) = [each.proto.body for each in app.get("html") if 'class="pixels"' in each.proto.body]
    rows = [re.findall(r"<td[^>]*>(\d+)</td>", row) for row in body.split("<tr>")]
    return np.array([row for row in rows if row], dtype=int)


@pytest.mark.parametrize("page", ["mistakes", "weights", "predict", "compare", "map", "quiz"])
def test_without_a_run_the_page_says_what_to_do(open_fresh_app, page):
    app = open_fresh_app().switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert "Nothing trained yet" in texts(app)


def test_mistakes_shows_the_figures_of_the_run(trained):
    app = trained.switch_page("pages/mistakes.py").run()
    assert not app.exception
    assert not app.error
    assert " was taken for " in texts(app)
    part = shared.engine().run(app.session_state["spec"].digest).evaluation.parts["test"]
    n_wrong = part.n_images - part.n_right
    assert f"of {n_wrong} wrong predictions" in texts(app)
    assert app.dataframe[0].value["n_images"].sum() == part.n_images


def test_weights_shows_the_first_layer(trained):
    app = trained.switch_page("pages/weights.py").run()
    assert not app.exception
    assert not app.error
    model = app.session_state["spec"].model
    n_images = {"softmax": 10, "mlp": 32, "cnn": 32}[model]
    assert f"{n_images} of {n_images} images, after epoch 3; one shared scale" in texts(app)
    assert ("Feature maps" in texts(app)) == (model == "cnn")
    assert ("The strongest path to each class" in texts(app)) == (model == "mlp")
    assert "Layer by layer, epoch by epoch" in texts(app)


def picture_titles(app, words):
    """What stands above each picture of the grids whose alternative text has these words."""
    told = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    return [each["titles"] for each in told if words in each.get("alt", "")]


def test_feature_maps_have_the_numbers_and_the_order_of_their_kernels(open_app, train):
    app = train(open_app(model="cnn", epochs="3", batch_size="64")).switch_page("pages/weights.py").run()
    numbers = [str(number) for number in range(1, 33)]
    assert picture_titles(app, "weight images") == [numbers]
    assert picture_titles(app, "feature maps after conv_1") == [numbers]
    run = shared.engine().run(app.session_state["spec"].digest)
    maps = session.model_of(run).feature_maps(session.parts_of(run).test.take(0))["conv_1"]
    assert f"Black is 0 and white {maps.max():.3g}, the highest value." in texts(app)
    widget(app.segmented_control, "Order").set_value("norm").run()
    (by_norm,) = picture_titles(app, "weight images")
    assert by_norm != numbers
    assert sorted(by_norm, key=int) == numbers


def test_units_of_an_mlp_come_by_norm(trained_mlp):
    app = trained_mlp.switch_page("pages/weights.py").run()
    (titles,) = picture_titles(app, "weight images")
    assert titles != sorted(titles, key=int)


def test_the_slider_goes_back_to_the_start(trained_mlp):
    app = trained_mlp.switch_page("pages/weights.py").run()
    assert app.select_slider[0].options == ["0", "1", "2", "3"]
    app.select_slider[0].set_value(0).run()
    assert "before the training" in texts(app)
    app.select_slider[0].set_value(2).run()
    assert "after epoch 2" in texts(app)


def test_with_early_stopping_the_kept_weights_are_shown(open_app, train):
    app = train(open_app(model="mlp", epochs="40", patience="2", validation="cut", learning_rate="1.0"))
    app.switch_page("pages/weights.py").run()
    best = shared.engine().run(app.session_state["spec"].digest).evaluation.best_epoch
    assert app.select_slider[0].options[-1] == f"kept: {best}"
    assert f"after epoch {best}, which was kept; one shared scale" in texts(app)
    app.select_slider[0].set_value(0).run()
    assert "before the training" in texts(app)


def test_a_class_without_training_images_has_no_mean(open_app):
    app = open_app(max_train="10").switch_page("pages/data.py").run()
    assert not app.exception
    assert not app.error
    assert "is in the training part" in texts(app)


def test_the_data_can_be_seen_whatever_model_the_form_holds(open_app, mnist_directory):
    app = open_app(dataset="mnist", model="cnn", channels="8-8").switch_page("pages/data.py").run()
    app.segmented_control[0].set_value("digits").run()
    assert not app.error
    assert "1,797" in texts(app)
    assert "in the parts of a random split" in texts(app)


def test_of_another_data_set_the_published_parts_are_counted(open_fresh_app, mnist_directory):
    app = open_fresh_app().switch_page("pages/data.py").run()
    assert "in the parts that the form on the Train page asks for" in texts(app)
    app.segmented_control[0].set_value("mnist").run()
    assert not app.error
    assert "in the parts that were published" in texts(app)


def test_a_stopped_training_that_begins_again_is_waited_for(open_app, train):
    app = train(open_app(model="mlp", epochs="7", seed="99"))  # a run of its own: it never ends
    run = shared.engine().run(app.session_state["spec"].digest)
    app.switch_page("pages/mistakes.py").run()
    shared.engine().store.begin(run.spec, shared.engine().owner)
    time.sleep(LOOK_UP_SECONDS)  # what another server begins is seen within this time
    app.run()
    assert not app.exception
    assert not app.error
    assert "This training is still running" in texts(app)


def test_playing_goes_on_from_epoch_to_epoch(trained_mlp):
    app = trained_mlp.switch_page("pages/weights.py").run()
    app.toggle[0].set_value(True).run()
    assert "before the training" in texts(app)
    app.run()
    assert "after epoch 1" in texts(app)


def test_data_shows_images_balance_and_pixels(open_app):
    app = open_app().switch_page("pages/data.py").run()
    assert not app.exception
    assert not app.error
    assert "1,797" in texts(app)
    assert pixels(app).shape == (8, 8)
    assert "Label: 0" in texts(app)


def test_data_shows_another_image(open_app):
    app = open_app().switch_page("pages/data.py").run()
    app.number_input[0].set_value(1234).run()
    from sklearn.datasets import load_digits

    assert f"Label: {load_digits().target[1234]}" in texts(app)
    assert (pixels(app) == load_digits().images[1234]).all()


def test_data_shows_mnist_with_all_its_columns(open_app, mnist_directory):
    app = open_app(recipe="mnist-cnn").switch_page("pages/data.py").run()
    assert not app.exception
    assert "70,000" in texts(app)
    assert pixels(app).shape == (28, 28)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_with_another_activation_no_unit_is_called_dead(open_app, train, model):
    settings = {"model": model, "epochs": "2", "batch_size": "64", "activation": "tanh"}
    app = train(open_app(**settings)).switch_page("pages/weights.py").run()
    assert not app.exception
    assert "No chart of dead units: only those with ReLU can die, and these have tanh." in texts(app)
    assert not any("zero for every image" in words for words in chart_descriptions(app))
    assert ("Black is −" in texts(app)) == (model == "cnn")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("weights", "No path: a hidden layer is zero for all the training images that were looked at."),
        ("map", "All images lie on one point"),
        ("predict", "All zero: whatever region is covered, the probabilities stay as they are."),
    ],
)
def test_of_a_dead_network_the_pages_say_that_there_is_nothing_to_see(open_app, train, page, words):
    dead = PHENOMENA["dead-relus"].variation.with_changes(parameters={"epochs": 2})
    app = train(open_app(**spec_to_query(dead))).switch_page(f"pages/{page}.py")
    assert words in texts(app.run())
    assert not app.exception
