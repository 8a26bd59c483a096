"""The models by name: what forms, specs and pages know of each before its library is imported."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from digitcore.errors import InvalidSetting
from digitcore.models import hyperparameters
from digitcore.models.layer_plans import Layer, plan_cnn, plan_mlp, plan_softmax
from digitcore.parameters import Parameter, shortened, unknown_name
from digitcore.registration import check_name, check_texts, taken_back_on_failure

if TYPE_CHECKING:
    from digitcore.models.base import EpochClassifier

Explanation = Literal["contributions", "occlusion", "gradient"]
View = Literal["strongest paths", "feature maps"]
Layout = Literal["rows", "kernels"]


@dataclass(frozen=True, kw_only=True)
class FirstLayer:
    """How the weights of a model's first layer are shown as images.

    Attributes
    ----------
    weights : tuple of str
        Names of the weights among those of ``get_weights``, first choice first: an MLP without hidden layers has only
        its output layer.
    layout : {"rows", "kernels"}
        Rows ``(n, n_pixels)`` are images of the data's size; kernels ``(n, channels, side, side)`` have their own, and
        their first channel is shown.
    words : str
        What one image says, for the page; Markdown.
    """

    weights: tuple[str, ...]
    layout: Layout
    words: str


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A model as forms, specs and pages know it. All that depends on which model it is stands here.

    Attributes
    ----------
    name : str
        Key in :data:`MODELS` and in a spec.
    label, description : str
        What the form shows.
    short_label : str
        What names of trainings call it, where the label is long; empty for the label itself.
    parameters : tuple of Parameter
        The records of its hyperparameters, in the form's order; ``epochs``, ``batch_size``, ``learning_rate`` and
        ``patience`` of :mod:`digitcore.models.hyperparameters` are among them.
    load : callable
        Returns the estimator's class, a subclass of :class:`digitcore.models.base.EpochClassifier` whose ``MODEL_NAME``
        is ``name``; imports its library.
    plan : callable
        Gets clean hyperparameters, the image shape and the number of classes, and returns the layers, as
        :func:`digitcore.models.architecture.plan` does.
    first_layer : FirstLayer
        How its first weights are shown.
    main : tuple of str
        Names of the three or four hyperparameters that matter most: the form keeps the others folded.
    seconds_per_multiply_add, seconds_per_update : float
        The first guess of a training's time, until this machine's own runs correct it: seconds for each forward
        multiply-add of an image, and for each update of the weights.
    explanations : tuple of {"contributions", "occlusion", "gradient"}
        What Predict shows of why it answers so, in order. Contributions are for models of a single layer.
    views : tuple of {"strongest paths", "feature maps"}
        What Weights shows of its inner layers, beside the first.
    uses_torch : bool
        Whether the library is torch: large networks then get two threads.
    takes_image_shape : bool
        Whether the estimator has a parameter ``image_shape``.
    warms_up : bool
        Whether the first training of a process compiles or loads so much that each worker trains for a moment before
        anybody waits for it.
    """

    name: str
    label: str
    description: str
    parameters: tuple[Parameter, ...]
    load: Callable[[], type[EpochClassifier]]
    plan: Callable[[Mapping[str, Any], tuple[int, int], int], list[Layer]]
    first_layer: FirstLayer
    main: tuple[str, ...] = ("learning_rate", "epochs", "batch_size")
    seconds_per_multiply_add: float = 1e-11
    seconds_per_update: float = 1e-4
    explanations: tuple[Explanation, ...] = ("occlusion", "gradient")
    views: tuple[View, ...] = ()
    uses_torch: bool = False
    takes_image_shape: bool = False
    warms_up: bool = False
    short_label: str = ""

    @property
    def title_label(self) -> str:
        """What names of trainings and lists of runs call it."""
        return self.short_label or self.label


def _load(module: str, class_name: str) -> type[EpochClassifier]:
    return getattr(importlib.import_module(module), class_name)


