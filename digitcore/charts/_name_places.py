"""Where names stand that are written on the points of a chart, so that each of them can be read."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

# Pixels between the places that are tried.
STEP = 4
# Of a bold character and of a line, as shares of the font's size; a Chinese character is as wide as it is high.
BOLD_CHARACTER, WIDE_CHARACTER, LINE = 0.66, 1.05, 1.25


def name_sizes(names: Sequence[str], font_size: int) -> np.ndarray:
    """Return about how many pixels bold names take, float ``(n_names, 2)``: width and height."""
    return np.array([[font_size * _n_characters(name), font_size * LINE] for name in names]).reshape(-1, 2)


def _n_characters(name: str) -> float:
    return sum(WIDE_CHARACTER if unicodedata.east_asian_width(each) in "WF" else BOLD_CHARACTER for each in name)


def place_names(middles: np.ndarray, sizes: np.ndarray, area: tuple[float, float]) -> np.ndarray:
    """Return the centres of names none of which covers another, each as near to where it belongs as the others allow.

    Names that overlap no other are placed first, then the rest in order. One for which no room is left stays where it
    belongs.

    Parameters
    ----------
    middles : ndarray of shape (n_names, 2)
        Where the names belong, in pixels from a corner of the area.
    sizes : ndarray of shape (n_names, 2)
        Their widths and heights, in pixels.
    area : (float, float)
        Width and height, in pixels, that the names keep within.

    Returns
    -------
    ndarray, float, (n_names, 2)
        Stretched together with their middles to a wider or higher area, the names stay apart.
    """
    lowest, highest = sizes / 2, np.maximum(np.array(area) - sizes / 2, sizes / 2)
    wanted = np.clip(np.asarray(middles, dtype=float), lowest, highest)
    placed: dict[int, np.ndarray] = {}
    is_crowded = _overlaps(wanted[:, None], sizes[:, None], wanted, sizes).sum(axis=1) > 1  # each overlaps itself
    for index in np.argsort(is_crowded, kind="stable"):
        tried = np.vstack([wanted[index], _grid(lowest[index], highest[index])])
        is_free = np.ones(len(tried), dtype=bool)
        for other, centre in placed.items():
            is_free &= ~_overlaps(tried, sizes[index], centre, sizes[other])
        distances = np.where(is_free, np.square(tried - wanted[index]).sum(axis=1), np.inf)
        placed[int(index)] = tried[distances.argmin()]
    return np.array([placed[index] for index in range(len(wanted))]).reshape(-1, 2)


def _overlaps(centres: np.ndarray, sizes: np.ndarray, others: np.ndarray, other_sizes: np.ndarray) -> np.ndarray:
    """Whether rectangles overlap, both in width and in height."""
    return (np.abs(centres - others) < (sizes + other_sizes) / 2).all(axis=-1)


def _grid(lowest: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """Places from corner to corner, ``(n_places, 2)``."""
    across, up = (np.arange(low, high + 1e-9, STEP) for low, high in zip(lowest, highest, strict=True))
    return np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
