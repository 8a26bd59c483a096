"""``import digitcore``: what it offers, and how little it costs."""

import importlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import digitcore

ROOT = Path(__file__).parents[1]
HOMES = {
    "CNN": "digitcore.models.cnn",
    "MLP": "digitcore.models.mlp",
    "SoftmaxRegression": "digitcore.models.softmax",
    "Engine": "digitcore.runs.engine",
    "Store": "digitcore.runs.store",
    "RunSpec": "digitcore.specs.run_spec",
    "Dataset": "digitcore.datasets.dataset",
    "load_dataset": "digitcore.datasets.registry",
    "split": "digitcore.datasets.splits",
    "evaluate": "digitcore.evaluation.metrics",
    "load_model": "digitcore.models.files",
    "compare": "digitcore.experiments.comparison",
    "cross_validate": "digitcore.experiments.run_plan",
    "sweep": "digitcore.experiments.run_plan",
    "learning_curve": "digitcore.experiments.run_plan",
    "Range": "digitcore.experiments.axes",
}


def output_of(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.mark.parametrize("name", HOMES)
def test_a_public_name_is_what_its_module_defines(name):
    assert getattr(digitcore, name) is getattr(importlib.import_module(HOMES[name]), name)


def test_train_is_train_spec():
    from digitcore.runs import train_spec

    assert digitcore.train is train_spec


def test_all_and_dir_name_what_is_public():
    assert set(digitcore.__all__) == {*HOMES, "train", "__version__"}
    assert set(dir(digitcore)) > set(digitcore.__all__)
    assert all(hasattr(digitcore, name) for name in dir(digitcore))


def test_the_version_is_that_of_the_installed_package():
    assert digitcore.__version__ == importlib.metadata.version("digitcore")


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'digitcore' has no attribute 'Trainer'"):
        _ = digitcore.Trainer


def test_subpackages_need_no_import_of_their_own():
    code = (
        "import digitcore; print(digitcore.charts.confusion_chart.__name__, digitcore.errors.DigitcoreError.__name__)"
    )
    assert output_of(code).split() == ["confusion_chart", "DigitcoreError"]


def test_the_import_loads_no_library_and_takes_less_than_a_tenth_of_a_second():
    code = (
        "import sys, time; before, start = set(sys.modules), time.process_time(); import digitcore; "
        "print(time.process_time() - start, *(set(sys.modules) - before))"
    )
    seconds, *loaded = output_of(code).split()
    assert float(seconds) < 0.1
    roots = {name.split(".")[0] for name in loaded}
    assert not roots - set(sys.stdlib_module_names) - {"digitcore"}
    assert [name for name in loaded if name.startswith("digitcore")] == ["digitcore"]


def test_an_estimator_without_torch_does_not_import_it():
    code = "import sys, digitcore; digitcore.SoftmaxRegression(); print('torch' in sys.modules)"
    assert output_of(code).strip() == "False"
