"""From a drawing or a photo to an image framed as its data set's authors framed theirs.

Ink is float, 0 (paper) to 1 (full ink), ``(height, width)``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from digitcore.errors import InvalidSetting
from digitcore.images.framing import PAPER, Framing, Step
from digitcore.images.strokes import PEN_WIDTH, draw_strokes, fitted

# A separate piece of a photo's ink is dust below this share of the largest piece's; the bar of a 5 has more.
SPECK = 0.1
# Sides of the sheets on which strokes are drawn, in pixels: as shown on the pad, and fitted to the sheet.
SHOWN_SIDE, FITTED_SIDE = 140, 240


def clean_strokes(strokes: Sequence[np.ndarray], framing: Framing) -> list[Step]:
    """Return the stages from the paths of a pen to an image of a data set; the last one is what the model gets.

    Strokes are drawn anew, as wide as suits their size: however small a digit was drawn, its holes stay open.

    Parameters
    ----------
    strokes : sequence of ndarray of shape (n_points, 2)
        x and y, 0 to 1, as :func:`digitcore.images.strokes.pad_strokes` returns them.
    framing : Framing
        Of the data set.
    """
    shown = draw_strokes(strokes, PEN_WIDTH, side=SHOWN_SIDE)
    redrawn = draw_strokes(*fitted(strokes, framing.stroke_width), side=FITTED_SIDE)
    return [Step("Drawn", shown), Step("Redrawn to size", redrawn), *framing.stages(redrawn)]


def clean_drawing(ink: np.ndarray, framing: Framing) -> list[Step]:
    """Return the stages from ink to an image of a data set; the last one is what the model gets.

    Parameters
    ----------
    ink : ndarray of shape (height, width), float
        0 to 1, any size.
    framing : Framing
        Of the data set.

    Raises
    ------
    InvalidSetting
        If nothing is drawn, or this is no ink.
    """
    ink = _checked(ink)
    return [Step("Drawn", ink), *framing.stages(ink)]


def clean_photo(gray: np.ndarray, framing: Framing) -> list[Step]:
    """Return the stages from a grey photo, uint8 ``(height, width)``, to an image of a data set.

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
        raise InvalidSetting("Nothing stands out from the background: use dark ink on plain paper, or light on dark.")
    threshold = _otsu_threshold(difference)
    # Half of the ink is full ink, so that a few brilliant pixels do not make all others pale.
    floor, full = 0.5 * threshold, np.median(difference[difference >= threshold])
    ink = np.clip((difference - floor) / (full - floor), 0, 1)
    ink = _without_specks(ink)
    first = Step("Grey", gray / 255)
    inverted = "Inverted, paper removed" if paper > 127 else "Background removed"
    return [first, Step(inverted, ink), *clean_drawing(ink, framing)[1:]]


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
