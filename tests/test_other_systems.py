"""The package on a system that is not POSIX, such as Windows, as far as that can be had here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "digitcore").rglob("*.py")
    # The second is run by alembic, not imported.
    if path.name not in ("__main__.py", "env.py")
)

# Python runs this at the start of each process, so of the host of the workers, the workers and their children, too.
SITE = """
import asyncio, multiprocessing, os, sys
import locket, psutil  # on Linux these need some of what is taken away

for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("killpg", "nice", "sched_setscheduler", "SCHED_BATCH"):
    delattr(os, name)
asyncio.SelectorEventLoop.add_signal_handler = asyncio.AbstractEventLoop.add_signal_handler
multiprocessing.get_all_start_methods = lambda: ["spawn"]
"""

TRAIN = """
from digitcore.runs import Engine, RunSpec

SETTINGS = {
    "softmax": {"epochs": 40, "learning_rate": 0.5},
    "mlp": {"epochs": 20, "learning_rate": 0.1, "batch_size": 32, "hidden_units": "64"},
}

if __name__ == "__main__":
    with Engine(n_workers=1) as engine:
        for model, parameters in SETTINGS.items():
            run = engine.wait(engine.submit(RunSpec(dataset="digits", model=model, parameters=parameters)).digest)
            print(run.state, run.evaluation.parts["test"].accuracy)
        missing = engine.workers.cluster.client.run(lambda: __import__("sys").modules["fcntl"])
        assert set(missing.values()) == {None}, "the workers have what was to be taken from them"
"""


@pytest.fixture
def run_elsewhere(tmp_path):
    """Return a function that runs a program without what only POSIX has, and returns what it prints."""
    (tmp_path / "sitecustomize.py").write_text(SITE)
    search_path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": search_path, "DIGITCORE_HOME": str(tmp_path / "home")}

    def run(code):
        program = tmp_path / "program.py"
        program.write_text(code)
        command = [sys.executable, "-W", "ignore:only soft file lock", str(program)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_every_module_is_imported(run_elsewhere):
    run_elsewhere(f"import importlib\nfor module in {MODULES}:\n    importlib.import_module(module)")


@pytest.mark.slow
def test_an_engine_trains(run_elsewhere):
    lines = [line.split() for line in run_elsewhere(TRAIN).splitlines()]
    assert [state for state, _ in lines] == ["done", "done"]
    assert min(float(accuracy) for _, accuracy in lines) > 0.9
