"""How the authors of a data set framed its images: the last stages of the clean-up, one class per procedure.

Ink is float, 0 (paper) to 1 (full ink), ``(height, width)``. A data set of your own names one of these in its entry, or
brings another that has ``stroke_width`` and ``stages``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image
from scipy import ndimage

# Fainter than this share of the darkest ink counts as paper when the ink's edges are looked for.
PAPER = 0.15
# Above this share it is a pixel that is on, where a bitmap is made of it.
ON = 0.5
# Fine pixels along a pixel of an image whose ink is counted, and how much strokes grow or shrink in them at most.
BLOCK, MOST_GROWTH = 8, 14
# How much more ink is stretched one way than the other at most, to fill its box.
WIDEST_STRETCH, TALLEST_STRETCH = 1.3, 5.0
# A slant is that much of a row per row at most, and its ends are looked for in that share of the rows.
MOST_SLANT, END_ROWS = 0.6, 0.06


@dataclass(frozen=True)
class Step:
    """A stage of the clean-up: what was done, and the ink after it."""

    title: str
    ink: np.ndarray


class Framing(Protocol):
    """From ink to an image of a data set."""

    @property
    def stroke_width(self) -> float:
        """Width in which a pen's path is drawn, as a share of the drawing's longer side."""

    def stages(self, ink: np.ndarray) -> list[Step]:
        """Return the stages; the last one has the shape of the data set's images."""


@dataclass(frozen=True)
class CenteredByMass:
    """Scale to a size, keeping the aspect ratio, and place by the centre of mass, as MNIST was made.

    Attributes
    ----------
    image_shape : (int, int)
        Height and width of an image, in pixels.
    ink_size : int
        Longest side of the ink, in pixels: 20 of 28 for MNIST.
    stroke_pixels : float
        Width of a stroke, in pixels of the image; with 2.5 drawings have as much ink as MNIST's images.

    References
    ----------
    LeCun, Cortes and Burges, "The MNIST database of handwritten digits": fitted into a 20x20 box keeping the aspect
    ratio, then placed into 28x28 by the centre of mass.
    """

    image_shape: tuple[int, int]
    ink_size: int
    stroke_pixels: float = 2.5

    @property
    def stroke_width(self) -> float:
        """Width of a stroke as a share of the drawing's longer side."""
        return min(0.5, self.stroke_pixels / self.ink_size)

    def stages(self, ink: np.ndarray) -> list[Step]:
        """Return the ink cropped, scaled and centred."""
        cropped = ink[ink_box(ink)]
        scaled = _resized(cropped / cropped.max(), _fitting_shape(cropped.shape, self.ink_size, self.image_shape))
        height, width = scaled.shape
        return [
            Step("Cropped to the ink", cropped),
            Step(f"Scaled to {height} × {width}", scaled),
            Step("Centred by mass", _centred(scaled, self.image_shape)),
        ]


