"""What is chosen on a page is in its address: a link brings it back, and a hostile one breaks nothing."""

import pytest

from digitcore.experiments import Axis, Sweep
from digitcore.runs import RunSpec
from digitcore.specs.links import spec_to_query
from digitcore.specs.views import VIEWS
from pages.parts import session, shared
from tests.pages.conftest import SECONDS, button, forget_engine, open_link, said, widget
from tests.waiting import wait_for


def spec(model, epochs, seed=0):
    parameters = {"epochs": epochs, "batch_size": 64, **({"learning_rate": 0.1} if model == "softmax" else {})}
    return RunSpec(dataset="digits", model=model, parameters=parameters, random_state=seed)


SOFTMAX, OTHER, MLP, CNN = spec("softmax", 30), spec("softmax", 5), spec("mlp", 3), spec("cnn", 2)
RUNS = f"{SOFTMAX.digest},{OTHER.digest},{MLP.digest}"


@pytest.fixture(scope="module", autouse=True)
def trained_runs(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("DIGITCORE_HOME", str(tmp_path_factory.mktemp("linked")))
    forget_engine()
    specs = [SOFTMAX, OTHER, MLP, CNN]
    for each in specs:
        shared.engine().submit(each)
    for each in specs:
        assert shared.engine().wait(each.digest, 3 * SECONDS).state == "done"
    yield
    forget_engine()
    patch.undo()


def check_whole(app):
    assert not app.exception
    assert [error.value for error in app.error if "The model says" not in error.value] == []


# Every parameter of a page with another value than its default.
LINKS = {
    "mistakes": [
        {
            "run": SOFTMAX.digest,
            "part": "train",
            "truth": "8",
            "taken_for": "1",
            "cells": "row_pct",
            "scale": "linear",
            "order": "random",
            "draw": "3",
            "confidence": "20~90",
            "images": "45",
            "wrong_only": "no",
            "chart": "Selective prediction",
            "robustness": "yes",
            "second_run": OTHER.digest,
            "labels": "yes",
        }
    ],
    "weights": [
        {"run": MLP.digest, "order": "number", "shown_epoch": "1", "layer": "output", "open_paths": "yes"},
        {"run": CNN.digest, "image": "12"},
        {
            "run": MLP.digest,
            "pruned": "40",
            "noise": "0.1",
            "units": "1,3",
            "times": "0.5",
            "temperature": "2.0",
        },
    ],
    "predict": [
        {
            "run": SOFTMAX.digest,
            "also": f"{OTHER.digest},{MLP.digest}",
            "part": "all",
            "image": "77",
            "open_changes": "yes",
            "rotation": "-30",
            "shift_x": "0.1",
            "shift_y": "-0.05",
            "scale": "1.2",
            "thickness": "0.25",
            "blur": "0.5",
            "noise": "0.1",
            "why": "6",
            "why_beside": "9",
        },
        {"run": SOFTMAX.digest, "source": "draw"},
    ],
    "experiments": [
        {"k": "7", "stratified": "yes"},
        {"kind": "learning-curve", "sizes": "100, 200", "repeats": "2"},
        {"kind": "recipe", "published": "mnist-dense", "seeds": "3"},
        {"kind": "learning-rate", "from": "0.0001", "to": "2", "batches": "100"},
        {
            "epochs": "7",
            "open_split": "yes",
            "open_more": "yes",
            "open_augmentation": "yes",
            "kind": "sweep",
            "vary": "learning_rate,optimizer,batch_size",
            "vary.learning_rate.from": "0.002",
            "vary.learning_rate.to": "0.5",
            "vary.learning_rate.n": "4",
            "vary.learning_rate.spacing": "linear",
            "vary.optimizer.values": "sgd",
            "vary.batch_size.how": "List",
            "vary.batch_size.values": "16, 32",
            "seeds": "2",
            "points": "10",
            "factor": "3",
        },
    ],
    "compare": [
        {
            "runs": RUNS,
            "search": "digits",
            "order": "-test_accuracy",
            "data": "digits",
            "models": "softmax,mlp",
            "background": "yes",
            "archived": "yes",
            "each": "yes",
            "part": "train",
            "all_settings": "yes",
            "curve": "train_loss",
            "over": "seconds",
            "smoothing": "0.35",
            "a": OTHER.digest,
            "b": SOFTMAX.digest,
            "show": "only_b",
            "images": "35",
            "truth": "8",
            "taken_for": "1",
        }
    ],
    "map": [
        {"run": MLP.digest, "part": "train", "compare_by": "pixels", "across": "20~60", "up": "0~70"},
        {"run": SOFTMAX.digest, "open_rectangle": "yes", "x": "-0.5~1.25", "y": "-1~2"},
    ],
    "quiz": [{"run": SOFTMAX.digest, "part": "train", "kind": "mix", "images": "12", "clock": "yes", "tell": "yes"}],
    "data": [{"dataset": "digits", "pixels_of": "99"}],
    "train": [
        {"model": "softmax", "epochs": "77", "run": MLP.digest},
        {"epochs": "77", "run": MLP.digest, "baseline": SOFTMAX.digest, "difference": "yes", "log": "yes"},
        {"epochs": "77", "run": MLP.digest, "present": "yes", "controls": "learning_rate,seed", "locked": "yes"},
        {
            **spec_to_query(SOFTMAX),
            "open_split": "yes",
            "open_more": "yes",
            "open_augmentation": "yes",
            "open_layers": "yes",
        },
        {"epochs": "77", "run": MLP.digest, "phenomenon": "momentum"},
    ],
    "phenomena": [{}],
    "steps": [
        {"pace": "50", "layer": "output", "unit": "3"},
        {"epochs": "7", "open_split": "yes", "open_more": "yes", "open_augmentation": "yes"},
    ],
}


@pytest.mark.parametrize(("page", "query"), [(page, query) for page, links in LINKS.items() for query in links])
def test_a_link_opens_the_view_and_the_address_still_says_so(page, query):
    app = open_link(page, **query)
    check_whole(app)
    link = app.session_state["link"]
    assert link.problems == []
    assert set(link.view) <= link.taken
    written = {name: value for name, value in query.items() if name != "dataset"}  # the default one
    assert app.query_params == written
    app.run()
    check_whole(app)
    assert app.query_params == written


def test_every_parameter_is_tried():
    tried = {page: {name for query in links for name in query} for page, links in LINKS.items()}
    needs_more = {"tags", "page", "spread", "matrix", "method", "shown", "images", "member", "open_recipe"}
    needs_more |= {"severity", "corrupted_image", "open_figures"}  # test_robustness_page.py
    assert [name for page, names in VIEWS.items() for name in set(names) - tried[page] - needs_more] == []


@pytest.mark.parametrize("value", ["", "nan", "9" * 150, "💥,💥", "1~2~3"])
@pytest.mark.parametrize("page", list(VIEWS))
def test_values_that_mean_nothing_are_told_or_ignored(page, value):
    subject = {"compare": {"runs": RUNS}, "train": {}, "experiments": {"kind": "sweep"}, "data": {}}
    swept = [f"vary.learning_rate.{what}" for what in ("how", "from", "to", "n", "spacing")]
    names = [*VIEWS[page], *(swept if page == "experiments" else [])]
    own = subject.get(page, {"run": MLP.digest})
    app = open_link(page, **{**{name: value for name in names if name != "search"}, **own})
    assert not app.exception
    assert not any("Something unexpected" in error.value for error in app.error)
    for problem in app.session_state["link"].problems:
        assert problem.startswith("In the link, ") and len(problem) < 400
        assert problem in said(app)


def test_a_parameter_of_another_page_leaves_the_address():
    app = open_link("weights", run=MLP.digest, chart="Confidence", foo="1")
    check_whole(app)
    assert app.query_params == {"run": MLP.digest}


def test_what_is_chosen_goes_into_the_address_and_at_its_default_out_of_it():
    app = open_link("mistakes", run=SOFTMAX.digest)
    assert app.query_params == {"run": SOFTMAX.digest}
    widget(app.segmented_control, "Cells show").set_value("row_pct").run()
    widget(app.slider, "Images").set_value(30).run()
    assert app.query_params == {"run": SOFTMAX.digest, "cells": "row_pct", "images": "30"}
    widget(app.segmented_control, "Cells show").set_value("count").run()
    assert app.query_params == {"run": SOFTMAX.digest, "images": "30"}


def test_a_link_starts_no_search_and_shows_one_that_is_known():
    link = {"run": SOFTMAX.digest, "labels": "yes", "robustness": "yes"}
    app = open_link("mistakes", **link)
    assert said(app).count("press the button to start it here") == 2
    assert shared.engine().computations.under_way() == []
    button(app, "Look for wrong labels").click().run()
    assert said(app).count("press the button to start it here") == 1
    assert app.query_params == link
    button(app, "Measure robustness").click().run()
    # They are in work: somebody else who opens the link waits for them, too.
    other = open_link("mistakes", **link)
    for each in (app, other):
        check_whole(each)
        labels = [widget.label for widget in each.button]
        assert "Look for wrong labels" not in labels and "Measure robustness" not in labels
    wait_for(lambda: not shared.engine().computations.under_way(), "the search")


def test_a_link_opens_the_row_of_an_experiment():
    sweep = Sweep(SOFTMAX, (Axis.of("epochs", [5, 30]),))
    shared.experiments().start(sweep)
    shared.experiments().wait(sweep.digest, SECONDS)
    app = open_link("experiments", kind="sweep", experiment=sweep.digest, member=OTHER.digest)
    check_whole(app)
    assert app.query_params["member"] == OTHER.digest
    button(app, "Open this run").click().run()
    assert app.session_state["shown_run"] == OTHER.digest


def test_what_is_unfolded_goes_into_the_address_and_out_of_it():
    app = open_link("predict", run=SOFTMAX.digest)
    assert [box.proto.expanded for box in app.expander if box.label == "Change the image"] == [False]
    app = open_link("predict", run=SOFTMAX.digest, open_changes="yes")
    assert [box.proto.expanded for box in app.expander if box.label == "Change the image"] == [True]
    app.session_state["open_changes"] = False
    app.run()
    assert "open_changes" not in app.query_params


def test_a_random_order_is_drawn_again_from_the_link():
    app = open_link("mistakes", run=SOFTMAX.digest, part="train", order="random")
    button(app, "Draw again").click().run()
    button(app, "Draw again").click().run()
    assert app.query_params["draw"] == "2"
    assert "(seed 2)" in said(open_link("mistakes", **app.query_params))


def test_a_linked_rectangle_of_the_map_shows_its_images():
    app = open_link("map", run=SOFTMAX.digest, x="-1000~1000", y="-1000~1000")
    n_images = shared.engine().run(SOFTMAX.digest).figures["test"].n_images
    assert f"60 of {n_images} images in the rectangle" in said(app)
    widget(app.slider, "From left to right (%)").set_value((40, 60)).run()
    assert f"of {n_images} images" not in said(app)
    assert app.query_params == {"run": SOFTMAX.digest, "across": "40~60"}


def test_back_brings_the_view_of_the_address(monkeypatch):
    app = open_link("mistakes", run=SOFTMAX.digest, images="30", cells="row_pct")
    widget(app.selectbox, "Run").set_value(MLP.digest).run()
    widget(app.slider, "Images").set_value(60).run()
    widget(app.segmented_control, "Part").set_value("train").run()
    monkeypatch.setattr(session, "came_through_history", lambda: True)
    app.query_params.clear()
    app.query_params.update(run=SOFTMAX.digest, images="30")
    app.run()
    check_whole(app)
    assert widget(app.selectbox, "Run").value == SOFTMAX.digest
    assert widget(app.slider, "Images").value == 30
    assert widget(app.segmented_control, "Part").value == "test"
    assert widget(app.segmented_control, "Cells show").value == "count"
    assert app.query_params == {"run": SOFTMAX.digest, "images": "30"}


def test_back_brings_an_earlier_comparison(monkeypatch):
    app = open_link("compare", runs=f"{SOFTMAX.digest},{OTHER.digest}")
    widget(app.multiselect, "Compared").set_value([SOFTMAX.digest, MLP.digest]).run()
    monkeypatch.setattr(session, "came_through_history", lambda: True)
    app.query_params["runs"] = f"{SOFTMAX.digest},{OTHER.digest}"
    app.run()
    check_whole(app)
    assert widget(app.multiselect, "Compared").value == [SOFTMAX.digest, OTHER.digest]


def test_back_brings_the_settings_of_the_form(monkeypatch):
    app = open_link("train", model="softmax", epochs="20")
    next(each for each in app.select_slider if each.label == "Epochs").set_value("50").run()
    assert app.query_params["epochs"] == "50"
    monkeypatch.setattr(session, "came_through_history", lambda: True)
    app.query_params["epochs"] = "20"
    app.run()
    check_whole(app)
    assert app.session_state["spec"].parameters["epochs"] == 20


def test_data_shows_the_parts_that_its_link_asks_for():
    app = open_link("train", model="softmax")
    app.query_params.clear()
    wanted = SOFTMAX.with_changes(split={"test_size": 0.4})
    app = open_link("data", **spec_to_query(wanted))
    check_whole(app)
    assert app.session_state["spec"].split.test_size == 0.4
    assert app.query_params["test_size"] == "0.4"
