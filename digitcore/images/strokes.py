"""A drawing as the paths of a pen: what the drawing pad sends, checked, and drawn as ink of any width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from digitcore.errors import InvalidSetting

# The pad's coordinates run from 0 to this. It thins out a drawing of more points, and draws no more strokes than these.
PAD_UNITS = 1000
MOST_STROKES, MOST_POINTS = 200, 4000
# Of the line that the pad shows, as a share of its side.
PEN_WIDTH = 0.05


def pad_strokes(sent: Any) -> list[np.ndarray]:
    """Return the strokes that the drawing pad has sent.

    Parameters
    ----------
    sent : Any
        A list of strokes; a stroke is a list of whole numbers, ``[x, y, x, y, ...]``, from 0 at the left and the top to
        :data:`PAD_UNITS`. A browser that was tampered with may send anything; counts are checked before values.

    Returns
    -------
    list of ndarray, float, (n_points, 2)
        x and y from 0 to 1.

    Raises
    ------
    InvalidSetting
        If it is anything else.
    """
    if not _are_strokes(sent):
        raise InvalidSetting(
            f"A drawing must be 1 to {MOST_STROKES} strokes of {MOST_POINTS} points in all, with whole coordinates "
            f"from 0 to {PAD_UNITS}, the browser sent something else: reload the page and draw again."
        )
    return [np.array(stroke, dtype=np.float64).reshape(-1, 2) / PAD_UNITS for stroke in sent]


def _are_strokes(sent: Any) -> bool:
    if type(sent) is not list or not 1 <= len(sent) <= MOST_STROKES:
        return False
    if any(type(stroke) is not list or len(stroke) < 2 or len(stroke) % 2 for stroke in sent):
        return False
    if sum(map(len, sent)) > 2 * MOST_POINTS:
        return False
    return all(type(number) is int and 0 <= number <= PAD_UNITS for stroke in sent for number in stroke)


def draw_strokes(strokes: Sequence[np.ndarray], width: float, *, side: int) -> np.ndarray:
    """Return strokes as ink on a square sheet.

    Parameters
    ----------
    strokes : sequence of ndarray of shape (n_points, 2)
        x and y as shares of the sheet's side.
    width : float
        Of a stroke, as a share of the sheet's side. Ends are round.
    side : int
        Of the sheet, in pixels.

    Returns
    -------
    ndarray of shape (side, side), float
        0 to 1; edges are smooth.
    """
    line = Image.new("1", (side, side), 1)
    pen = ImageDraw.Draw(line)
    for stroke in strokes:
        places = [tuple(place) for place in stroke * side - 0.5]
        pen.line(places if len(places) > 1 else places * 2, fill=0)
    distance = ndimage.distance_transform_edt(np.asarray(line))
    return np.clip(width * side / 2 - distance + 0.5, 0, 1)


def fitted(strokes: Sequence[np.ndarray], width: float) -> tuple[list[np.ndarray], float]:
    """Return strokes enlarged or reduced to fill a sheet, and the width with which they do.

    Parameters
    ----------
    strokes : sequence of ndarray of shape (n_points, 2)
        x and y, in any unit.
    width : float
        Of a stroke, as a share of the drawing's longer side with its ink.

    Returns
    -------
    (list of ndarray, float)
        As :func:`draw_strokes` takes them; a margin of a twentieth is left.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    filled = 0.9
    factor = filled * (1 - width) / extent if extent > 0 else 0.0
    return [(stroke - (low + high) / 2) * factor + 0.5 for stroke in strokes], filled * width
