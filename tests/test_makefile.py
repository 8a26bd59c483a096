"""The set-up of `make run`, with a Python in place of the real one that writes down how it is called."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CPU_INDEX = "--index-url https://download.pytorch.org/whl/cpu"
# A Python that suits, installs nothing and makes copies of itself as environments.
FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >> calls
if [ "$2" = venv ]; then mkdir -p .venv/bin && cp "$0" .venv/bin/python; fi
"""
TOO_OLD = "#!/bin/sh\nexit 1\n"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def set_up(tmp_path):
    """Return a function that sets up with the given Pythons; it returns the process, calls of pip and all calls."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("basename", "cp", "date", "grep", "make", "mkdir", "touch"):
        (commands / name).symlink_to(shutil.which(name))

    def run(*arguments, **pythons):
        for name, text in pythons.items():
            (commands / name.replace("_", ".")).write_text(text)
            (commands / name.replace("_", ".")).chmod(0o755)
        environment = {"PATH": str(commands)}
        command = ["make", ".venv/.run", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        calls = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
        return done, [call for call in calls if " pip install" in call], calls

    return run


@pytest.mark.parametrize("name", ["python3.11", "python3.12", "python3.13", "python3.14", "python3", "python"])
def test_any_suitable_python_will_do(set_up, name):
    done, _, calls = set_up(**{name.replace(".", "_"): FAKE})
    assert done.returncode == 0, done.stderr
    assert f"{name} -m venv .venv" in calls


def test_one_that_is_too_old_is_passed_over(set_up):
    done, _, calls = set_up(python3=TOO_OLD, python=FAKE)
    assert done.returncode == 0, done.stderr
    assert "python -m venv .venv" in calls


@pytest.mark.parametrize("pythons", [{}, {"python3": TOO_OLD}])
def test_without_a_python_one_sentence_says_what_is_missing(set_up, pythons):
    done, _, _ = set_up(**pythons)
    assert done.returncode != 0
    assert "The dashboard needs Python 3.11 to 3.14" in done.stderr
    assert "with its venv module, which is not" in done.stderr
    assert "make PYTHON=/path/to/python" in done.stderr


def test_all_comes_from_the_usual_index(set_up):
    _, (install,), _ = set_up(python3=FAKE)
    assert "-r requirements.txt -e ." in install
    assert "index-url" not in install


def test_torch_alone_comes_from_the_index_without_cuda(set_up):
    _, (torch, others), _ = set_up("TORCH=cpu", python3=FAKE)
    assert torch.endswith(f"--no-deps {CPU_INDEX} torch>=2.13.0,<2.13.1")
    assert "index-url" not in others


def test_set_up_says_what_it_does_and_how_long_it_took(set_up):
    done, _, _ = set_up(python3=FAKE)
    assert "Installing the packages into .venv" in done.stdout
    assert re.search(r"Done in \d seconds", done.stdout)


def test_a_python_that_is_not_there_is_named(set_up):
    done, _, _ = set_up("PYTHON=/nonexistent/python", python3=FAKE)
    assert done.returncode != 0
    assert "make PYTHON=/nonexistent/python names a program that is not there" in done.stderr
    assert "needs Python 3.11 to 3.14 with its venv" not in done.stderr