# Seconds of a multiply-add and of an update are fitted to the times of benchmarks/results.md.
_SOFTMAX = ModelEntry(
    name="softmax",
    label="Softmax regression",
    description="Every pixel votes for or against every class. One layer, no hidden units, trained with NumPy.",
    parameters=hyperparameters.SOFTMAX,
    load=partial(_load, "digitcore.models.softmax", "SoftmaxRegression"),
    plan=plan_softmax,
    first_layer=FirstLayer(
        weights=("output.weight",),
        layout="rows",
        words="One image per class. Ink on :blue[**blue**] speaks for the class, ink on :orange[**orange**] against "
        "it.",
    ),
    main=("learning_rate", "epochs", "batch_size", "optimizer"),
    seconds_per_multiply_add=1.8e-11,
    seconds_per_update=5.0e-5,
    explanations=("contributions",),
)
_MLP = ModelEntry(
    name="mlp",
    label="Neural network (MLP)",
    short_label="MLP",
    description="Hidden layers of units between the pixels and the classes, with dropout if wanted.",
    parameters=hyperparameters.MLP,
    load=partial(_load, "digitcore.models.mlp", "MLP"),
    plan=plan_mlp,
    first_layer=FirstLayer(
        weights=("dense_1.weight", "output.weight"),
        layout="rows",
        words="One image per unit of the first hidden layer. Ink on :blue[**blue**] excites the unit, ink on "
        ":orange[**orange**] inhibits it.",
    ),
    main=("hidden_units", "learning_rate", "epochs", "dropout"),
    seconds_per_multiply_add=6.7e-12,
    seconds_per_update=9.0e-5,
    views=("strongest paths",),
    uses_torch=True,
    warms_up=True,
)
_CNN = ModelEntry(
    name="cnn",
    label="Convolutional network (CNN)",
    short_label="CNN",
    description="Small filters slide over the image, so that a shape counts wherever it stands.",
    parameters=hyperparameters.CNN,
    load=partial(_load, "digitcore.models.cnn", "CNN"),
    plan=plan_cnn,
    first_layer=FirstLayer(
        weights=("conv_1.weight",),
        layout="kernels",
        words="One image per kernel of the first convolution: each is moved over the whole image and responds where "
        "the picture looks like it.",
    ),
    main=("channels", "learning_rate", "epochs", "dropout"),
    seconds_per_multiply_add=1.1e-11,
    seconds_per_update=3.4e-4,
    views=("feature maps",),
    uses_torch=True,
    takes_image_shape=True,
    warms_up=True,
)
_BUILT_IN: Mapping[str, ModelEntry] = {entry.name: entry for entry in (_SOFTMAX, _MLP, _CNN)}
_entries: dict[str, ModelEntry] = dict(_BUILT_IN)
MODELS: Mapping[str, ModelEntry] = MappingProxyType(_entries)


def register_model(entry: ModelEntry, *, replace: bool = False) -> None:
    """Add a model to :data:`MODELS`, from where forms, specs, engine and pages take it.

    Processes that train must know it, too: name the module that calls this in ``DIGITCORE_PLUGINS``, see
    :mod:`digitcore.plugins`.

    Parameters
    ----------
    entry : ModelEntry
        What to add.
    replace : bool
        Whether it may take the place of an entry of the same name, as when a notebook's cell is run again. Those that
        come with digitcore are never replaced.

    Raises
    ------
    InvalidSetting
        If a field of the entry is not valid, the name is taken by another entry, or a hyperparameter that every
        training has is missing.
    """
    check_texts("model", entry)
    _check_fields(entry)
    check_name("model", entry, _entries, _BUILT_IN, replace=replace)
    own = {record.name for record in entry.parameters}
    missing = [name for name in ("epochs", "batch_size", "learning_rate", "patience") if name not in own]
    if missing:
        raise InvalidSetting(f"The model {entry.name!r} lacks the hyperparameters {', '.join(missing)}")
    if isinstance(entry.main, str) or not own.issuperset(entry.main):
        raise InvalidSetting(
            f"main of the model {entry.name!r} must be names of its parameters, got {shortened(entry.main)}"
        )
    _entries[entry.name] = entry


def models_kept_on_failure() -> AbstractContextManager[None]:
    """Take back what was registered inside, if it ends with an exception."""
    return taken_back_on_failure(_entries)


def _check_fields(entry: ModelEntry) -> None:
    where = f"of the model {entry.name!r}"
    if not isinstance(entry.parameters, Sequence) or not all(isinstance(each, Parameter) for each in entry.parameters):
        raise InvalidSetting(f"parameters {where} must be a sequence of records, got {shortened(entry.parameters)}")
    for field in ("load", "plan"):
        if not callable(getattr(entry, field)):
            raise InvalidSetting(f"{field} {where} must be a function, got {shortened(getattr(entry, field))}")
    layer = entry.first_layer
    if not (isinstance(layer, FirstLayer) and layer.layout in get_args(Layout) and _are_texts(layer.weights)):
        raise InvalidSetting(
            f"first_layer {where} must be a FirstLayer with names of weights and the layout "
            f"{_either(get_args(Layout))}, got {shortened(layer)}"
        )
    for field, known in (("explanations", get_args(Explanation)), ("views", get_args(View))):
        chosen = getattr(entry, field)
        if isinstance(chosen, str) or not isinstance(chosen, Sequence) or not all(each in known for each in chosen):
            raise InvalidSetting(f"{field} {where} must be a sequence of {_either(known)}, got {shortened(chosen)}")
    for field in ("seconds_per_multiply_add", "seconds_per_update"):
        value = getattr(entry, field)
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < math.inf:
            raise InvalidSetting(f"{field} {where} must be a positive number, got {shortened(value)}")


def _are_texts(names: object) -> bool:
    return isinstance(names, list | tuple) and bool(names) and all(isinstance(name, str) for name in names)


def _either(options: Iterable[str]) -> str:
    return " or ".join(repr(option) for option in options)


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
