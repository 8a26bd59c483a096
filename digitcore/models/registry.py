"""The models by name: what forms and specs know of each before its library is imported."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from digitcore.models import hyperparameters
from digitcore.parameters import Parameter, unknown_name

if TYPE_CHECKING:
    from digitcore.models.base import EpochClassifier


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A model as forms and specs know it.

    Attributes
    ----------
    name : str
        Key in :data:`MODELS` and in a spec.
    label, description : str
        What the form shows.
    parameters : tuple of Parameter
        The records of its hyperparameters, in the form's order.
    load : callable
        Returns the estimator's class, importing its library.
    uses_torch : bool
        Whether the library is torch.
    """

    name: str
    label: str
    description: str
    parameters: tuple[Parameter, ...]
    load: Callable[[], type[EpochClassifier]]
    uses_torch: bool


def _load(module: str, class_name: str) -> type[EpochClassifier]:
    return getattr(importlib.import_module(module), class_name)


_ENTRIES = (
    ModelEntry(
        name="softmax",
        label="Softmax regression",
        description="Every pixel votes for or against every class. One layer, no hidden units, trained with NumPy.",
        parameters=hyperparameters.SOFTMAX,
        load=partial(_load, "digitcore.models.softmax", "SoftmaxRegression"),
        uses_torch=False,
    ),
    ModelEntry(
        name="mlp",
        label="Neural network (MLP)",
        description="Hidden layers of ReLU units between the pixels and the classes, with dropout if wanted.",
        parameters=hyperparameters.MLP,
        load=partial(_load, "digitcore.models.mlp", "MLP"),
        uses_torch=True,
    ),
    ModelEntry(
        name="cnn",
        label="Convolutional network (CNN)",
        description="Small filters slide over the image, so that a shape counts wherever it stands.",
        parameters=hyperparameters.CNN,
        load=partial(_load, "digitcore.models.cnn", "CNN"),
        uses_torch=True,
    ),
)
MODELS: Mapping[str, ModelEntry] = {entry.name: entry for entry in _ENTRIES}


def make_model(name: str, **parameters: Any) -> EpochClassifier:
    """Return an untrained estimator.

    Parameters
    ----------
    name : str
        Name in :data:`MODELS`.
    **parameters
        For its constructor; their values are checked when it is fitted.

    Raises
    ------
    InvalidSetting
        If there is no such model, or it has no such parameter.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    model = MODELS[name].load()
    known = inspect.signature(model).parameters
    for parameter in parameters:
        if parameter not in known:
            raise unknown_name("setting", parameter, known)
    return model(**parameters)
