"""The models: scikit-learn classifiers, each loaded when it is used, so that a form costs no ``import torch``."""

import importlib
from typing import TYPE_CHECKING, Any

from digitcore.models.epoch import Epoch
from digitcore.models.files import load_model
from digitcore.models.layer_plans import plan_softmax
from digitcore.models.registry import MODELS, FirstLayer, ModelEntry, make_model, register_model
from digitcore.models.training import Batch

if TYPE_CHECKING:
    from digitcore.models.cnn import CNN
    from digitcore.models.mlp import MLP
    from digitcore.models.softmax import SoftmaxRegression

__all__ = [
    "CNN",
    "MLP",
    "MODELS",
    "Batch",
    "Epoch",
    "FirstLayer",
    "ModelEntry",
    "SoftmaxRegression",
    "load_model",
    "make_model",
    "plan_softmax",
    "register_model",
]

_LOADED_WHEN_USED = {
    "SoftmaxRegression": "digitcore.models.softmax",
    "MLP": "digitcore.models.mlp",
    "CNN": "digitcore.models.cnn",
}


def __getattr__(name: str) -> Any:
    if name in _LOADED_WHEN_USED:
        return getattr(importlib.import_module(_LOADED_WHEN_USED[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
