"""Estimators that are saved to a file and loaded again, and files that hold no estimator."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.exceptions import NotFittedError

from digitcore.errors import DigitcoreError, InvalidSetting, ModelFileError
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.files import load_model

MODELS = {
    "softmax": SoftmaxRegression(epochs=1, optimizer="adam", momentum=0.5, random_state=np.int64(3)),
    "mlp": MLP(epochs=1, hidden_units=[20, 12], dropout=0.3, random_state=0, validation_fraction=0.2),
    "cnn": CNN(epochs=1, channels=(4,), hidden_units=(9,), image_shape=(4, 16), padding="same", warm_start=True),
    "normalised cnn": CNN(epochs=1, channels=(4,), hidden_units=(9,), image_shape=(8, 8), normalization="batch"),
}


@pytest.fixture(params=MODELS)
def model(request, digits):
    return copy.deepcopy(MODELS[request.param]).fit(*digits)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_a_loaded_model_is_the_saved_one(model, digits, path):
    model.save(path)
    loaded = load_model(str(path))
    assert type(loaded) is type(model)
    assert repr(loaded.get_params()) == repr(model.get_params() | _tuples(model) | _whole(model))
    np.testing.assert_array_equal(loaded.predict_proba(digits[0]), model.predict_proba(digits[0]))
    np.testing.assert_array_equal(loaded.classes_, model.classes_, strict=True)


def _tuples(model):
    return {name: tuple(value) for name, value in model.get_params().items() if isinstance(value, list)}


def _whole(model):
    return {name: int(value) for name, value in model.get_params().items() if isinstance(value, np.integer)}


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["null", "eins", "zwei"]),
        np.array(["null", "eins", "zwei"], dtype=object),
        np.array([-1, 5, 300], dtype=np.int16),
        np.array([0.5, 1.0, 2.0]) * 2,
        np.array([True, False, True]),
    ],
    ids=["text", "objects", "int16", "floats", "truth values"],
)
def test_labels_come_back_with_their_type(labels, path):
    X, y = np.tile(np.eye(3), (5, 1)), np.tile(labels, 5)
    model = SoftmaxRegression(epochs=20, learning_rate=1.0, random_state=0).fit(X, y)
    model.save(path)
    predicted = load_model(path).predict(X)
    np.testing.assert_array_equal(predicted, model.predict(X), strict=True)
    np.testing.assert_array_equal(predicted, y)


def test_names_of_columns_are_kept(digits, path):
    X = pd.DataFrame(digits[0]).add_prefix("pixel_")
    SoftmaxRegression(epochs=1).fit(X, digits[1]).save(path)
    loaded = load_model(path)
    assert loaded.feature_names_in_.tolist() == list(X.columns)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(X[X.columns[::-1]])


def test_a_loaded_model_can_be_trained_on(model, digits, path):
    model.save(path)
    assert load_model(path).partial_fit(*digits).n_iter_ == 1


def test_a_random_state_without_a_seed_is_left_out(digits, path):
    SoftmaxRegression(epochs=1, random_state=np.random.RandomState(0)).fit(*digits).save(path)
    assert load_model(path).random_state is None


def test_an_existing_file_is_replaced_and_nothing_else_is_left(model, path):
    path.write_text("something else")
    model.save(path)
    assert load_model(path).n_features_in_ == 64
    assert list(path.parent.iterdir()) == [path]


def test_only_fitted_models_are_saved(path):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        MLP().save(path)


def test_classes_that_are_neither_numbers_nor_text_are_refused(digits, path):
    model = SoftmaxRegression(epochs=1).fit(*digits)
    model.classes_ = np.array([(1, 2), None], dtype=object)
    with pytest.raises(InvalidSetting, match="classes are numbers or text can be saved, got object classes"):
        model.save(path)


@pytest.mark.parametrize("place", ["file/m", "folder", "."])
def test_a_place_where_no_file_can_be_is_named_and_nothing_stays_there(model, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder").mkdir()
    with pytest.raises(ModelFileError, match="cannot be written to|is written to a file"):
        model.save(place)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "file", tmp_path / "folder"]


def test_a_directory_that_is_not_there_is_named(model, tmp_path):
    with pytest.raises(ModelFileError, match=r"cannot be written to .*/missing/m: No such file or directory"):
        model.save(tmp_path / "missing" / "m")


# --- Files that hold no model


def test_a_missing_file_is_named(path):
    with pytest.raises(ModelFileError, match="^There is no model file .*model.safetensors$"):
        load_model(path)


def test_a_directory_is_no_model(tmp_path):
    with pytest.raises(ModelFileError, match="damaged or not in safetensors format"):
        load_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\xff" * 100, b'{"a": 1}'])
def test_files_of_other_formats_are_refused(content, path):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="is damaged or not in safetensors format"):
        load_model(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_a_file_that_was_cut_short_is_refused(model, path, share):
    model.save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ModelFileError, match="is damaged or not in safetensors format"):
        load_model(path)


def test_weights_of_another_program_are_refused(path):
    save_file({"output.bias": np.zeros(2)}, path, metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match="holds no model that save.. has written"):
        load_model(path)


def rewritten(path, **changes):
    """Change the description in a saved file."""
    with safe_open(path, "numpy") as file:
        description = json.loads(file.metadata()["digitcore_model"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    description = {name: value for name, value in {**description, **changes}.items() if value != "left out"}
    save_file(weights, path, metadata={"digitcore_model": json.dumps(description)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "does not fit this version of digitcore: .*version 2, expected 1"),
        ({"model": "transformer"}, "does not fit this version of digitcore: Unknown model 'transformer'"),
        ({"model": 7}, "does not fit"),
        ({"parameters": {"epoch": 1}}, "Unknown setting 'epoch': .* Did you mean 'epochs'"),
        ({"parameters": {"epochs": "many"}}, "epochs must be a whole number"),
        ({"parameters": [1]}, "The description in the model file .* is damaged"),
        ({"classes": [1, 2]}, "must have the shape"),
        ({"classes": {"a": 1}}, "is damaged|does not fit"),
        ({"classes_dtype": "nonsense"}, "is damaged"),
        ({"classes_dtype": "datetime64[s]"}, "its classes have the type datetime64"),
        ({"classes_dtype": "S2000000000"}, "its classes have the type .S2000000000"),
        ({"classes": [10**30, *range(9)]}, "is damaged: OverflowError"),
        ({"classes": [None] * 10, "classes_dtype": "O"}, "classes must be a list of at least one label, all different"),
        ({"parameters": {"random_state": "seven"}}, "random_state must be None or a whole number from 0 to 4294967295"),
        ({"parameters": {"random_state": -1}}, "random_state must be None or a whole number from 0 to 4294967295"),
        ({"parameters": {"random_state": True}}, "random_state must be None or a whole number"),
        ({"parameters": {"verbose": "loud"}}, "verbose must be a whole number, at least 0, got 'loud'"),
        ({"parameters": {"warm_start": 3}}, "warm_start must be True or False, got 3"),
        ({"parameters": {"validation_fraction": 7}}, "validation_fraction must be a number from"),
        ({"feature_names": "abc"}, "feature_names must be a list of texts, got 'abc'"),
        ({"feature_names": [1, 2]}, "feature_names must be a list of texts"),
        ({"feature_names": ["a", "b"]}, "feature_names must be one for each of the 64 pixels, got 2"),
        ({"n_features": 10**9}, "at most 50,000,000|must have the shape|image_shape must be"),
        ({"n_features": "left out"}, "is damaged: KeyError"),
        ({"feature_names": "left out"}, "is damaged: KeyError"),
    ],
)
def test_a_description_that_does_not_fit_is_one_sentence(model, path, changes, message):
    model.save(path)
    rewritten(path, **changes)
    with pytest.raises(DigitcoreError, match=message) as caught:
        load_model(path)
    assert isinstance(caught.value, ModelFileError)


@pytest.mark.parametrize(
    ("text", "error"),
    [("[1", "JSONDecodeError"), ("[1]", "TypeError"), ('{"version": 1}', "KeyError"), ("[" * 10**5, "RecursionError")],
)
def test_a_description_that_describes_nothing_is_refused(path, text, error):
    save_file({"output.bias": np.zeros(2)}, path, metadata={"digitcore_model": text})
    with pytest.raises(ModelFileError, match=f"is damaged: {error}"):
        load_model(path)
