"""What stands where: the menu, rows of choices, and the images beside the matrix. What only a browser can tell of
widths is in tests/browser/test_narrow_screens.py."""

import itertools

import pytest
from streamlit.testing.v1.element_tree import Block

from pages.parts import layout, shared
from tests.pages.conftest import button, grids, heading_levels, texts, widget


def block_of(block, wanted):
    """The innermost block of a page that holds an element directly."""
    for child in block.children.values():
        if child is wanted:
            return block
        if isinstance(child, Block) and (found := block_of(child, wanted)):
            return found
    return None


def row_of(app, wanted):
    """The proto of the horizontal container that an element stands in directly."""
    container = block_of(app.main, wanted).proto.flex_container
    assert container.direction == container.HORIZONTAL
    return container


def test_a_menu_names_all_pages(open_fresh_app):  # where a run is shown, there are links to its pages, too
    labels = [link.label for link in open_fresh_app().page_link]
    shown = "Train Phenomena Steps Mistakes Weights Predict Experiments Compare Map Quiz Data"
    assert labels == shown.split()


@pytest.mark.parametrize(
    ("page", "kind", "label"),
    [
        ("mistakes", "segmented_control", "Part"),
        ("map", "segmented_control", "Part"),
        ("map", "segmented_control", "Compare by"),
        ("map", "segmented_control", "Method"),
        ("quiz", "segmented_control", "Part"),
        ("predict", "multiselect", "Also ask"),
        ("weights", "toggle", "Play"),
    ],
)
def test_the_choices_of_a_page_stand_in_one_row(open_app, train, page, kind, label):
    for model in ("softmax", "mlp"):  # two runs of the same data set, for *Also ask*
        app = train(open_app(model=model, epochs="3", batch_size="64"))
    app.switch_page(f"pages/{page}.py").run()
    run, other = widget(app.selectbox, "Run"), widget(app.get(kind), label)
    assert block_of(app.main, run) is block_of(app.main, other)
    row_of(app, run)


def test_the_images_of_a_cell_stand_beside_the_matrix(trained_mlp):
    app = trained_mlp.switch_page("pages/mistakes.py").run()
    left, right = app.columns[:2]
    assert left.get("vega_lite_chart")
    assert right.header[0].value == "The images behind it"
    assert {"True class", "Taken for", "Order"} <= {box.label for box in right.selectbox}


def test_a_recipe_leaves_the_sidebar_empty(open_app):
    app = open_app().switch_page("pages/experiments.py").run()
    assert app.sidebar.children
    app.segmented_control[0].set_value("recipe").run()
    assert not app.exception
    assert not app.sidebar.children


@pytest.mark.parametrize(("hidden", "wide", "narrow"), [("30", 10, 5), ("32", 8, 4), ("128", 10, 5)])
def test_the_weights_of_a_layer_fill_their_rows(open_app, train, hidden, wide, narrow):
    app = train(open_app(model="mlp", hidden_units=hidden, epochs="2", batch_size="64"))
    grid = grids(app.switch_page("pages/weights.py").run())[0]
    assert (grid["wide"], grid["narrow"]) == (wide, narrow)
    assert grid["n"] % wide == 0


def test_what_is_on_its_way_has_a_place(open_app, train):
    # Of its own seed: no other test may have made its map before.
    app = train(open_app(model="mlp", epochs="3", batch_size="64", seed="55"))
    app.switch_page("pages/map.py").run()
    widget(app.segmented_control, "Method").set_value("tsne").run()
    assert len(app.get("skeleton")) == 1


def test_an_empty_page_has_a_sign_and_not_only_words(open_fresh_app):
    app = open_fresh_app()
    (info,) = app.info
    assert info.icon
    for page in ("mistakes", "experiments", "compare"):
        app.switch_page(f"pages/{page}.py").run()
        assert [image.alt[:12] for each in app.get("image") for image in each.proto.imgs] == ["An example: "]
        assert "An example of what comes here" in texts(app)


@pytest.mark.parametrize(
    ("page", "label"),
    [
        ("train", "See its mistakes"),
        ("experiments", "Start"),
        ("quiz", "Start"),
        ("steps", "One batch"),
        ("mistakes", "Measure robustness"),
        ("mistakes", "Look for wrong labels"),
    ],
)
def test_buttons_that_start_something_have_one_width(trained_mlp, page, label):
    app = trained_mlp.switch_page(f"pages/{page}.py").run()
    start = button(app, label)
    assert block_of(app.main, start).proto.width_config.pixel_width == layout.BUTTON_WIDTH


def skipped_levels(levels):
    """The levels that a heading leaves out after the one before it."""
    return [after - 1 for before, after in itertools.pairwise([0, *levels]) if after > before + 1]


@pytest.mark.parametrize(
    "page", ["train", "phenomena", "mistakes", "weights", "predict", "experiments", "compare", "map", "quiz", "data"]
)
def test_headings_skip_no_level_below_the_one_title_of_a_page(open_app, train, page):
    for model in ("mlp", "softmax"):
        app = train(open_app(model=model, epochs="3", batch_size="64"))
    if page == "compare":
        app.query_params["runs"] = ",".join(run.digest for run in shared.engine().store.recent()[:2])
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    levels = heading_levels(app.main)
    assert levels.count(1) == 1
    assert skipped_levels(levels) == []
    # A form beside the page has no title: its groups are sections of the page.
    assert set(heading_levels(app.sidebar)) <= {2}
    assert len(levels) > 1 or page in ("experiments", "map", "quiz")
