"""Augmentation: images changed at random in ways that keep their class, so that a model learns from more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from digitcore.errors import DatasetError, InvalidSetting
from digitcore.glossary import explain
from digitcore.images.distortion import affine_transforms, erased, thickened, warped, with_noise
from digitcore.parameters import Integer, Number, clean_parameters, shortened

# Images that are changed at a time, so that what lies between fits into the processor's cache.
BLOCK = 1024
# Standard deviation of the Gaussian that smooths an elastic deformation, as a share of the image's shorter side: 4 of
# 28 pixels, as Simard et al. chose.
ELASTIC_SMOOTHNESS = 1 / 7


def _strength(
    name: str, label: str, phrase: str, help_text: str, maximum: float, slider_end: float, step: float
) -> Number:
    return Number(
        name=name,
        label=label,
        phrase=phrase,
        help=help_text,
        default=0.0,
        minimum=0.0,
        maximum=maximum,
        slider=(0.0, slider_end),
        step=step,
    )


AUGMENTATIONS = (
    _strength(
        "shift",
        "Random shift (pixels)",
        "random shift {} px",
        explain("random shift"),
        maximum=100,
        slider_end=4.0,
        step=0.5,
    ),
    _strength(
        "rotation",
        "Random rotation (°)",
        "random rotation {}°",
        explain("random rotation"),
        maximum=180,
        slider_end=45.0,
        step=1.0,
    ),
    _strength(
        "scale",
        "Random scaling",
        "random scaling {}",
        explain("random scaling"),
        maximum=1,
        slider_end=0.5,
        step=0.05,
    ),
    _strength(
        "shear",
        "Random shear",
        "random shear {}",
        explain("random shear"),
        maximum=1,
        slider_end=0.5,
        step=0.05,
    ),
    _strength(
        "elastic",
        "Elastic deformation (pixels)",
        "elastic deformation {} px",
        explain("elastic deformation"),
        maximum=10,
        slider_end=2.0,
        step=0.1,
    ),
    _strength(
        "noise",
        "Random noise",
        "random noise {}",
        explain("random noise"),
        maximum=1,
        slider_end=0.5,
        step=0.05,
    ),
    _strength(
        "erasing",
        "Erased patch",
        "erased patch {}",
        explain("erased patch"),
        maximum=1,
        slider_end=0.5,
        step=0.05,
    ),
    _strength(
        "thickness",
        "Stroke thickness (pixels)",
        "stroke thickness {} px",
        explain("random stroke thickness"),
        maximum=3,
        slider_end=1.5,
        step=0.25,
    ),
)
SEED = Integer(
    name="seed",
    label="Seed of the augmentation",
    help="The same seed changes the same images in the same way.",
    default=0,
    minimum=0,
    maximum=2**63 - 1,
    slider=(0, 100),
)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How strongly images are changed at random; the defaults change nothing. The records: :data:`AUGMENTATIONS`.

    Attributes
    ----------
    shift : float
        Largest shift in each direction, in pixels, 0 to 100; uniform.
    rotation : float
        Largest angle, in degrees, 0 to 180; uniform.
    scale : float
        Largest change of the size, 0 to 1: the factor is from ``1 / (1 + scale)`` to ``1 + scale``, its logarithm
        uniform.
    shear : float
        Largest slant, in pixels of width per pixel of height, 0 to 1; uniform.
    elastic : float
        Root mean square of the shift of each pixel along each axis, in pixels, 0 to 10.
    noise : float
        Standard deviation of Gaussian noise, as a share of the largest value of a pixel, 0 to 1.
    erasing : float
        Sides of the erased patch, as a share of the image's sides, 0 to 1; its place is uniform.
    thickness : float
        Largest growth or shrinkage of strokes on each side, in pixels, 0 to 3; uniform.

    Raises
    ------
    InvalidSetting
        If a value is not a number or out of range.
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    noise: float = 0.0
    erasing: float = 0.0
    thickness: float = 0.0

    def __post_init__(self) -> None:
        clean_parameters(AUGMENTATIONS, asdict(self))


def augment(images: np.ndarray, augmentation: Augmentation, *, seed: int = 0, max_value: int = 255) -> np.ndarray:
    """Return images changed at random, each in its own way, uint8 of the same shape.

    First the strokes' thickness, then shear, scale, rotation, shift and elastic deformation in one bilinear resampling,
    then an erased patch, then noise. What moves out of an image is lost; paper (0) moves in. Equal arguments give equal
    images.

    Parameters
    ----------
    images : ndarray, uint8, (n_images, height, width)
        Pixel values, 0 (paper) to ``max_value``; not changed.
    augmentation : Augmentation
        The strengths.
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

    References
    ----------
    Simard, Steinkraus and Platt (2003), "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR (elastic deformation). Zhong et al. (2020), "Random erasing data augmentation", AAAI.
    """
    _check(images, augmentation, max_value)
    seed = SEED.clean(seed)
    changes = RandomChanges(augmentation, images.shape, (seed,))
    changed = np.empty_like(images)
    for start in range(0, len(images), BLOCK):
        rows = slice(start, start + BLOCK)
        changed[rows] = changes.next(images[rows], max_value)
    return changed


class RandomChanges:
    """What is drawn for some images, one after the other.

    Parameters
    ----------
    strengths : Augmentation
        The strengths.
    shape : (int, int, int)
        Number of images, height and width, in pixels.
    entropy : sequence of int
        Source of all that is drawn, numbers from 0.
    """

    def __init__(self, strengths: Augmentation, shape: Sequence[int], entropy: Sequence[int]):
        # Each strength draws from a generator of its own, so that one more does not change what the others draw.
        self._streams = {
            record.name: np.random.default_rng([*entropy, number]) for number, record in enumerate(AUGMENTATIONS)
        }
        n_images, *sides = shape
        self._strengths, self._sides, self._n_before = strengths, sides, 0
        self._thickness = self._even("thickness", n_images)
        self._matrices, self._offsets = affine_transforms(
            (sides[0], sides[1]),
            rotation=self._even("rotation", n_images),
            scale=np.exp(np.log1p(strengths.scale) * self._streams["scale"].uniform(-1, 1, n_images)),
            shear=self._even("shear", n_images),
            shift=strengths.shift * self._streams["shift"].uniform(-1, 1, (n_images, 2)),
        )
        self._patch = round(strengths.erasing * sides[0]), round(strengths.erasing * sides[1])
        places = [side - patch + 1 for side, patch in zip(sides, self._patch, strict=True)]
        self._corners = self._streams["erasing"].integers(0, places, (n_images, 2))

    def next(self, images: np.ndarray, max_value: float) -> np.ndarray:
        """Return the next images changed, of the same shape and type.

        However many there are at a time, each gets what was drawn for its place; only memory grows with their number.

        Parameters
        ----------
        images : ndarray, uint8 or float32, (n, height, width)
            Pixel values, 0 (paper) to ``max_value``; not changed.
        max_value : float
            Largest value of a pixel.
        """
        rows = slice(self._n_before, self._n_before + len(images))
        self._n_before = rows.stop
        strengths = self._strengths
        if strengths.thickness:
            images = thickened(images, self._thickness[rows])
        if any((strengths.shift, strengths.rotation, strengths.scale, strengths.shear, strengths.elastic)):
            displacements = self._displacements(len(images)) if strengths.elastic else None
            images = warped(images, self._matrices[rows], self._offsets[rows], displacements)
        if min(self._patch) > 0:
            images = erased(images, self._corners[rows], self._patch)
        if strengths.noise:
            images = with_noise(images, strengths.noise, max_value, self._streams["noise"])
        return images

    def _even(self, name: str, n_images: int) -> np.ndarray:
        """Values from minus to plus the strength, uniform."""
        return getattr(self._strengths, name) * self._streams[name].uniform(-1, 1, n_images)

    def _displacements(self, n_images: int) -> np.ndarray:
        """Smooth random fields ``(n_images, 2, height, width)`` whose root mean square is the strength."""
        drawn = self._streams["elastic"].standard_normal((n_images, 2, *self._sides), dtype=np.float32)
        sigma = ELASTIC_SMOOTHNESS * min(self._sides)
        down, across = (_smoothing(side, sigma) for side in self._sides)
        return np.float32(self._strengths.elastic) * (down @ drawn @ across.T)


def _smoothing(side: int, sigma: float) -> np.ndarray:
    """A Gaussian filter of ``side`` pixels as a matrix, which leaves the deviation of independent values as it is.

    Wrapped around, the filter is the same at the edges as in the middle.
    """
    from scipy import ndimage

    rows = ndimage.gaussian_filter1d(np.eye(side), sigma, axis=0, mode="wrap")
    return (rows / np.sqrt((rows[0] ** 2).sum())).astype(np.float32)


def _check(images: np.ndarray, augmentation: Augmentation, max_value: int) -> None:
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 3:
        came = f"{images.dtype} of shape {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
        raise DatasetError(f"Images to augment must be uint8 of shape (n_images, height, width), got {came}")
    if 0 in images.shape[1:]:
        raise DatasetError(f"Images to augment must have at least one pixel, got shape {images.shape}")
    if not isinstance(augmentation, Augmentation):
        raise InvalidSetting(f"augmentation must be an Augmentation, got {shortened(augmentation)}")
    if isinstance(max_value, bool) or not isinstance(max_value, int | np.integer) or not 1 <= max_value <= 255:
        raise InvalidSetting(f"max_value must be a whole number from 1 to 255, got {shortened(max_value)}")
    if images.max(initial=0) > max_value:
        raise DatasetError(f"Images to augment must have no pixel above {max_value}, got {images.max()}")
