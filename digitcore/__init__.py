"""digitcore: train, evaluate and understand digit classifiers, from a notebook or under the dashboard.

Every name is imported when it is first used (as SPEC 1 of the Scientific Python project describes), so that
``import digitcore`` costs a few milliseconds. ``train`` is :func:`digitcore.runs.train_spec`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitcore.datasets import Dataset, load_dataset, split
    from digitcore.evaluation import evaluate
    from digitcore.experiments import Range, compare, cross_validate, learning_curve, sweep
    from digitcore.models import CNN, MLP, SoftmaxRegression
    from digitcore.models.files import load_model
    from digitcore.runs import Engine, RunSpec, Store
    from digitcore.runs import train_spec as train

    __version__: str

__all__ = [
    "CNN",
    "MLP",
    "Dataset",
    "Engine",
    "Range",
    "RunSpec",
    "SoftmaxRegression",
    "Store",
    "__version__",
    "compare",
    "cross_validate",
    "evaluate",
    "learning_curve",
    "load_dataset",
    "load_model",
    "split",
    "sweep",
    "train",
]

# Public name: module that defines it, and its name there.
_HOMES = {
    "CNN": ("digitcore.models", "CNN"),
    "Dataset": ("digitcore.datasets", "Dataset"),
    "Engine": ("digitcore.runs", "Engine"),
    "MLP": ("digitcore.models", "MLP"),
    "Range": ("digitcore.experiments", "Range"),
    "RunSpec": ("digitcore.runs", "RunSpec"),
    "SoftmaxRegression": ("digitcore.models", "SoftmaxRegression"),
    "Store": ("digitcore.runs", "Store"),
    "compare": ("digitcore.experiments", "compare"),
    "cross_validate": ("digitcore.experiments", "cross_validate"),
    "evaluate": ("digitcore.evaluation", "evaluate"),
    "learning_curve": ("digitcore.experiments", "learning_curve"),
    "load_dataset": ("digitcore.datasets", "load_dataset"),
    "load_model": ("digitcore.models.files", "load_model"),
    "split": ("digitcore.datasets", "split"),
    "sweep": ("digitcore.experiments", "sweep"),
    "train": ("digitcore.runs", "train_spec"),
}
_SUBPACKAGES = {
    "charts",
    "datasets",
    "errors",
    "evaluation",
    "experiments",
    "images",
    "insight",
    "models",
    "runs",
    "specs",
}


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        module, own_name = _HOMES[name]
        importlib.import_module("digitcore.plugins").load_plugins()
        value = getattr(importlib.import_module(module), own_name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version(__name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBPACKAGES})
