"""The pictures of the documents are those that `make screenshots` makes."""

import importlib.util
import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("screenshots", ROOT / "docs/screenshots.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def made(script):
    return {f"{name}.png" for name in script.PICTURES} | {script.MOVING_PICTURE}


def test_every_picture_that_readme_shows_is_made_by_the_script(script):
    shown = set(re.findall(r"docs/([\w-]+\.(?:png|webp|gif))", (ROOT / "README.md").read_text()))
    assert script.MOVING_PICTURE in shown
    assert shown <= made(script)


def test_every_picture_of_the_script_is_there_and_no_other(script):
    kept = {path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".png", ".webp", ".gif")}
    assert kept == made(script)


def test_every_picture_is_taken_somewhere_in_the_script(script):
    text = (ROOT / "docs/screenshots.py").read_text()
    taken = text[text.index("def main") :]
    assert [name for name in script.PICTURES if f'"{name}"' not in taken] == []


def test_every_page_has_a_picture(script):
    pages = {path.stem for path in (ROOT / "pages").glob("*.py")} - {"__init__"}
    # Of Experiments there is one of a sweep, and one of a recipe.
    assert pages - {"experiments"} | {"sweep", "recipe"} <= set(script.PICTURES)


def test_the_moving_picture_moves_and_is_small(script):
    path = ROOT / "docs" / script.MOVING_PICTURE
    assert path.stat().st_size <= script.MOST_BYTES
    with Image.open(path) as picture:
        assert picture.n_frames >= 10
