"""Arrays to PNG: single images, grids of images, and weight images with titles.

Pixels are enlarged by whole factors, nearest neighbour, and a grid is one picture. Between the tiles it is transparent,
so it fits light and dark pages.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digitcore.errors import InvalidSetting
from digitcore.images import palette

# Titles stand in a strip above the image, in a font that fits tiles of 48 pixels as well as tiles of 200.
FONT_SIZES = (9, 18)
FONT_SHARE = 0.15
STRIP_SHARE = 1.45
MARGIN_SHARE = 0.3

# Fastest level: a grid is looked at once, and blocks of equal pixels compress well at any level.
PNG_COMPRESSION = 1


@dataclass(frozen=True)
class _Grid:
    """Where the tiles stand, in pixels of the finished picture."""

    n_tiles: int
    columns: int
    tile_width: int
    tile_height: int
    strip: int
    gap: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        rows = math.ceil(self.n_tiles / self.columns)
        step_x, step_y = self._step
        return self.columns * step_x - self.gap, rows * step_y - self.gap

    def corner(self, index: int) -> tuple[int, int]:
        """Left and top of a tile, its strip included."""
        row, column = divmod(index, self.columns)
        step_x, step_y = self._step
        return column * step_x, row * step_y

    @property
    def _step(self) -> tuple[int, int]:
        return self.tile_width + self.gap, self.strip + self.tile_height + self.gap


def grayscale_png(image: np.ndarray, *, max_value: float, factor: int | None = None, tile_size: int = 224) -> bytes:
    """Return one image as PNG.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        Gray values, 0 (near-black) to ``max_value`` (white); values outside are shown as the nearer end.
    max_value : float
        16 for scikit-learn's digits, 255 for MNIST.
    factor : int, optional
        How many pixels a pixel becomes, each way.
    tile_size : int
        Without ``factor``: about how many pixels the longer side shall have.

    Raises
    ------
    InvalidSetting
        If the image is not two-dimensional, is empty or holds NaN, or a setting is out of range.
    """
    image = np.asarray(image)
    if image.ndim != 2:
        raise InvalidSetting(f"image must have the shape (height, width), got {image.shape}")
    return grid_png(image[np.newaxis], max_value=max_value, columns=1, factor=factor, tile_size=tile_size, gap=0)


def grid_png(
    images: np.ndarray,
    *,
    max_value: float,
    columns: int,
    factor: int | None = None,
    tile_size: int = 96,
    gap: int = 6,
    titles: Sequence[str] | None = None,
) -> bytes:
    """Return images as one PNG, row by row.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)
        Gray values as for :func:`grayscale_png`; floats, such as mean images, are welcome.
    max_value : float
        16 for scikit-learn's digits, 255 for MNIST.
    columns : int
        Tiles in a row; fewer where there are fewer images.
    factor, tile_size : int
        As for :func:`grayscale_png`.
    gap : int
        Transparent pixels between tiles.
    titles : sequence of str, optional
        One per image, such as the class names. What is too long for the tile is shortened.

    Raises
    ------
    InvalidSetting
        If the images are not three-dimensional, are empty or hold NaN, or a setting is out of range.
    """
    images = _checked_images(images)
    if not np.isfinite(images).all():
        raise InvalidSetting("gray values must be finite numbers, but some are NaN or infinite")
    factor = factor_for(images.shape[1], images.shape[2], tile_size) if factor is None else factor
    return _sprite(gray_rgb(images, max_value), columns, factor, gap, titles)


def weights_png(
    images: np.ndarray,
    *,
    columns: int,
    factor: int | None = None,
    tile_size: int = 112,
    gap: int = 6,
    titles: Sequence[str] | None = None,
    limit: float | None = None,
    theme: str = "light",
) -> bytes:
    """Return weight images as one PNG, on one symmetric scale centred on zero.

    Blue is positive, orange negative, zero nearly the page's background; NaN is gray. All images share the scale, so
    that a pale image is one of small weights.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width), float
        Weights.
    columns, factor, tile_size, gap, titles
        As for :func:`grid_png`.
    limit : float, optional
        End of the scale, such as that of other pictures to compare with; by default the largest weight.
    theme : {"light", "dark"}
        Of the page.

    Raises
    ------
    InvalidSetting
        If the images are not three-dimensional or are empty, or a setting is out of range.
    """
    images = _checked_images(images)
    factor = factor_for(images.shape[1], images.shape[2], tile_size) if factor is None else factor
    limit = weights_limit(images) if limit is None else limit
    return _sprite(diverging_rgb(images, limit, theme), columns, factor, gap, titles)


def weights_limit(images: np.ndarray) -> float:
    """Return the largest absolute value, the end of the symmetric scale; 0 where there is no finite value."""
    sizes = np.abs(np.asarray(images, dtype=np.float64))
    return float(sizes.max(where=np.isfinite(sizes), initial=0.0))


def diverging_rgb(values: np.ndarray, limit: float, theme: str = "light") -> np.ndarray:
    """Return the colour of each value on a scale from ``-limit`` through 0 to ``limit``.

    Parameters
    ----------
    values : ndarray of any shape, float
        What lies beyond the limit takes the end's colour; NaN is gray.
    limit : float
        From 0. At 0 every finite value is neutral: there is nothing to compare.
    theme : {"light", "dark"}
        Of the page: zero is nearly its background.

    Returns
    -------
    ndarray of shape (*values.shape, 3), uint8

    Raises
    ------
    InvalidSetting
        If ``limit`` is negative or not finite, or the theme is unknown.
    """
    if not _is_number(limit) or limit < 0:
        raise InvalidSetting(f"limit must be a finite number from 0, got {limit!r}")
    if theme not in palette.THEMES:
        raise InvalidSetting(f"theme must be light or dark, got {theme!r}")
    values, stops = np.asarray(values, dtype=np.float64), palette.DIVERGING_STOPS[theme]
    shares = values / limit if limit > 0 else np.where(np.isnan(values), np.nan, 0.0)
    colors = _ramp(shares, np.linspace(-1, 1, len(stops)), stops)
    colors[np.isnan(values)] = palette.rgb(palette.UNDEFINED_GRAY)
    return colors


def gray_rgb(values: np.ndarray, max_value: float) -> np.ndarray:
    """Return the colour of gray values: 0 is near-black, ``max_value`` white, values outside take the nearer end.

    Returns
    -------
    ndarray of shape (*values.shape, 3), uint8

    Raises
    ------
    InvalidSetting
        If ``max_value`` is not a finite number above 0.
    """
    if not _is_number(max_value) or max_value <= 0:
        raise InvalidSetting(f"max_value must be a finite number above 0, got {max_value!r}")
    return _ramp(np.asarray(values) / max_value, np.array([0, 1]), (palette.TILE_DARK, palette.TILE_LIGHT))


def factor_for(height: int, width: int, tile_size: int) -> int:
    """Return the whole factor, from 1, that brings the longer side of an image nearest to ``tile_size`` pixels.

    Raises
    ------
    InvalidSetting
        If ``tile_size`` is not a whole number from 1.
    """
    _check_whole("tile_size", tile_size, 1)
    return max(1, round(tile_size / max(height, width)))


def even_columns(n_images: int, most: int) -> int:
    """Return how many images each row of a grid has so that the last row is full, where that is possible.

    The largest number above half of ``most`` that divides ``n_images``; ``most`` where there is none, and a single row
    where all fit into it.
    """
    if n_images <= most:
        return max(1, n_images)
    return next((columns for columns in range(most, most // 2, -1) if n_images % columns == 0), most)


def fullest_columns(n_images: int, choices: Sequence[int]) -> int:
    """Return how many images each row of a grid has, among ``choices``, so that its last row is the fullest.

    The first one of those that are equal; a single row where all images fit into the longest.
    """
    longest = max(choices)
    if n_images <= longest:
        return longest
    return max(choices, key=lambda columns: ((n_images - 1) % columns + 1) / columns)


def _ramp(shares: np.ndarray, positions: np.ndarray, stops: Sequence[str]) -> np.ndarray:
    """Colours between the stops, linear in each channel."""
    channels = np.array([palette.rgb(color) for color in stops], dtype=np.float64).T
    shares = np.nan_to_num(shares, nan=0.0)
    return np.stack([np.interp(shares, positions, channel) for channel in channels], axis=-1).round().astype(np.uint8)


def _sprite(tiles: np.ndarray, columns: int, factor: int, gap: int, titles: Sequence[str] | None = None) -> bytes:
    """Tiles ``(n, height, width, 3)`` as one PNG, each under a strip with its title, if there are any."""
    n_tiles, height, width, _ = tiles.shape
    _check_whole("columns", columns, 1)
    _check_whole("factor", factor, 1)
    _check_whole("gap", gap, 0)
    if titles is not None and len(titles) != n_tiles:
        raise InvalidSetting(f"there must be one title for each of {n_tiles} images, got {len(titles)}")
    font_size = int(np.clip(FONT_SHARE * width * factor, *FONT_SIZES))
    grid = _Grid(
        n_tiles=n_tiles,
        columns=min(columns, n_tiles),
        tile_width=width * factor,
        tile_height=height * factor,
        strip=0 if titles is None else round(STRIP_SHARE * font_size),
        gap=gap,
    )
    picture = Image.fromarray(_mosaic(tiles, factor, grid))
    if titles is not None:
        _draw_titles(picture, grid, titles, font_size)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=PNG_COMPRESSION)
    return buffer.getvalue()


def _mosaic(tiles: np.ndarray, factor: int, grid: _Grid) -> np.ndarray:
    """The enlarged tiles under dark strips on a transparent canvas ``(height, width, 4)``."""
    width, height = grid.size
    canvas = np.zeros((height, width, 4), dtype=np.uint8)
    for index, tile in enumerate(tiles):
        left, top = grid.corner(index)
        image = top + grid.strip
        right, bottom = left + grid.tile_width, image + grid.tile_height
        canvas[top:image, left:right, :3] = palette.rgb(palette.TILE_DARK)
        canvas[image:bottom, left:right, :3] = tile.repeat(factor, axis=0).repeat(factor, axis=1)
        canvas[top:bottom, left:right, 3] = 255
    return canvas


def _draw_titles(picture: Image.Image, grid: _Grid, titles: Sequence[str], font_size: int) -> None:
    """Write the title of each tile into its strip; ``picture`` is changed."""
    draw = ImageDraw.Draw(picture)
    font = _font(font_size)
    margin = round(MARGIN_SHARE * font_size)
    for index, title in enumerate(titles):
        left, top = grid.corner(index)
        text = _shortened(str(title), font_size, grid.tile_width - 2 * margin)
        place = (left + margin, top + grid.strip / 2)
        draw.text(place, text, fill=palette.TILE_LIGHT, font=font, anchor="lm")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


@lru_cache(maxsize=1024)
def _shortened(text: str, font_size: int, room: int) -> str:
    """The text, or as much of its beginning as fits into ``room`` pixels with an ellipsis behind it."""
    font = _font(font_size)
    if font.getlength(text) <= room:
        return text
    for length in range(min(len(text), room) - 1, 0, -1):
        if font.getlength(text[:length] + "…") <= room:
            return text[:length] + "…"
    return ""


def _checked_images(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 3 or images.size == 0:
        raise InvalidSetting(
            f"images must have the shape (n_images, height, width), none of them 0, got {images.shape}"
        )
    if images.dtype.kind not in "fiub":
        raise InvalidSetting(f"images must be numbers, got the type {images.dtype}")
    return images


def _check_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InvalidSetting(f"{name} must be a whole number from {least}, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
