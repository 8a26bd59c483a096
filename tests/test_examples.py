"""The examples run as a newcomer would run them: in a directory of their own."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIRST_STEPS = ROOT / "examples" / "first_steps.py"


@pytest.fixture(scope="module")
def first_steps(tmp_path_factory):
    """Return the directory in which the example has run, and what it printed."""
    directory = tmp_path_factory.mktemp("first_steps")
    command = [sys.executable, str(FIRST_STEPS)]
    done = subprocess.run(
        command, cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return directory, done.stdout, done.stderr


def test_the_example_tells_accuracy_and_interval(first_steps):
    _, out, _ = first_steps
    accuracy, low, high = map(float, re.search(r"accuracy (\S+) \(95 % interval (\S+) to (\S+)\)", out).groups())
    assert 0.9 < low < accuracy < high <= 1
    assert "Dataset('digits', 1797 images of 8 × 8 pixels, 10 classes)" in out
    assert "450 images" in out


def test_the_example_shows_a_progress_bar(first_steps):
    assert "MLP" in first_steps[2]
    assert "30/30" in first_steps[2]


def test_the_example_keeps_a_chart_and_the_model(first_steps):
    directory, out, _ = first_steps
    assert {path.name for path in directory.iterdir()} == {"confusion.html", "digits.safetensors"}
    assert "Confusion matrix of 10 classes" in (directory / "confusion.html").read_text()
    assert out.endswith("The loaded model predicts the same: True\n")


@pytest.fixture(scope="module")
def comparison():
    """Return the lines of README.md that compare two models."""
    blocks = re.findall("```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (block,) = [block for block in blocks if "digitcore.compare(" in block]
    return block


@pytest.mark.slow
def test_the_comparison_in_the_readme_says_which_model_is_better(comparison, tmp_path):
    script = tmp_path / "comparison.py"
    script.write_text(comparison)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DIGITCORE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.match(
        r"cnn is better by \d\.\d points on average over 5 seeds \(\d\.\d to \d\.\d\); it is ahead", done.stdout
    )
    assert "On other images like these 450, cnn " in done.stdout


def test_the_comparison_in_the_readme_has_at_most_ten_lines(comparison):
    assert len([line for line in comparison.splitlines() if line.strip()]) <= 10


def test_the_example_is_short():
    tree = ast.parse(FIRST_STEPS.read_text())
    lines = {line for statement in tree.body[1:] for line in range(statement.lineno, statement.end_lineno + 1)}
    assert len(lines) < 25
