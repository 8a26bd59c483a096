"""How to read each view: three sentences and a picture, on the page of the view."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from digitcore.images import palette
from pages.parts.reading.guides import GUIDES
from pages.parts.reading.reading_guide import RAMPS, picture
from tests.pages.conftest import texts, widget

FOLDER = Path(__file__).parents[2] / "pages" / "parts" / "reading"
PAGES = (palette.rgb("#ffffff"), palette.rgb("#0e1117"))
SVG = "{http://www.w3.org/2000/svg}"


def shown_guides(app):
    said = texts(app)
    return {name for name, guide in GUIDES.items() if " ".join(guide.sentences) in said}


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_has_three_sentences(name):
    for sentence in GUIDES[name].sentences:
        assert len(re.findall(r"\.(?=\s|$)", sentence)) == 1
        assert sentence.endswith(".")


@pytest.mark.parametrize("name", GUIDES)
def test_a_picture_is_small_and_legible_on_light_and_dark(name):
    drawn = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert len(drawn.encode()) < 20_000
    root = ElementTree.fromstring(drawn)
    marks = [*root.iter(f"{SVG}text"), *root.iter(f"{SVG}polyline"), *root.iter(f"{SVG}circle")]
    colors = {each.get(kind) for each in marks for kind in ("fill", "stroke")} - {None, "none", "currentColor"}
    if name == "heat":  # its figures stand on cells
        colors -= {"#000000", "#ffffff"}
    faint = {color for color in colors for page in PAGES if palette.contrast(palette.rgb(color), page) < 3}
    assert faint == set()


def test_a_picture_takes_the_ink_of_its_page():
    assert palette.TILE_LIGHT in picture("curves", theme="dark")
    assert palette.TILE_DARK in picture("curves", theme="light")
    assert "currentColor" not in picture("curves", theme="light")


def cells(drawn):
    """The colours of the cells of a picture."""
    rectangles = ElementTree.fromstring(drawn).iter(f"{SVG}rect")
    return [each.get("fill") for each in rectangles if each.get("fill") != "none"]


@pytest.mark.parametrize("name", ["confusion", "heat"])
def test_the_fullest_cell_of_a_picture_stands_out_most_on_both_pages(name):
    fullest = []
    for theme, page in zip(("light", "dark"), PAGES, strict=True):
        contrasts = [palette.contrast(palette.rgb(color), page) for color in cells(picture(name, theme=theme))]
        fullest.append(contrasts.index(max(contrasts)))
        assert max(contrasts) > 10
    assert fullest[0] == fullest[1]


@pytest.mark.parametrize("name", RAMPS)
def test_the_cells_of_a_picture_follow_the_theme(name):
    assert cells(picture(name, theme="light")) != cells(picture(name, theme="dark"))


def test_a_colour_that_is_not_of_a_ramp_has_no_dark_twin():
    assert palette.dark_twin("#0f9488", palette.SEQUENTIAL_STOPS) == "#0f9488"
    assert palette.dark_twin("#20297f", palette.SEQUENTIAL_STOPS) == "#e0e6ff"


def test_every_picture_has_its_guide():
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(GUIDES)


@pytest.mark.parametrize(
    ("page", "guides"),
    [
        ("train", {"curves"}),
        ("mistakes", {"confusion", "reliability", "robustness"}),
        ("weights", {"weights", "distributions"}),
        ("predict", {"probability", "why"}),
        ("map", {"map"}),
        ("steps", {"batch_losses"}),
        ("data", {"class_balance"}),
    ],
)
def test_each_view_has_its_guide_on_its_page(trained_mlp, page, guides):
    app = trained_mlp.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert shown_guides(app) == guides


def test_the_guide_follows_the_view(trained_mlp):
    app = trained_mlp.switch_page("pages/mistakes.py").run()
    widget(app.segmented_control, "View").set_value("Selective prediction").run()
    assert shown_guides(app) == {"confusion", "coverage", "robustness"}
