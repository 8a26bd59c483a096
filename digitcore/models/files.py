"""Fitted estimators in files: safetensors with a description in its metadata, never pickle."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_tensors

from digitcore.errors import DigitcoreError, InvalidSetting, ModelFileError
from digitcore.models.inputs import VALIDATION_FRACTION
from digitcore.models.registry import make_model
from digitcore.parameters import shortened

if TYPE_CHECKING:
    from digitcore.models.base import EpochClassifier

# Key of the one entry in the metadata, and the version of what it says.
_KEY, _VERSION = "digitcore_model", 1
_LABEL_KINDS = "biufU"


def save_model(model: EpochClassifier, path: str | os.PathLike) -> None:
    """Write a fitted estimator to a file; see :meth:`EpochClassifier.save`."""
    content = save_tensors(model.get_weights(), metadata={_KEY: json.dumps(_description(model), allow_nan=False)})
    path = Path(path)
    if not path.name:
        raise ModelFileError(f"A model is written to a file, got {str(path)!r}: name one, such as digits.safetensors")
    # Under another name first, so that no reader ever sees half a file.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            part.unlink()
        raise ModelFileError(f"The model cannot be written to {path}: {problem.strerror or problem}") from None


def load_model(path: str | os.PathLike) -> EpochClassifier:
    """Return the fitted estimator that :meth:`EpochClassifier.save` has written to a file.

    Nothing in the file is executed.

    Parameters
    ----------
    path : str or PathLike
        The file.

    Returns
    -------
    SoftmaxRegression, MLP or CNN
        Predicts, bit by bit, as the estimator that was saved. It has no ``history_``, and a further training starts
        its optimizer afresh.

    Raises
    ------
    ModelFileError
        If there is no such file, it is damaged, or ``save`` has not written it.

    Examples
    --------
    >>> model.save("digits.safetensors")
    >>> digitcore.load_model("digits.safetensors").predict(X)
    """
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except FileNotFoundError:
        raise ModelFileError(f"There is no model file {path}") from None
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as problem:
        raise ModelFileError(f"The model file {path} is damaged or not in safetensors format: {problem}") from None
    if _KEY not in metadata:
        raise ModelFileError(f"The file {path} holds no model that save() has written: its description is missing")
    try:
        return _restored(json.loads(metadata[_KEY]), weights)
    except DigitcoreError as problem:
        raise ModelFileError(f"The model file {path} does not fit this version of digitcore: {problem}") from None
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as problem:
        raise ModelFileError(f"The description in the model file {path} is damaged: {problem!r}") from None


def _description(model: EpochClassifier) -> dict[str, Any]:
    classes = model.classes_
    if classes.dtype.kind not in _LABEL_KINDS and not all(isinstance(label, str) for label in classes):
        raise InvalidSetting(f"Only models whose classes are numbers or text can be saved, got {classes.dtype} classes")
    return {
        "version": _VERSION,
        "model": model.MODEL_NAME,
        "parameters": {name: _plain(value) for name, value in model.get_params().items()},
        "classes": classes.tolist(),
        # The width of a text type follows from the texts.
        "classes_dtype": classes.dtype.kind if classes.dtype.kind in "OU" else classes.dtype.str,
        "n_features": model.n_features_in_,
        "feature_names": getattr(model, "feature_names_in_", np.empty(0)).tolist(),
    }


def _plain(value: Any) -> Any:
    """Return a constructor parameter as JSON has it; a RandomState, which has no seed to write down, becomes None."""
    if isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, Mapping):  # of JSON the keys would be texts
        return [[_plain(key), _plain(each)] for key, each in value.items()]
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def _restored(description: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> EpochClassifier:
    if description["version"] != _VERSION:
        raise InvalidSetting(f"its description has the version {description['version']!r}, expected {_VERSION}")
    parameters = {
        name: tuple(value) if isinstance(value, list) else value for name, value in description["parameters"].items()
    }
    if isinstance(parameters.get("class_weight"), tuple):
        parameters["class_weight"] = dict(parameters["class_weight"])
    dtype = np.dtype(description["classes_dtype"])
    if dtype.kind not in f"{_LABEL_KINDS}O":
        raise InvalidSetting(f"its classes have the type {dtype}")
    classes = np.array(description["classes"], dtype=dtype.kind if dtype.kind == "U" else dtype)
    _check_settings(parameters)
    _check_feature_names(description["feature_names"], description["n_features"])
    model = make_model(description["model"], **parameters)
    model.restore(weights, classes=classes, n_features=description["n_features"])
    if description["feature_names"]:
        model.feature_names_in_ = np.array(description["feature_names"], dtype=object)
    return model


def _check_settings(parameters: Mapping[str, Any]) -> None:
    """Refuse what only a training would look at, and hyperparameters' records do not describe."""
    seed, verbose, warm_start = (parameters.get(name) for name in ("random_state", "verbose", "warm_start"))
    if seed is not None and not (_is_whole(seed) and 0 <= seed < 2**32):
        raise InvalidSetting(
            f"random_state must be None or a whole number from 0 to {2**32 - 1}, got {shortened(seed)}"
        )
    if not isinstance(verbose, bool | None) and not (_is_whole(verbose) and verbose >= 0):
        raise InvalidSetting(f"verbose must be a whole number, at least 0, got {shortened(verbose)}")
    if not isinstance(warm_start, bool | None):
        raise InvalidSetting(f"warm_start must be True or False, got {shortened(warm_start)}")
    VALIDATION_FRACTION.clean(parameters.get("validation_fraction"))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_feature_names(names: Any, n_features: Any) -> None:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidSetting(f"feature_names must be a list of texts, got {shortened(names)}")
    if names and len(names) != n_features:
        raise InvalidSetting(f"feature_names must be one for each of the {n_features!r} pixels, got {len(names)}")
