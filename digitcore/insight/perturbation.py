"""Small changes to an image, to see what a model makes of them.

Ink is float, 0 to 1, ``(height, width)``; lengths are in pixels of the image.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage

from digitcore.parameters import Number, clean_parameters

PERTURBATIONS = (
    Number(
        name="rotation",
        label="Rotate (°)",
        help="Clockwise.",
        default=0.0,
        minimum=-180,
        maximum=180,
        slider=(-90.0, 90.0),
        step=5.0,
    ),
    Number(
        name="shift_x",
        label="Shift right",
        help="As a share of the width.",
        default=0.0,
        minimum=-1,
        maximum=1,
        slider=(-0.4, 0.4),
        step=0.05,
    ),
    Number(
        name="shift_y",
        label="Shift down",
        help="As a share of the height.",
        default=0.0,
        minimum=-1,
        maximum=1,
        slider=(-0.4, 0.4),
        step=0.05,
    ),
    Number(
        name="scale",
        label="Scale",
        help="1 leaves the size as it is.",
        default=1.0,
        minimum=0.1,
        maximum=4,
        slider=(0.4, 1.6),
        step=0.05,
    ),
    Number(
        name="thickness",
        label="Thickness",
        help="Pixels that strokes grow or shrink by on each side.",
        default=0.0,
        minimum=-3,
        maximum=3,
        slider=(-1.5, 1.5),
        step=0.25,
    ),
    Number(
        name="blur",
        label="Blur",
        help="Standard deviation of a Gaussian, in pixels.",
        default=0.0,
        minimum=0,
        maximum=10,
        slider=(0.0, 3.0),
        step=0.25,
    ),
    Number(
        name="noise",
        label="Noise",
        help="Standard deviation of Gaussian noise on every pixel; full ink is 1.",
        default=0.0,
        minimum=0,
        maximum=2,
        slider=(0.0, 0.6),
        step=0.05,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """How an image is changed; the defaults change nothing. See :data:`PERTURBATIONS` for the meaning of each.

    Raises
    ------
    InvalidSetting
        If a value is out of range.
    """

    rotation: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0
    thickness: float = 0.0
    blur: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        clean_parameters(PERTURBATIONS, asdict(self))


def perturb(ink: np.ndarray, change: Perturbation, seed: int = 0) -> np.ndarray:
    """Return the changed image, float64, 0 to 1, of the same shape.

    First the strokes' thickness, then rotation, scale and shift about the image's centre in one go, then blur, then
    noise. What moves out of the image is lost; paper moves in.

    Parameters
    ----------
    ink : ndarray of shape (height, width), float
        0 to 1; not changed.
    change : Perturbation
        What to do.
    seed : int
        Of the noise.
    """
    image = _thickened(np.asarray(ink, dtype=np.float64), change.thickness)
    if (change.rotation, change.scale, change.shift_x, change.shift_y) != (0, 1, 0, 0):
        image = _moved(image, change)
    if change.blur:
        image = ndimage.gaussian_filter(image, change.blur, mode="constant")
    if change.noise:
        image = image + np.random.default_rng(seed).normal(0, change.noise, image.shape)
    return np.clip(image, 0, 1)


def _moved(image: np.ndarray, change: Perturbation) -> np.ndarray:
    angle = np.deg2rad(change.rotation)
    # From a place in the result back to where its ink comes from; rows count downwards, so this turns clockwise.
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / change.scale
    center = (np.array(image.shape) - 1) / 2
    shift = np.array([change.shift_y, change.shift_x]) * image.shape
    return ndimage.affine_transform(image, matrix, offset=center - matrix @ (center + shift), order=1)


def _thickened(image: np.ndarray, pixels: float) -> np.ndarray:
    """Grow or shrink strokes by whole pixels, and mix in one more for the rest."""
    change = ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion
    cross = ndimage.generate_binary_structure(2, 1)
    whole, rest = divmod(abs(pixels), 1)
    for _ in range(int(whole)):
        image = change(image, footprint=cross, mode="constant")
    return image + rest * (change(image, footprint=cross, mode="constant") - image) if rest else image
