"""From a drawing or a photo to an image framed as its data set's authors framed theirs.

Ink is float, 0 (paper) to 1 (full ink), ``(height, width)``.
"""

from __future__ import annotations

import base64
import contextlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from digitcore.errors import InvalidSetting

# Fainter than this share of the darkest ink counts as paper when the ink's edges are looked for.
PAPER = 0.15
# A separate piece of a photo's ink is dust below this share of the largest piece's; the bar of a 5 has more.
SPECK = 0.1
# Side of what the drawing pad sends: five times MNIST's, so that its pixels do not show.
PAD_PIXELS = 140
_PAD_LETTERS = 4 * math.ceil(PAD_PIXELS**2 / 3)


@dataclass(frozen=True)
class Frame:
    """How a data set's images are framed.

    Attributes
    ----------
    image_shape : (int, int)
        Height and width of an image, in pixels.
    ink_size : int
        Longest side of the ink, in pixels: 20 of 28 for MNIST, 8 of 8 for scikit-learn's digits.

    References
    ----------
    LeCun, Cortes and Burges, "The MNIST database of handwritten digits": fitted into a 20x20 box keeping the aspect
    ratio, then placed into 28x28 by the centre of mass.
    """

    image_shape: tuple[int, int]
    ink_size: int


@dataclass(frozen=True)
class Step:
    """A stage of the clean-up: what was done, and the ink after it."""

    title: str
    ink: np.ndarray


def clean_drawing(ink: np.ndarray, frame: Frame) -> list[Step]:
    """Return the stages from a drawing to an image of ``frame``; the last one is what the model gets.

    Parameters
    ----------
    ink : ndarray of shape (height, width), float
        0 to 1, any size.
    frame : Frame
        Of the data set.

    Raises
    ------
    InvalidSetting
        If nothing is drawn, or this is no ink.
    """
    ink = _checked(ink)
    rows, columns = _ink_box(ink)
    cropped = ink[rows, columns]
    scaled = _resized(cropped / cropped.max(), _fitting_shape(cropped.shape, frame))
    height, width = scaled.shape
    return [
        Step("Drawn", ink),
        Step("Cropped to the ink", cropped),
        Step(f"Scaled to {height} × {width}", scaled),
        Step("Centred by mass", _centred(scaled, frame.image_shape)),
    ]


def clean_photo(gray: np.ndarray, frame: Frame) -> list[Step]:
    """Return the stages from a grey photo, uint8 ``(height, width)``, to an image of ``frame``.

    The paper is what most of the photo's edge shows; a bright one is inverted. What differs from it by less than half
    of Otsu's threshold is paper as well, and so are specks with less than a tenth of the ink of the largest stroke.

    Raises
    ------
    InvalidSetting
        If no ink stands out from the paper.

    References
    ----------
    Otsu (1979), "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man, and
    Cybernetics 9, 62-66.
    """
    edge = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    paper = float(np.median(edge))
    difference = (paper - gray if paper > 127 else gray - paper) / 255
    difference = np.clip(difference, 0, 1)
    if difference.max() < 0.1:
        raise InvalidSetting("No digit stands out from the background: use dark ink on plain paper, or light on dark.")
    threshold = _otsu_threshold(difference)
    # Half of the ink is full ink, so that a few brilliant pixels do not make all others pale.
    floor, full = 0.5 * threshold, np.median(difference[difference >= threshold])
    ink = np.clip((difference - floor) / (full - floor), 0, 1)
    ink = _without_specks(ink)
    first = Step("Grey", gray / 255)
    inverted = "Inverted, paper removed" if paper > 127 else "Background removed"
    return [first, Step(inverted, ink), *clean_drawing(ink, frame)[1:]]


def pad_ink(sent: Any) -> np.ndarray:
    """Return what the drawing pad has sent as ink, ``(140, 140)``.

    Parameters
    ----------
    sent : Any
        Base64 of 140 × 140 grey values, row by row, 255 for full ink. A browser that was tampered with may send
        anything; nothing but text of exactly this length is decoded.

    Raises
    ------
    InvalidSetting
        If it is anything else.
    """
    gray = None
    if isinstance(sent, str) and len(sent) == _PAD_LETTERS:
        with contextlib.suppress(ValueError):  # letters that are not those of base64
            gray = np.frombuffer(base64.b64decode(sent, validate=True), np.uint8)
    if gray is None or gray.size != PAD_PIXELS**2:
        raise InvalidSetting(
            f"A drawing must be {PAD_PIXELS} × {PAD_PIXELS} grey values in base64, the browser sent something else: "
            "reload the page and draw again."
        )
    return gray.reshape(PAD_PIXELS, PAD_PIXELS) / 255


def as_image(ink: np.ndarray, max_value: int) -> np.ndarray:
    """Return ink as a data set keeps its images: uint8, 0 to ``max_value``."""
    return (np.clip(ink, 0, 1) * max_value).round().astype(np.uint8)


def _checked(ink: np.ndarray) -> np.ndarray:
    ink = np.asarray(ink, dtype=np.float64)
    if ink.ndim != 2 or ink.size == 0 or not np.isfinite(ink).all():
        raise InvalidSetting(f"A drawing must be finite numbers of shape (height, width), got the shape {ink.shape}")
    ink = np.clip(ink, 0, 1)
    if ink.max() < 0.05:
        raise InvalidSetting("Nothing is drawn yet.")
    return ink


def _ink_box(ink: np.ndarray) -> tuple[slice, slice]:
    there = ink > PAPER * ink.max()
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _fitting_shape(shape: tuple[int, int], frame: Frame) -> tuple[int, int]:
    """The size at which the longer side is the frame's ink size, or less where the image is narrower."""
    factor = min(
        frame.ink_size / max(shape), *(most / side for most, side in zip(frame.image_shape, shape, strict=True))
    )
    height, width = (max(1, round(side * factor)) for side in shape)
    return height, width


def _resized(ink: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Antialiased, which is what the grey pixels of MNIST come from."""
    height, width = shape
    picture = Image.fromarray(ink.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.clip(np.asarray(picture, dtype=np.float64), 0, 1)


def _centred(ink: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Place ink so that its centre of mass is the image's centre, as far as no ink is cut off."""
    image = np.zeros(image_shape)
    corner = []
    for axis, (room, side) in enumerate(zip(image_shape, ink.shape, strict=True)):
        mass = ink.sum(axis=1 - axis)
        center = (mass * np.arange(side)).sum() / mass.sum()
        corner.append(int(np.clip(round((room - 1) / 2 - center), 0, room - side)))
    top, left = corner
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image


def _without_specks(ink: np.ndarray) -> np.ndarray:
    pieces, n_pieces = ndimage.label(ink > PAPER, structure=np.ones((3, 3)))
    amounts = ndimage.sum_labels(ink, pieces, np.arange(1, n_pieces + 1))
    kept = np.flatnonzero(amounts >= SPECK * amounts.max()) + 1
    return np.where(np.isin(pieces, kept), ink, 0.0)


def _otsu_threshold(values: np.ndarray) -> float:
    """The value (0 to 1) that parts a histogram into two groups with the largest variance between them."""
    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = counts.cumsum(), counts.sum()
    sum_below, above = (counts * middles).cumsum(), total - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = sum_below / below - (sum_below[-1] - sum_below) / above
    between = np.nan_to_num(below * above * apart**2)
    return float(edges[between.argmax() + 1])
