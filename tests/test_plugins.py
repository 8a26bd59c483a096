"""A model and a data set from outside, on every page and in every kind of training; see tests/plugin_example.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.live_server import LiveServer
from benchmarks.streamlit_client import Visitor, act

ROOT = Path(__file__).parents[1]
PAGES = ("mistakes", "weights", "predict", "map", "quiz", "data", "experiments", "compare")
EXAMPLE = {"DIGITCORE_PLUGINS": "tests.plugin_example"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A dashboard that knows both."""
    with LiveServer(tmp_path_factory.mktemp("plugins"), **EXAMPLE) as live:
        yield live


def in_python(code, **environment):
    """What a script prints in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    return process.stdout.strip() or process.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(("dataset", "model"), [("patterns", "sgd"), ("patterns", "cnn"), ("digits", "sgd")])
def test_every_page_shows_a_training_of_them(server, dataset, model):
    async def visit():
        query = {"dataset": dataset, "model": model, "epochs": "5", "learning_rate": "0.1", "validation": "cut"}
        async with Visitor(server.url, query=query) as visitor:
            await visitor.press(visitor.find("button", "Train")[0])
            await visitor.wait_until(lambda: visitor.find("button", "See its mistakes"), 60)
            for page in PAGES:
                await visitor.go_to(page)
                assert "Nothing trained yet" not in visitor.texts(), page
            # A wrong answer of the model stands in a red box, too.
            return [text for text in visitor.errors if not text.startswith("The model says")]

    assert act(visit()) == []
    assert "Traceback" not in server.read_log()


@pytest.mark.slow
def test_they_are_cross_validated_and_swept_with_an_engine(tmp_path):
    code = """
from digitcore.experiments import cross_validate, sweep
from digitcore.runs import Engine, RunSpec
spec = RunSpec(dataset="patterns", model="sgd", parameters={"epochs": 3, "learning_rate": 0.1})
if __name__ == "__main__":
    with Engine(n_workers=1) as engine:
        folds = cross_validate(spec, 2, engine=engine)
        points = sweep(spec, {"learning_rate": [0.01, 0.1]}, engine=engine)
    print(len(folds), len(points), folds["validation_accuracy"].min() > 0.5, (folds["state"] == "done").all())
"""
    assert in_python(code, **EXAMPLE, DIGITCORE_HOME=str(tmp_path)) == "2 2 True True"


def test_a_module_that_is_not_there_is_told_in_one_sentence():
    said = in_python("import digitcore.specs.run_spec", DIGITCORE_PLUGINS="no_such_module")
    assert "DIGITCORE_PLUGINS names the module 'no_such_module', which cannot be imported" in said


def test_a_name_that_is_taken_is_refused():
    code = """
from dataclasses import replace
from digitcore.models import MODELS, register_model
register_model(MODELS["mlp"])
register_model(replace(MODELS["mlp"], label="Another"))
"""
    assert "There is a model 'mlp' already" in in_python(code)


@pytest.mark.parametrize("wrong", ["image_shape=(13, 9)", "max_value=255", "n_classes=11", "n_images=601"])
def test_a_data_set_that_is_not_what_its_entry_says_is_refused(wrong):
    code = f"""
from dataclasses import replace
from digitcore.datasets import DATASETS, load_dataset, register_dataset
register_dataset(replace(DATASETS["patterns"], name="wrong", {wrong}))
load_dataset("wrong")
"""
    said = in_python("import digitcore.specs\n" + code, **EXAMPLE)
    assert "does not describe it" in said
    assert wrong.partition("=")[0] in said


def test_a_plugin_that_fails_half_way_says_the_same_again(tmp_path):
    (tmp_path / "half.py").write_text(
        "from dataclasses import replace\n"
        "from digitcore.models import MODELS, register_model\n"
        "register_model(replace(MODELS['mlp'], name='half', load=lambda: None))\n"
        "1 / 0\n"
    )
    code = """
from digitcore.models import MODELS
from digitcore.plugins import load_plugins
said = []
for _ in range(2):
    try:
        load_plugins()
    except ValueError as problem:
        said.append(str(problem))
print(len(said), len(set(said)), "ZeroDivisionError" in said[0], "half" in MODELS)
"""
    search_path = os.pathsep.join([str(tmp_path), str(ROOT)])
    assert in_python(code, DIGITCORE_PLUGINS="half", PYTHONPATH=search_path) == "2 1 True False"


def test_the_readme_shows_lines_of_the_example():
    blocks = re.findall("```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    shown = [line for block in blocks if "SGD" in block for line in block.splitlines() if line.strip()]
    assert len(shown) > 30
    example = (ROOT / "tests" / "plugin_example.py").read_text().splitlines()
    assert [line for line in shown if line not in example] == []
