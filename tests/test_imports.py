import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "digitcore").rglob("*.py"))


def imported_names(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_digitcore_never_imports_streamlit_or_pages(path):
    roots = {name.split(".")[0] for name in imported_names(path)}
    assert not roots & {"streamlit", "pages", "dashboard"}


def test_what_the_pages_import_does_not_import_torch():
    modules = (
        "digitcore.runs, digitcore.specs.links, digitcore.charts, digitcore.images.png, digitcore.insight.weight_images"
    )
    code = f"import sys, {modules}; print('torch' in sys.modules, 'streamlit' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert output.stdout.split() == ["False", "False"]


def test_the_first_page_waits_for_neither_torch_nor_scikit_learn():
    code = "import sys, pages.parts.session; print('torch' in sys.modules, 'sklearn' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert output.stdout.split() == ["False", "False"]


def test_a_worker_imports_no_algebra_when_it_starts():
    code = (
        "import sys, digitcore.worker_host.imports; from digitcore.runs.worker import warm_up; warm_up(); "
        "print('torch' in sys.modules, 'sympy' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert output.stdout.split() == ["True", "False"]


@pytest.mark.parametrize("page", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.name)
def test_a_page_imports_no_numerical_library(page):
    roots = {name.split(".")[0] for name in imported_names(page)}
    assert not roots & {"numpy", "pandas", "torch", "sklearn", "scipy", "altair"}


@pytest.mark.parametrize("path", sorted((ROOT / "pages").rglob("*.py")), ids=lambda path: path.name)
def test_no_page_lets_html_through(path):
    assert "unsafe_allow_html" not in path.read_text()
