"""The weights of a model's first layer as images: what each class, unit or filter looks for. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.models import MODELS
from digitcore.parameters import unknown_name


def first_layer_images(model_name: str, weights: Mapping[str, np.ndarray], image_shape: tuple[int, int]) -> np.ndarray:
    """Return one image per class, unit or filter of the first layer; biases are left out.

    Parameters
    ----------
    model_name : str
        Name in :data:`digitcore.models.MODELS`: whose weights they are.
    weights : mapping of str to ndarray
        As ``get_weights`` of the estimator gives them.
    image_shape : (int, int)
        Height and width of the images the model was trained on; a filter has its own size.

    Returns
    -------
    ndarray, float, (n_images, height, width)
        Weights of any sign, in no fixed range.

    Raises
    ------
    InvalidSetting
        If the model is unknown or the weights are not those of such a model on such images.
    """
    first = np.asarray(weights[first_layer_name(model_name, weights)])
    if MODELS[model_name].first_layer.layout == "kernels":
        return first[:, 0]  # (n_filters, kernel, kernel)
    return _rows_as_images(first, image_shape)


def _rows_as_images(rows: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    height, width = image_shape
    if rows.ndim != 2 or rows.shape[1] != prod(image_shape):
        raise InvalidSetting(
            f"The first layer's weights have the shape {rows.shape}, which does not fit images of {height} × {width} "
            "pixels: give the image shape the model was trained on"
        )
    return rows.reshape(-1, height, width)  # (n_images, height, width)


def first_layer_name(model_name: str, weights: Mapping[str, np.ndarray]) -> str:
    """Return the name of the first layer's weights among a model's.

    Raises
    ------
    InvalidSetting
        If the model is unknown or has no such weights.
    """
    if model_name not in MODELS:
        raise unknown_name("model", model_name, MODELS)
    wanted = MODELS[model_name].first_layer.weights
    names = [name for name in wanted if name in weights]
    if not names:
        raise InvalidSetting(
            f"These are not the weights of the model {model_name!r}: expected {wanted[0]!r} among them, "
            f"got {', '.join(weights) or 'none'}"
        )
    return names[0]


def first_layer_titles(model_name: str, weights: Mapping[str, np.ndarray], class_names: Sequence[str]) -> list[str]:
    """Return a title for each image of :func:`first_layer_images`: the class, or the number of the unit or filter."""
    name = first_layer_name(model_name, weights)
    if name.startswith("output."):
        return list(class_names)
    return [str(number) for number in range(1, len(weights[name]) + 1)]
