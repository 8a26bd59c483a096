"""Corruptions: twelve ways in which images get worse, each at severities 1 to 5, to see how robust a model is.

Lengths are shares of the image's sides, so that a severity means the same at any size.

References
----------
Hendrycks and Dietterich (2019), "Benchmarking neural network robustness to common corruptions and perturbations", ICLR.
Mu and Gilmer (2019), "MNIST-C: a robustness benchmark for computer vision", arXiv:1906.02337.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import ndimage

from digitcore.errors import DatasetError, InvalidSetting
from digitcore.images.distortion import affine_transforms, erased, rounded, thickened, warped, with_noise
from digitcore.parameters import shortened, unknown_name

SEVERITIES = (1, 2, 3, 4, 5)
# Every so many rows one is a stripe.
STRIPE_PERIOD = 4

# Gets images, a strength, the largest value of a pixel and a generator.
Apply = Callable[[np.ndarray, float, int, np.random.Generator], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One way in which images get worse.

    Attributes
    ----------
    name : str
        Key in :data:`CORRUPTIONS`.
    label : str
        What pages and charts show.
    words : str
        What is done, and what its strength means.
    strengths : tuple of five floats
        Of the severities 1 to 5.
    apply : callable
        See :data:`Apply`.
    """

    name: str
    label: str
    words: str
    strengths: tuple[float, float, float, float, float]
    apply: Apply


