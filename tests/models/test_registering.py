"""Models and data sets that are registered: what an entry may say, and when one takes the place of another."""

from dataclasses import replace

import pytest

from digitcore.datasets import DATASETS, register_dataset
from digitcore.datasets import registry as datasets_registry
from digitcore.datasets.registry import datasets_kept_on_failure
from digitcore.errors import InvalidSetting
from digitcore.models import MODELS, FirstLayer, register_model
from digitcore.models import registry as models_registry
from digitcore.models.architecture import plan
from digitcore.models.registry import models_kept_on_failure


@pytest.fixture(autouse=True)
def _registries_as_before():
    models, datasets = dict(models_registry._entries), dict(datasets_registry._entries)
    yield
    for entries, before in ((models_registry._entries, models), (datasets_registry._entries, datasets)):
        entries.clear()
        entries.update(before)


def model_entry(**changes):
    return replace(MODELS["softmax"], **{"name": "own", "load": lambda: None} | changes)


def dataset_entry(**changes):
    return replace(DATASETS["digits"], **{"name": "own", "load": lambda progress: None} | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": 8}, r"image_shape of the data set 'own' must be height and width in pixels, .* got 8"),
        ({"image_shape": (8, 0)}, "image_shape of the data set 'own' must be"),
        ({"image_shape": [8, 8]}, "image_shape of the data set 'own' must be"),
        ({"n_classes": 0}, "n_classes of the data set 'own' must be a whole number at least 2, got 0"),
        ({"n_classes": True}, "n_classes of the data set 'own' must be a whole number"),
        ({"n_images": "many"}, "n_images of the data set 'own' must be a whole number at least 2, got 'many'"),
        ({"n_images": "many", "n_official_train": 7}, "n_images of the data set 'own' must be a whole number"),
        ({"max_value": 256}, "max_value of the data set 'own' must be a whole number from 1 to 255, got 256"),
        ({"ink_size": 0}, "ink_size of the data set 'own' must be a whole number from 1 to 8, got 0"),
        ({"n_official_train": 1797}, "n_official_train of the data set 'own' must be a whole number from 1 to 1796"),
        ({"load": None}, "load of the data set 'own' must be a function"),
        ({"name": ""}, "The name of a data set must be a text that is not empty, got ''"),
        ({"label": 3}, "The label of a data set must be a text that is not empty, got 3"),
    ],
)
def test_a_data_set_that_cannot_be_is_refused_in_one_sentence(changes, message):
    with pytest.raises(InvalidSetting, match=message):
        register_dataset(dataset_entry(**changes))
    assert "own" not in DATASETS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"explanations": ("magic",)}, "explanations of the model 'own' must be a sequence of 'contributions' or"),
        ({"explanations": "occlusion"}, "explanations of the model 'own' must be a sequence of"),
        ({"explanations": ([],)}, "explanations of the model 'own' must be a sequence of"),
        ({"views": ("x-ray",)}, "views of the model 'own' must be a sequence of 'strongest paths' or 'feature maps'"),
        ({"parameters": ()}, "lacks the hyperparameters epochs, batch_size, learning_rate, patience"),
        ({"main": ("learning_rate", "magic")}, "main of the model 'own' must be names of its parameters, got"),
        ({"main": "epochs"}, "main of the model 'own' must be names of its parameters, got 'epochs'"),
        ({"parameters": ("epochs",)}, "parameters of the model 'own' must be a sequence of records"),
        ({"plan": 3}, "plan of the model 'own' must be a function, got 3"),
        ({"load": "module"}, "load of the model 'own' must be a function, got 'module'"),
        ({"first_layer": None}, "first_layer of the model 'own' must be a FirstLayer"),
        ({"first_layer": FirstLayer(weights=("w",), layout="round", words="")}, "the layout 'rows' or 'kernels'"),
        ({"seconds_per_update": -1}, "seconds_per_update of the model 'own' must be a positive number, got -1"),
        ({"name": 7}, "The name of a model must be a text that is not empty, got 7"),
    ],
)
def test_a_model_that_cannot_be_is_refused_in_one_sentence(changes, message):
    with pytest.raises(InvalidSetting, match=message):
        register_model(model_entry(**changes))
    assert "own" not in MODELS


@pytest.mark.parametrize(
    ("own_plan", "message"),
    [
        (lambda *_: 1 / 0, "The plan of the model 'own' failed .ZeroDivisionError: division by zero.: correct its"),
        (lambda *_: None, "The plan of the model 'own' must return a list of layers, got None"),
        (lambda *_: [], "The plan of the model 'own' must return a list of layers"),
        (lambda *_: ["dense"], "The plan of the model 'own' must return a list of layers"),
    ],
)
def test_a_plan_that_fails_is_told_in_one_sentence(own_plan, message):
    register_model(model_entry(plan=own_plan))
    with pytest.raises(InvalidSetting, match=message):
        plan("own", {}, (8, 8), 10)


@pytest.mark.parametrize(
    ("register", "entry", "known"), [(register_model, model_entry, MODELS), (register_dataset, dataset_entry, DATASETS)]
)
def test_a_cell_of_a_notebook_can_be_run_again(register, entry, known):
    # Functions that a cell defines are new ones each time, so its entries are never equal.
    register(entry())
    with pytest.raises(InvalidSetting, match="'own' already: give the new one another name, or .* with replace=True"):
        register(entry(label="Second"))
    register(entry(label="Third"), replace=True)
    assert known["own"].label == "Third"


@pytest.mark.parametrize(
    ("register", "entry"), [(register_model, MODELS["mlp"]), (register_dataset, DATASETS["digits"])]
)
def test_what_comes_with_digitcore_is_never_replaced(register, entry):
    with pytest.raises(InvalidSetting, match="already: give the new one another name$"):
        register(replace(entry, label="Another"), replace=True)
    register(entry, replace=True)


def test_a_data_set_that_took_the_place_of_another_is_loaded_anew():
    digits = DATASETS["digits"].load(lambda progress: None)
    first, second = (replace(digits, name="own") for _ in range(2))
    register_dataset(dataset_entry(load=lambda progress: first))
    assert datasets_registry.load_dataset("own") is first
    register_dataset(dataset_entry(load=lambda progress: second), replace=True)
    assert datasets_registry.load_dataset("own") is second


def test_what_was_registered_before_a_failure_is_taken_back():
    with pytest.raises(ZeroDivisionError), models_kept_on_failure(), datasets_kept_on_failure():
        register_model(model_entry())
        register_dataset(dataset_entry())
        raise ZeroDivisionError
    assert "own" not in MODELS
    assert "own" not in DATASETS
