"""The dashboard's mark and icons, and the theme that its pictures follow."""

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from pages.parts import look

ROOT = Path(__file__).parents[2]
ASSETS = sorted((ROOT / "pages/assets").iterdir())


def calls(path, name):
    """The keyword arguments of every call of a function in a file, by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
            yield {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}


def test_every_page_has_an_icon_of_its_own():
    icons = [call["icon"] for call in calls(ROOT / "dashboard.py", "Page")]
    assert len(icons) == len(set(icons)) == 11


def test_the_browsers_tab_has_the_mark():
    (page,) = calls(ROOT / "dashboard.py", "set_page_config")
    assert page["page_icon"] == "look.MARK"
    assert Path(look.MARK) in ASSETS


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_a_picture_of_the_look_is_a_drawing_that_loads_nothing(path):
    drawing = ElementTree.fromstring(path.read_text())
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [element for element in drawing.iter() if any("href" in name for name in element.attrib)]


@pytest.mark.parametrize(("told", "theme"), [("dark", "dark"), ("light", "light"), (None, "light")])
def test_pictures_take_the_theme_that_the_browser_tells(monkeypatch, told, theme):
    class Context:
        class theme:
            type = told

    monkeypatch.setattr(look.st, "context", Context)
    assert look.theme() == theme
