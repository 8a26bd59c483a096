"""A grid of pictures that are only looked at: one picture for all of them, a title above each."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
import streamlit as st

from digitcore.images import palette
from digitcore.images.png import even_columns, factor_for, grid_png, weights_png
from pages.parts import look
from pages.parts.tiles import COLORS, FRAME, GRID_CSS, GRID_JS, MOST_NARROW, MOST_WIDE

TILE_SIZE = 96
# Of the longest title of one line, on a laptop, and on a phone before all become smaller.
MOST_LETTERS, MOST_NARROW_LETTERS = 11, 8

_CSS = f"""
.tile {{ min-width: 0; border-radius: 6px; background: var(--tile); overflow: hidden; }}
.picture {{ border-radius: 0; }}
/* Covers the placeholder that Train shows behind its first layer. */
.close {{ gap: 4px; background: var(--st-background-color); }}
/* The dark tile would show through at the rounded corners of a light picture. */
.weights .tile {{ background: none; }}
.weights .strip {{ color: {palette.TILE_LIGHT}; background: var(--tile); }}
@container (max-width: 480px) {{ .named .strip {{ font-size: 11px; }} }}
"""

_JS = """
export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector('.tiles');
  const draw = () => {
    if (root.awaited !== data.sprite) return;
    root.classList.toggle('weights', data.weights);
    root.classList.toggle('close', data.close);
    root.classList.toggle('stacked', data.stacked);
    root.classList.toggle('named', data.named);
    root.setAttribute('role', 'img');
    root.setAttribute('aria-label', data.alt);
    for (const name of ['size', 'wide', 'middle', 'narrow']) root.style.setProperty('--' + name, data[name]);
    root.replaceChildren(...Array.from({ length: data.n }, (_, index) => {
      const tile = element('span', 'tile');
      if (data.titles) {
        const strip = element('span', 'strip');
        strip.append(element('span', 'title', data.titles[index]));
        tile.append(strip);
      }
      tile.append(pictureOf(data.sprite, data.shape, data.columns, data.n, index));
      return tile;
    }));
  };
  // Not before the picture is ready: while epochs are played the tiles would be blank for a moment.
  root.awaited = data.sprite;
  const sprite = new Image();
  sprite.src = data.sprite;
  sprite.decode().then(draw, draw);
}
"""

_pictures = st.components.v2.component("digit_pictures", html=FRAME, css=COLORS + GRID_CSS + _CSS, js=GRID_JS + _JS)


def show_images(
    images: np.ndarray, max_value: float, *, titles: Sequence[str] | None = None, alt: str, key: str
) -> None:
    """Show gray images ``(n_images, height, width)``, black at 0 and white at ``max_value``.

    Parameters
    ----------
    titles : sequence of str, optional
        What stands above each image.
    alt : str
        What the grid shows, for those who cannot see it.
    key : str
        Of the grid, one of its own for each grid of a page.
    """
    columns = min(MOST_WIDE, len(images))
    png = grid_png(images, max_value=max_value, columns=columns, tile_size=TILE_SIZE, gap=0)
    _show(png, images, titles, alt, key, weights=False)


def show_weights(
    images: np.ndarray,
    *,
    titles: Sequence[str] | None,
    limit: float | None = None,
    alt: str,
    key: str,
    size: int = TILE_SIZE,
    across: int | None = None,
) -> None:
    """Show weight images ``(n_images, height, width)`` on one scale from ``-limit`` to ``limit``; see show_images.

    ``size`` is the side of an image in pixels, about, and ``across`` how many stand beside each other: by default ten,
    or five where there is less room.
    """
    columns = min(MOST_WIDE, len(images))
    png = weights_png(images, columns=columns, tile_size=size, gap=0, limit=limit, theme=look.theme())
    _show(png, images, titles, alt, key, weights=True, size=size, across=across)


def _show(
    png: bytes,
    images: np.ndarray,
    titles: Sequence[str] | None,
    alt: str,
    key: str,
    *,
    weights: bool,
    size: int = TILE_SIZE,
    across: int | None = None,
) -> None:
    n_images, height, width = images.shape
    longest = max(map(len, titles or ("",)), default=0)
    named, middle = longest > MOST_NARROW_LETTERS, across or MOST_NARROW
    _pictures(
        key=key,
        data={
            "sprite": f"data:image/png;base64,{base64.b64encode(png).decode()}",
            "n": n_images,
            "columns": min(MOST_WIDE, n_images),
            "wide": even_columns(n_images, across or MOST_WIDE),
            "middle": even_columns(n_images, middle),
            # A phone has no room for more names side by side.
            "narrow": even_columns(n_images, min(middle, MOST_NARROW) if named else middle),
            # With a number of columns of its own it is level with another one, however much room either has.
            "close": across is not None,
            "size": f"{width * factor_for(height, width, size)}px",
            "shape": f"{width} / {height}",
            "titles": None if titles is None else list(titles),
            "stacked": longest > MOST_LETTERS,
            "named": named,
            "alt": alt,
            "weights": weights,
        },
    )
