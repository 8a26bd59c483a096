"""What is imported is declared, once and with bounds, where it is needed."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What is used where it is there.
OPTIONAL = {"tqdm"}
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")


def name_of(requirement):
    """Return the name of the distribution in a requirement, in the spelling that names are compared in."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def own_lines(file):
    """Return the requirements in a file, without those of files that it includes."""
    lines = (line.strip() for line in (ROOT / file).read_text().splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def declared_in(file):
    """Return the names of the distributions that a file installs."""
    with_included = [*own_lines(file), *(own_lines("requirements.txt") if file != "requirements.txt" else [])]
    return {name_of(line) for line in with_included}


def python_files(*places):
    for place in places:
        yield from [ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py")


def imported_by(*places):
    """Return the names of the distributions that the code in some places imports."""
    own = {path.stem for path in python_files("tests", "benchmarks")} | {"digitcore", "pages", "benchmarks", "tests"}
    distributions = packages_distributions()
    return {
        name_of(distributions.get(root, [root])[0])
        for path in python_files(*places)
        for root in imported_roots(path) - own - sys.stdlib_module_names
    }


def imported_roots(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def all_requirements():
    yield from PROJECT["dependencies"]
    for requirements in PROJECT["optional-dependencies"].values():
        yield from requirements
    for file in FILES:
        yield from own_lines(file)


def test_the_package_declares_what_it_imports():
    assert imported_by("digitcore") <= {name_of(each) for each in PROJECT["dependencies"]} | OPTIONAL


@pytest.mark.parametrize(
    ("file", "places"),
    [
        ("requirements.txt", ["digitcore", "pages", "dashboard.py"]),
        ("requirements-dev.txt", ["digitcore", "pages", "dashboard.py", "tests"]),
        ("requirements-bench.txt", ["benchmarks"]),
    ],
)
def test_a_file_declares_what_its_code_imports(file, places):
    assert imported_by(*places) <= declared_in(file) | OPTIONAL


def test_the_dashboard_has_all_that_the_package_has():
    assert set(PROJECT["dependencies"]) <= set(own_lines("requirements.txt"))


def test_a_distribution_has_the_same_versions_everywhere():
    versions = {}
    for requirement in all_requirements():
        versions.setdefault(name_of(requirement), set()).add(requirement)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("requirement", sorted(set(all_requirements())))
def test_versions_have_both_bounds(requirement):
    assert re.search(r">=[\d.]+,<[\d.]+", requirement)
