import time

import pytest

from pages.parts import session
from tests.pages.conftest import announced, chart_descriptions, open_link, texts, widget


def chosen(app, label, value):
    next(widget for widget in app.segmented_control if widget.label == label).set_value(value).run()
    return app


def test_the_map_is_there_at_once(trained):
    app = trained.switch_page("pages/map.py").run()
    assert not app.exception
    assert not app.error
    assert "Drag a rectangle over some points" in texts(app)
    compare_by = widget(app.segmented_control, "Compare by")
    hidden = [] if app.session_state["spec"].model == "softmax" else ["Last hidden layer"]
    assert compare_by.options == [*hidden, "Pixels"]
    assert compare_by.value == ("hidden" if hidden else "pixels")


def test_the_pixels_are_mapped(trained_mlp):
    app = chosen(trained_mlp.switch_page("pages/map.py").run(), "Compare by", "pixels")
    assert not app.exception
    assert not app.error
    assert "Drag a rectangle" in texts(app)


def test_a_rectangle_can_be_typed(trained):
    app = trained.switch_page("pages/map.py").run()
    across = next(slider for slider in app.slider if slider.label == "From left to right (%)")
    across.set_value((0, 100)).run()
    assert "Drag a rectangle" in texts(app)
    across.set_value((0, 50)).run()
    assert not app.exception
    assert "images in the rectangle, wrong ones first" in texts(app)


def test_tsne_is_made_in_a_worker(trained_mlp):
    app = chosen(trained_mlp.switch_page("pages/map.py").run(), "Method", "tsne")
    assert "t-SNE is running" in texts(app)
    assert announced(app) == ["t-SNE has started."]
    deadline = time.monotonic() + 120
    while "t-SNE is running" in texts(app):
        assert time.monotonic() < deadline
        time.sleep(0.5)
        app.run()
    assert not app.exception
    assert "Drag a rectangle over some points" in texts(app)
    assert announced(app) == ["t-SNE has ended."]


def test_a_map_that_is_opened_later_is_not_announced(trained_mlp):
    app = chosen(trained_mlp.switch_page("pages/map.py").run(), "Method", "tsne")
    deadline = time.monotonic() + 120
    while "Drag a rectangle over some points" not in texts(app):
        assert time.monotonic() < deadline
        time.sleep(0.5)
        app.run()
    other = chosen(open_link("map", run=app.query_params["run"]), "Method", "tsne")
    assert "Drag a rectangle over some points" in texts(other)
    assert announced(other) == []


@pytest.mark.parametrize("part", ["train", "test"])
def test_every_part_has_its_map(trained_mlp, part):
    app = chosen(trained_mlp.switch_page("pages/map.py").run(), "Part", part)
    assert not app.exception
    n_images = getattr(session.split_of(app.session_state["spec"]), part).n_images
    assert any(each.startswith(f"{n_images} images as points") for each in chart_descriptions(app))