@dataclass(frozen=True)
class CenteredByBox:
    """Scale until the longer side fills the image, keeping the aspect ratio, and centre, as Fashion-MNIST was made.

    Attributes
    ----------
    image_shape : (int, int)
        Height and width of an image, in pixels.
    stroke_pixels : float
        Width of a stroke, in pixels of the image.

    References
    ----------
    Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", arXiv:1708.07747: trimmed, the longest edge resized to 28, the shortest extended to 28, centred.
    """

    image_shape: tuple[int, int]
    stroke_pixels: float = 2.5

    @property
    def stroke_width(self) -> float:
        """Width of a stroke as a share of the drawing's longer side."""
        return min(0.5, self.stroke_pixels / max(self.image_shape))

    def stages(self, ink: np.ndarray) -> list[Step]:
        """Return the ink cropped, scaled and centred."""
        cropped = ink[ink_box(ink)]
        shape = _fitting_shape(cropped.shape, max(self.image_shape), self.image_shape)
        scaled = _resized(cropped / cropped.max(), shape)
        image = np.zeros(self.image_shape)
        top, left = ((room - side) // 2 for room, side in zip(self.image_shape, shape, strict=True))
        image[top : top + shape[0], left : left + shape[1]] = scaled
        return [
            Step("Cropped to the ink", cropped),
            Step(f"Scaled to {shape[0]} × {shape[1]}", scaled),
            Step("Centred", image),
        ]


@dataclass(frozen=True)
class CountedInBlocks:
    """Make a bitmap that fills a box, and count its pixels in blocks, as scikit-learn's digits were made.

    The slant is removed: rows are shifted until the leftmost ink at the top stands above the leftmost at the bottom.
    What is left is stretched to the box, a narrow 1 by no more than :data:`WIDEST_STRETCH`. Its strokes are made
    thicker or thinner until the ink covers as much of the image as in the data set, where a 1 has as much as an 8.

    Attributes
    ----------
    image_shape : (int, int)
        Height and width of an image, in pixels.
    box_shape : (int, int)
        Height and width of the box in its middle that is filled, in pixels: 8 and 5 for scikit-learn's digits, whose
        bitmaps of 32 by 32 have digits of 32 by 20.
    ink_share : float
        Mean of an image's pixels, 0 to 1.

    References
    ----------
    Garris, Blue, Candela and others (1994), "NIST form-based handprint recognition system", NISTIR 5469. Alpaydin and
    Kaynak (1998), "Optical recognition of handwritten digits", UCI Machine Learning Repository.
    """

    image_shape: tuple[int, int]
    box_shape: tuple[int, int]
    ink_share: float

    @property
    def stroke_width(self) -> float:
        """Width of a stroke as a share of the drawing's longer side: thin, for it is made wider."""
        return 0.06

    def stages(self, ink: np.ndarray) -> list[Step]:
        """Return the ink upright, as a bitmap in its box, and counted."""
        cropped = ink[ink_box(ink, ON)]
        upright = _sheared(cropped / cropped.max())
        upright = upright[ink_box(upright, ON)]
        bitmap = self._bitmap(upright)
        height, width = self.image_shape
        counts = bitmap.reshape(height, BLOCK, width, BLOCK).mean(axis=(1, 3))
        return [
            Step("Slant removed", upright),
            Step("Stretched, strokes as thick as in the data", bitmap),
            Step(f"Counted in {height} × {width} blocks", counts),
        ]

    def _bitmap(self, ink: np.ndarray) -> np.ndarray:
        """Find the growth of the strokes, in fine pixels, with which the ink covers its share of the image."""
        low, high = float(-MOST_GROWTH), float(MOST_GROWTH)
        wanted = self.ink_share * np.prod(self.image_shape) * BLOCK**2
        for _ in range(8):
            middle = (low + high) / 2
            bitmap = self._grown(ink, middle)
            low, high = (low, middle) if bitmap.sum() > wanted else (middle, high)
        rows, columns = (BLOCK * side for side in self.image_shape)
        return bitmap[MOST_GROWTH : MOST_GROWTH + rows, MOST_GROWTH : MOST_GROWTH + columns].astype(np.float64)

    def _grown(self, ink: np.ndarray, growth: float) -> np.ndarray:
        """Fit ink into the box, less the growth of its strokes on either side, and let them grow."""
        most = [max(1, round(BLOCK * side - 2 * growth)) for side in self.box_shape]
        across, down = (side / size for side, size in zip(most[::-1], ink.shape[::-1], strict=True))
        across, down = min(across, WIDEST_STRETCH * down), min(down, TALLEST_STRETCH * across)
        shape = max(1, round(down * ink.shape[0])), max(1, round(across * ink.shape[1]))
        sheet = np.zeros([BLOCK * side + 2 * MOST_GROWTH for side in self.image_shape])
        top, left = ((room - side) // 2 for room, side in zip(sheet.shape, shape, strict=True))
        sheet[top : top + shape[0], left : left + shape[1]] = _resized(ink, shape)
        inside = sheet > ON * sheet.max()
        distance = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
        return distance + np.where(inside, 0.5, -0.5) <= growth


def ink_box(ink: np.ndarray, faint: float = PAPER) -> tuple[slice, slice]:
    """Return the rows and columns from the first to the last ink above this share of the darkest."""
    there = ink > faint * ink.max()
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _fitting_shape(shape: tuple[int, ...], longest: int, image_shape: tuple[int, int]) -> tuple[int, int]:
    """The size at which the longer side has ``longest`` pixels, or fewer where the image is narrower."""
    factor = min(longest / max(shape), *(most / side for most, side in zip(image_shape, shape, strict=True)))
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


def _sheared(ink: np.ndarray) -> np.ndarray:
    """Shift each row until the leftmost ink of the first rows and of the last ones are in one column."""
    height = len(ink)
    there, ends = ink > ON * ink.max(), max(1, round(END_ROWS * height))
    first, last = (np.flatnonzero(rows.any(axis=0)) for rows in (there[:ends], there[-ends:]))
    if height < 2 or not first.size or not last.size:
        return ink
    slant = np.clip((last[0] - first[0]) / (height - 1), -MOST_SLANT, MOST_SLANT)
    margin = int(np.ceil(abs(slant) * height / 2)) + 1
    sheet = np.pad(ink, ((0, 0), (margin, margin)))
    return ndimage.affine_transform(sheet, [[1, 0], [slant, 1]], offset=[0, -slant * (height - 1) / 2], order=1)