def _blurred(images: np.ndarray, share: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    deviation = share * min(images.shape[1:])
    return rounded(ndimage.gaussian_filter(images.astype(np.float32), (0, deviation, deviation)), max_value)


def _shifted(images: np.ndarray, share: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    direction = rng.uniform(0, 2 * np.pi, len(images))
    sides = np.array(images.shape[1:])
    shift = share * sides * np.stack([np.sin(direction), np.cos(direction)], axis=1)
    return warped(images, *affine_transforms(images.shape[1:], shift=shift))


def _rotated(images: np.ndarray, degrees: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    return warped(images, *affine_transforms(images.shape[1:], rotation=degrees * _signs(images, rng)))


def _scaled(images: np.ndarray, factor: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    return warped(images, *affine_transforms(images.shape[1:], scale=factor ** _signs(images, rng)))


def _slanted(images: np.ndarray, slant: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    return warped(images, *affine_transforms(images.shape[1:], shear=slant * _signs(images, rng)))


def _brightened(images: np.ndarray, share: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    return rounded(images + np.float32(share * max_value), max_value)


def _faded(images: np.ndarray, kept: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    means = images.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    return rounded(means + np.float32(kept) * (images - means), max_value)


def _striped(images: np.ndarray, share: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    first = rng.integers(0, STRIPE_PERIOD, len(images))
    stripes = (np.arange(images.shape[1]) - first[:, None]) % STRIPE_PERIOD == 0  # (n_images, height)
    ink = np.uint8(round(share * max_value))
    return np.where(stripes[:, :, None], np.maximum(images, ink), images)


def _patched(images: np.ndarray, share: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    height, width = images.shape[1:]
    patch = max(1, round(share * height)), max(1, round(share * width))
    # One draw for all severities: the patch grows about one place.
    places = rng.random((len(images), 2)) * [height - patch[0] + 1, width - patch[1] + 1]
    return erased(images, places.astype(np.int64), patch)


def _fattened(images: np.ndarray, share: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    return thickened(images, share * min(images.shape[1:]) * _signs(images, rng))


def _inverted(images: np.ndarray, share: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    width = images.shape[2]
    columns = np.arange(width) < round(share * width)
    from_right = rng.integers(0, 2, len(images)).astype(bool)
    chosen = np.where(from_right[:, None], columns[::-1], columns)  # (n_images, width)
    return np.where(chosen[:, None, :], np.uint8(max_value) - images, images)


def _noisy(images: np.ndarray, deviation: float, max_value: int, rng: np.random.Generator) -> np.ndarray:
    return with_noise(images, deviation, max_value, rng)


def _signs(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Plus or minus one for each image."""
    return rng.choice([-1.0, 1.0], len(images))


_ALL = (
    Corruption(
        name="noise",
        label="Noise",
        words="Gaussian noise on every pixel; its standard deviation as a share of full ink.",
        strengths=(0.1, 0.2, 0.3, 0.4, 0.5),
        apply=_noisy,
    ),
    Corruption(
        name="blur",
        label="Blur",
        words="A Gaussian blur; its standard deviation as a share of the image's side.",
        strengths=(0.02, 0.04, 0.06, 0.08, 0.1),
        apply=_blurred,
    ),
    Corruption(
        name="shift",
        label="Shift",
        words="A shift in a random direction, as a share of the image's side.",
        strengths=(0.05, 0.1, 0.15, 0.2, 0.25),
        apply=_shifted,
    ),
    Corruption(
        name="rotation",
        label="Rotation",
        words="A rotation, clockwise or counterclockwise, in degrees.",
        strengths=(10, 20, 30, 40, 50),
        apply=_rotated,
    ),
    Corruption(
        name="scale",
        label="Scaling",
        words="Enlarged or shrunk by a factor.",
        strengths=(1.15, 1.3, 1.5, 1.75, 2.0),
        apply=_scaled,
    ),
    Corruption(
        name="shear",
        label="Shear",
        words="Slanted to the left or to the right, in pixels per pixel of height.",
        strengths=(0.15, 0.3, 0.45, 0.6, 0.75),
        apply=_slanted,
    ),
    Corruption(
        name="brightness",
        label="Brightness",
        words="A share of full ink added to every pixel, the background included.",
        strengths=(0.1, 0.2, 0.3, 0.4, 0.5),
        apply=_brightened,
    ),
    Corruption(
        name="contrast",
        label="Contrast",
        words="The share that is left of each pixel's difference from the image's mean.",
        strengths=(0.75, 0.6, 0.45, 0.3, 0.15),
        apply=_faded,
    ),
    Corruption(
        name="stripes",
        label="Stripes",
        words="Every fourth row is inked at least by a share of full ink.",
        strengths=(0.2, 0.4, 0.6, 0.8, 1.0),
        apply=_striped,
    ),
    Corruption(
        name="patch",
        label="Patch",
        words="A blank patch at a random place; its sides as a share of the image's.",
        strengths=(0.2, 0.3, 0.4, 0.5, 0.6),
        apply=_patched,
    ),
    Corruption(
        name="thickness",
        label="Thickness",
        words="Strokes thicker or thinner on each side, by a share of the image's side.",
        strengths=(0.01, 0.02, 0.03, 0.04, 0.05),
        apply=_fattened,
    ),
    Corruption(
        name="inverted",
        label="Inversion",
        words="Ink and background exchanged, from the left or from the right, on a share of the image.",
        strengths=(0.2, 0.4, 0.6, 0.8, 1.0),
        apply=_inverted,
    ),
)
CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType({corruption.name: corruption for corruption in _ALL})


def corrupted(images: np.ndarray, name: str, severity: int, *, seed: int = 0, max_value: int = 255) -> np.ndarray:
    """Return images made worse in one way, uint8 of the same shape. Equal arguments give equal images.

    What is drawn for an image, such as the direction of its shift, is the same at all severities.

    Parameters
    ----------
    images : ndarray, uint8, (n_images, height, width)
        Pixel values, 0 (paper) to ``max_value``; not changed.
    name : str
        Key in :data:`CORRUPTIONS`.
    severity : int
        1 to 5; 0 returns a copy of the images.
    seed : int
        Source of all that is drawn, from 0.
    max_value : int
        Largest value of a pixel, 1 to 255.

    Raises
    ------
    DatasetError
        If these are not such images.
    InvalidSetting
        If another argument is not valid.
    """
    if name not in CORRUPTIONS:
        raise unknown_name("corruption", name, CORRUPTIONS)
    _check(images, severity, seed, max_value)
    if severity == 0:
        return images.copy()
    corruption = CORRUPTIONS[name]
    rng = np.random.default_rng([seed, tuple(CORRUPTIONS).index(name)])
    return corruption.apply(images, corruption.strengths[severity - 1], int(max_value), rng)


def _check(images: np.ndarray, severity: Any, seed: Any, max_value: Any) -> None:
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape[1:]:
        came = f"{images.dtype} of shape {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
        raise DatasetError(f"Images to corrupt must be uint8 of shape (n_images, height, width), got {came}")
    for value, what, least, most in (
        (severity, "severity", 0, len(SEVERITIES)),
        (seed, "seed", 0, None),
        (max_value, "max_value", 1, 255),
    ):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > most):
            span = f"from {least}" if most is None else f"from {least} to {most}"
            raise InvalidSetting(f"{what} must be a whole number {span}, got {shortened(value)}")
    if images.max(initial=0) > max_value:
        raise DatasetError(f"Images to corrupt must have no pixel above {max_value}, got {images.max()}")
