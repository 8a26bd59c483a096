"""The house is as its documents say: imports run downwards, names stay private, and the paths in the tables exist."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up; a floor imports its own and those below it.
FLOORS = (
    "errors",
    "wording",
    "glossary",
    "directories",
    "parameters",
    "registration",
    "server_settings",
    "images",
    "datasets",
    "models",
    "charts",
    "evaluation",
    "insight",
    "quiz",
    "plugins",
    "specs",
    "worker_host",
    "runs",
    "experiments",
    "hosting",
)
# Run in the host's own process, where they load what its workers train with.
IN_ANOTHER_PROCESS = {ROOT / "digitcore/worker_host" / name for name in ("imports.py", "servers.py")}
MODULES = sorted((ROOT / "digitcore").rglob("*.py"))
ALL_MODULES = [*MODULES, *sorted((ROOT / "pages").rglob("*.py"))]


def floor_of(path):
    return path.relative_to(ROOT / "digitcore").parts[0].removesuffix(".py")


def imports_of(path):
    """Modules of this project that a file imports, each with the names that it takes from them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names if alias.name.startswith(("digitcore", "pages")))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("digitcore", "pages")):
            yield node.module, [alias.name for alias in node.names]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path):
    if path == ROOT / "digitcore" / "__init__.py" or path in IN_ANOTHER_PROCESS:
        return
    floor = FLOORS.index(floor_of(path))
    for module, names in imports_of(path):
        assert not module.startswith("pages")
        parts = module.split(".")
        for imported in parts[1:2] or names:
            assert FLOORS.index(imported) <= floor, f"{floor_of(path)} imports {imported}"


@pytest.mark.parametrize("path", ALL_MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_imports_a_private_name_of_another(path):
    private = [name for module, names in imports_of(path) for name in names if name.startswith("_")]
    assert private == []


@pytest.mark.parametrize("path", [path for path in ALL_MODULES if path.name == "__init__.py"], ids=str)
def test_a_packages_face_defines_nothing(path):
    tree = ast.parse(path.read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert defined <= {"__getattr__", "__dir__"}  # what loads names when they are used


def test_no_two_files_of_a_floor_share_a_name():
    own = Counter((floor_of(path), path.name) for path in MODULES if not path.name.startswith("__"))
    assert [name for name, n in own.items() if n > 1] == []


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_paths_in_the_documents_exist(document):
    text = (ROOT / document).read_text()
    paths = set(re.findall(r"`((?:digitcore|pages|tests|benchmarks|docs)/[\w/.]+|dashboard\.py)`", text))
    assert paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_room_is_on_the_map():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {
        path.name for path in (ROOT / "digitcore").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    missing = [room for room in rooms - {"__init__.py"} if room not in text]
    assert missing == []
