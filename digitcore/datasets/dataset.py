"""Dataset: labelled images, raw as they came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digitcore.errors import DatasetError, InvalidSetting


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled grey images.

    Attributes
    ----------
    name : str
        Key in the registry, or the user's name for it.
    images : ndarray, uint8, (n_images, height, width)
        Raw pixel values, 0 to ``max_value``; read-only.
    labels : ndarray, int64, (n_images,)
        Class of each image, 0 to ``n_classes - 1``; read-only.
    class_names : tuple of str
        Name of each class.
    max_value : int
        Largest value a pixel can have: 16 for scikit-learn's digits, 255 for MNIST.
    official_train_size : int or None
        The images before it are the official training part, the others the official test part.

    Raises
    ------
    DatasetError
        If shapes, types or values do not fit together.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    max_value: int
    official_train_size: int | None = None

    def __post_init__(self) -> None:
        images, labels = np.asarray(self.images), np.asarray(self.labels)
        _check_images(self.name, images, self.max_value)
        _check_labels(self.name, labels, len(images), len(self.class_names))
        size = self.official_train_size
        if size is not None and not 0 < size < len(images):
            raise DatasetError(
                f"The official training part of {self.name!r} must have 1 to {len(images) - 1} images, got {size}"
            )
        object.__setattr__(self, "images", _read_only(images))
        object.__setattr__(self, "labels", _read_only(labels.astype(np.int64, copy=False)))
        object.__setattr__(self, "class_names", tuple(self.class_names))

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of an image, in pixels."""
        return self.images.shape[1:]

    def __repr__(self) -> str:
        height, width = self.image_shape
        return f"Dataset({self.name!r}, {self.n_images} images of {height} × {width} pixels, {self.n_classes} classes)"


def features(images: np.ndarray, *, max_value: int, scaling: str = "unit") -> np.ndarray:
    """Return images as a model takes them.

    Parameters
    ----------
    images : ndarray, uint8, (n_images, height, width)
        Raw pixel values.
    max_value : int
        Value that becomes 1.
    scaling : {"unit", "raw"}
        Divide by ``max_value``, or leave the values as they are.

    Returns
    -------
    ndarray, float32, (n_images, height * width)
        Pixels in row-major order.

    Raises
    ------
    InvalidSetting
        If the scaling is unknown.
    """
    if scaling not in ("unit", "raw"):
        raise InvalidSetting(f"scaling must be 'unit' or 'raw', got {scaling!r}")
    flat = images.reshape(len(images), -1).astype(np.float32)  # (n_images, height * width)
    if scaling == "unit":
        flat /= np.float32(max_value)
    return flat


def _check_images(name: str, images: np.ndarray, max_value: int) -> None:
    if images.dtype != np.uint8 or images.ndim != 3:
        raise DatasetError(
            f"The images of {name!r} must be uint8 of shape (n_images, height, width), "
            f"got {images.dtype} of shape {images.shape}"
        )
    if 0 in images.shape:
        raise DatasetError(f"{name!r} must have at least one image of at least one pixel, got shape {images.shape}")
    if not 1 <= max_value <= 255 or images.max() > max_value:
        raise DatasetError(
            f"max_value of {name!r} must be 1 to 255 and no pixel above it, got {max_value} with a largest pixel of "
            f"{images.max()}"
        )


def _check_labels(name: str, labels: np.ndarray, n_images: int, n_classes: int) -> None:
    if labels.shape != (n_images,) or not np.issubdtype(labels.dtype, np.integer):
        raise DatasetError(
            f"{name!r} must have one whole number as label for each of its {n_images} images, "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= n_classes:
        raise DatasetError(
            f"The labels of {name!r} must be 0 to {n_classes - 1} ({n_classes} classes), "
            f"got {labels.min()} to {labels.max()}"
        )


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
