"""The weights of a model's first layer as images: what each class, unit or filter looks for. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.parameters import unknown_name

# Names of the weights to show, first choice first: an MLP without hidden layers has only its output layer.
_FIRST_LAYERS = {
    "softmax": ("output.weight",),
    "mlp": ("dense_1.weight", "output.weight"),
    "cnn": ("conv_1.weight",),
}


def first_layer_images(model_name: str, weights: Mapping[str, np.ndarray], image_shape: tuple[int, int]) -> np.ndarray:
    """Return one image per class (softmax), per unit (MLP) or per filter (CNN) of the first layer; biases are left out.

    Parameters
    ----------
    model_name : {"softmax", "mlp", "cnn"}
        Which model the weights belong to.
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
    if model_name not in _FIRST_LAYERS:
        raise unknown_name("model", model_name, _FIRST_LAYERS)
    names = [name for name in _FIRST_LAYERS[model_name] if name in weights]
    if not names:
        raise InvalidSetting(
            f"These are not the weights of the model {model_name!r}: expected {_FIRST_LAYERS[model_name][0]!r} among "
            f"them, got {', '.join(weights) or 'none'}"
        )
    first = np.asarray(weights[names[0]])
    if model_name == "cnn":
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


def first_layer_name(weights: Mapping[str, np.ndarray]) -> str:
    """Return the name of the first layer's weights among a model's."""
    return next(name for name in ("conv_1.weight", "dense_1.weight", "output.weight") if name in weights)


def first_layer_titles(weights: Mapping[str, np.ndarray], class_names: Sequence[str]) -> list[str]:
    """Return a title for each image of :func:`first_layer_images`: the class, or the number of the unit or filter."""
    for name in ("conv_1.weight", "dense_1.weight"):
        if name in weights:
            return [str(number) for number in range(1, len(weights[name]) + 1)]
    return list(class_names)
