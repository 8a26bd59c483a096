"""Why a model answers as it does: which pixels speak for a class and which against it.

A model is a function from rows of scaled pixels, float32 ``(n_images, height * width)``, to probabilities
``(n_images, n_classes)``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from digitcore.errors import InvalidSetting

Predict = Callable[[np.ndarray], np.ndarray]


def contributions(weights: np.ndarray, pixels: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Return what each pixel adds to each class's score in softmax regression: weight times pixel.

    With the bias, the values of a class add up to its score before the softmax.

    Parameters
    ----------
    weights : ndarray of shape (n_classes, height * width), float
        Of the output layer.
    pixels : ndarray of shape (height * width,), float
        Of one image, scaled as in the training.
    image_shape : (int, int)
        Height and width.

    Returns
    -------
    ndarray of shape (n_classes, height, width)
    """
    return (weights * pixels).reshape(-1, *image_shape)


def occlusion_drops(
    predict: Predict, pixels: np.ndarray, image_shape: tuple[int, int], window: int | None = None
) -> np.ndarray:
    """Return how much of each class's probability depends on each place of the image.

    A blank patch covers each region of the image in turn. A pixel's value is the mean fall of the probability over
    the squares that cover it: positive where ink speaks for the class, negative where it speaks against it.

    Parameters
    ----------
    predict : callable
        The model.
    pixels : ndarray of shape (height * width,), float
        Of one image, scaled as in the training.
    image_shape : (int, int)
        Height and width.
    window : int, optional
        Side of the square, in pixels; a sixth of the image by default.

    Returns
    -------
    ndarray of shape (n_classes, height, width)
        -1 to 1.

    Raises
    ------
    InvalidSetting
        If the square does not fit into the image.

    References
    ----------
    Zeiler and Fergus (2014), "Visualizing and understanding convolutional networks", section 4.2.
    """
    height, width = image_shape
    if window is None:
        window = min(max(2, round(max(image_shape) / 6)), min(image_shape))
    if not 1 <= window <= min(image_shape):
        raise InvalidSetting(f"window must be 1 to {min(image_shape)} pixels, got {window}")
    places = [(top, left) for top in range(height - window + 1) for left in range(width - window + 1)]
    images = np.repeat(pixels.reshape(1, height, width), len(places) + 1, axis=0)
    for image, (top, left) in zip(images[1:], places, strict=True):
        image[top : top + window, left : left + window] = 0
    probabilities = predict(images.reshape(len(images), -1))
    drops = np.zeros((probabilities.shape[1], height, width))
    covered = np.zeros((height, width))
    for drop, (top, left) in zip(probabilities[0] - probabilities[1:], places, strict=True):
        drops[:, top : top + window, left : left + window] += drop[:, np.newaxis, np.newaxis]
        covered[top : top + window, left : left + window] += 1
    return drops / covered


def classes_to_compare(probabilities: np.ndarray, truth: int | None) -> tuple[int, int]:
    """Return the prediction and the class to lay beside it: the truth where it is another, else the second best."""
    order = np.argsort(-probabilities, kind="stable")
    if truth is not None and truth != order[0]:
        return int(order[0]), truth
    return int(order[0]), int(order[min(1, len(order) - 1)])
