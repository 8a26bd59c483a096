"""The layers of any model by its name: the plan, the table that a page shows, and what an image costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from digitcore.errors import DigitcoreError, InvalidSetting
from digitcore.models.layer_plans import Layer, times
from digitcore.models.registry import MODELS, ModelEntry
from digitcore.parameters import clean_parameters, shortened, unknown_name

# Weights, gradients, two moments of Adam and the best epoch's copy are five float32 each: 1 GB at this many.
MOST_PARAMETERS = 50_000_000


def plan(model_name: str, parameters: Mapping[str, Any], image_shape: tuple[int, int], n_classes: int) -> list[Layer]:
    """Return the layers of a model, first to last.

    Parameters
    ----------
    model_name : str
        Name in :data:`digitcore.models.MODELS`.
    parameters : mapping
        Its hyperparameters by name; missing ones take their defaults.
    image_shape : (int, int)
        Height and width of an image, in pixels.
    n_classes : int
        Number of classes, at least 1.

    Returns
    -------
    list of Layer
        The input is no layer; activations belong to the layer before them.

    Raises
    ------
    InvalidSetting
        If the name or a hyperparameter is not valid, an image becomes smaller than a window, or the network would not
        fit into memory.
    """
    if model_name not in MODELS:
        raise unknown_name("model", model_name, MODELS)
    values = clean_parameters(MODELS[model_name].parameters, parameters)
    layers = _planned(MODELS[model_name], values, image_shape, n_classes)
    n_parameters = sum(layer.n_parameters for layer in layers)
    if n_parameters > MOST_PARAMETERS:
        raise InvalidSetting(
            f"The network would have {n_parameters:,} parameters, at most {MOST_PARAMETERS:,} are allowed: "
            "use fewer or smaller layers"
        )
    return layers


def _planned(entry: ModelEntry, values: Mapping[str, Any], image_shape: tuple[int, int], n_classes: int) -> list[Layer]:
    """Return the layers that a model's own function plans, or refuse in one sentence what is wrong with it."""
    whose = f"The plan of the model {entry.name!r}"
    try:
        layers = entry.plan(values, image_shape, n_classes)
    except DigitcoreError:
        raise
    except Exception as error:
        raise InvalidSetting(f"{whose} failed ({type(error).__name__}: {error}): correct its function") from error
    if not (isinstance(layers, list | tuple) and layers and all(isinstance(layer, Layer) for layer in layers)):
        raise InvalidSetting(f"{whose} must return a list of layers, got {shortened(layers)}: correct its function")
    return list(layers)


def layers_table(
    model_name: str, parameters: Mapping[str, Any], image_shape: tuple[int, int], n_classes: int
) -> pd.DataFrame:
    """Return one row per layer of :func:`plan`, which describes the parameters and errors.

    Returns
    -------
    DataFrame
        Columns ``layer`` (str), ``output_shape`` (str, such as ``"26 × 26 × 32"``) and ``n_parameters`` (int).
    """
    layers = plan(model_name, parameters, image_shape, n_classes)
    return pd.DataFrame(
        {
            "layer": [layer.label for layer in layers],
            "output_shape": [times(*layer.output_shape) for layer in layers],
            "n_parameters": [layer.n_parameters for layer in layers],
        }
    )


def multiply_adds(model_name: str, parameters: Mapping[str, Any], image_shape: tuple[int, int], n_classes: int) -> int:
    """Return the multiply-adds of one image's way through the network, forward only; see :func:`plan`."""
    return sum(layer.multiply_adds for layer in plan(model_name, parameters, image_shape, n_classes))
