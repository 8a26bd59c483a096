from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import digitcore.models
from digitcore.errors import InvalidSetting
from digitcore.models import MODELS, make_model
from digitcore.models.base import EpochClassifier
from digitcore.models.torch_backend.network import TorchNetwork

NO_HYPERPARAMETERS = {
    "random_state",
    "image_shape",
    "device",
    "validation_fraction",
    "warm_start",
    "verbose",
    "class_weight",
}


@pytest.mark.parametrize(
    "module", ["digitcore.models", "digitcore.models.architecture", "digitcore.insight.weight_images"]
)
def test_importing_it_imports_neither_torch_nor_streamlit(module):
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in ('torch', 'streamlit')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_making_a_softmax_regression_does_not_import_torch():
    train = "models.make_model('softmax').fit([[0], [1]], [0, 1])"
    code = f"import sys; from digitcore import models; {train}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize("name", MODELS)
def test_entry_has_the_key_and_the_records_of_its_estimator(name):
    model = MODELS[name].load()
    assert issubclass(model, EpochClassifier)
    assert (MODELS[name].name, model.MODEL_NAME) == (name, name)
    assert MODELS[name].parameters == model.PARAMETERS


@pytest.mark.parametrize("name", MODELS)
def test_constructor_has_the_records_parameters_in_their_order_with_their_defaults(name):
    signature = inspect.signature(MODELS[name].load()).parameters
    own = {key: parameter.default for key, parameter in signature.items() if key not in NO_HYPERPARAMETERS}
    records = {record.name: record.default for record in MODELS[name].parameters}
    assert list(own.items()) == list(records.items())


@pytest.mark.parametrize("name", MODELS)
def test_uses_torch_tells_the_truth(name):
    assert MODELS[name].uses_torch == issubclass(MODELS[name].load(), TorchNetwork)


def test_make_model_passes_parameters_on():
    model = make_model("mlp", hidden_units=(7,), random_state=3)
    assert (model.hidden_units, model.random_state) == ((7,), 3)


def test_make_model_refuses_an_unknown_model():
    with pytest.raises(InvalidSetting, match=r"Unknown model 'nlp': known are softmax, mlp, cnn. Did you mean 'mlp'\?"):
        make_model("nlp")


def test_make_model_refuses_an_unknown_setting():
    with pytest.raises(InvalidSetting, match=r"Unknown setting 'epoch': .* Did you mean 'epochs'\?"):
        make_model("softmax", epoch=3)


@pytest.mark.parametrize("name", ["SoftmaxRegression", "MLP", "CNN"])
def test_estimators_are_attributes_of_the_package(name):
    assert getattr(digitcore.models, name).__name__ == name
    assert name in dir(digitcore.models)


def test_other_attributes_are_missing():
    with pytest.raises(AttributeError, match="has no attribute 'RNN'"):
        _ = digitcore.models.RNN
