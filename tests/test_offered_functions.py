"""Every function that a package of digitcore offers is named by some test."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in (ROOT / "digitcore").rglob("__init__.py")
    if "__all__" in path.read_text()
)
NAMED = {
    word
    for path in (ROOT / "tests").rglob("*.py")
    for word in re.findall(r"\w+", path.read_text())
    if path != Path(__file__)
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_test_names_every_public_function(package):
    module = importlib.import_module(package)
    functions = {name for name in module.__all__ if inspect.isroutine(getattr(module, name))}
    assert functions <= NAMED, f"no test names {sorted(functions - NAMED)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package):
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
