"""A grid of images to hover and click: one picture for all of them, a button for each."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from digitcore.datasets import Part
from digitcore.images import palette
from digitcore.images.png import factor_for, fullest_columns, grid_png
from digitcore.runs import Run
from pages.parts import layout, session

TILE_SIZE = 72
# Images beside each other on a laptop, and on a phone.
MOST_WIDE, MOST_NARROW = 10, 5
# Rows to choose among, so that the last one is as full as can be: on a whole page, beside a chart, and on a phone.
ROWS = {"--wide": (MOST_WIDE, 8, 6), "--middle": (6, MOST_NARROW), "--narrow": (MOST_NARROW, 4)}
FRAME = '<div class="frame"><div class="tiles"></div></div>'

COLORS = f"""
.tiles {{ --tile: {palette.TILE_DARK}; --truth: {palette.TRUTH_BLUE}; --wrong: {palette.WRONG_RED};
          --yours: {palette.TILE_LIGHT}; }}
"""
GRID_CSS = f"""
.frame {{ container-type: inline-size; }}
.tiles {{ --wide: {MOST_WIDE}; --middle: {MOST_NARROW}; --narrow: {MOST_NARROW};
          display: grid; gap: 8px; font-family: var(--st-font);
          grid-template-columns: repeat(var(--narrow), minmax(0, var(--size))); }}
@container (max-width: 480px) {{ .tiles {{ gap: 4px; }} }}
@container (min-width: 480px) {{
  .tiles {{ grid-template-columns: repeat(var(--middle), minmax(0, var(--size))); }}
}}
@container (min-width: 800px) {{ .tiles {{ grid-template-columns: repeat(var(--wide), minmax(0, var(--size))); }} }}
"""
GRID_CSS += """
.picture { display: block; width: 100%; image-rendering: pixelated; border-radius: 0 0 4px 4px; }
.tile { display: flex; flex-direction: column; justify-content: flex-end; }
.strip { display: flex; flex: 1; justify-content: space-between; gap: 4px; padding: 1px 5px; font: 13px var(--st-font);
         color: var(--truth); text-align: left; container: strip / inline-size; }
.strip span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.wrong { color: var(--wrong); }
.yours { color: var(--yours); }
.stacked .strip { flex-direction: column; justify-content: flex-start; gap: 0; min-height: 34px; }
.stacked .strip:has(.yours) { min-height: 50px; }
.stacked .strip .title { white-space: normal; }
/* Above a small image, long names use a small font and wrap to two lines instead of being truncated. */
:is(.stacked, .named) .strip { padding: 1px 3px; }
@container strip (max-width: 64px) {
  :is(.stacked, .named) .strip span {
    display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2;
    font-size: 10px; line-height: 1.25; white-space: normal; overflow-wrap: anywhere;
  }
}
@container (max-width: 480px) {
  .stacked .strip { font-size: 11px; min-height: 29px; }
  .stacked .strip:has(.yours) { min-height: 43px; }
}
"""
_CSS = """
.tile { position: relative; min-width: 0; padding: 0; border: 2px solid transparent; border-radius: 6px;
        background: var(--tile); cursor: pointer; overflow: visible; }
.tile:hover, .tile:focus-visible { border-color: var(--st-primary-color); outline: none; }
.words { display: none; position: absolute; z-index: 10; top: calc(100% + 4px); left: 0; width: max-content;
         max-width: 230px; padding: 6px 8px; border-radius: 6px; text-align: left; white-space: pre-line;
         font: 13px/1.35 var(--st-font); color: var(--st-text-color); background: var(--st-background-color);
         border: 1px solid var(--st-border-color); box-shadow: 0 2px 8px rgba(0, 0, 0, 0.25);
         cursor: default; }
/* The way of the pointer from the image to its words. */
.words::before { content: ""; position: absolute; inset: -8px 0 100%; }
.tile:hover .words, .tile:focus-visible .words { display: block; }
.tile.quiet .words { display: none; }
.at-right .words { left: auto; right: 0; }
"""

# Characters that fit above an image beside each other; of longer names each has a line of its own.
MOST_BESIDE = 8

# What all grids do: make an element, and find a tile's picture in that of all tiles.
GRID_JS = """
// A class name is a user's text: it goes in as text, never as HTML.
const element = (kind, name, text) => {
  const made = document.createElement(kind);
  made.className = name;
  if (text) made.textContent = text;
  return made;
};
// In per cent: on a phone the tiles are smaller.
const share = (place, n) => (n > 1 ? (100 * place) / (n - 1) : 0) + '%';
const pictureOf = (sprite, shape, columns, n, index) => {
  const picture = element('span', 'picture');
  const across = index % columns, down = Math.floor(index / columns);
  Object.assign(picture.style, {
    aspectRatio: shape, backgroundImage: `url(${sprite})`, backgroundSize: `${100 * columns}% auto`,
    backgroundPosition: `${share(across, columns)} ${share(down, Math.ceil(n / columns))}`,
  });
  return picture;
};
"""
_JS = """
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector('.tiles');
  root.style.setProperty('--size', data.width + 4 + 'px');
  root.classList.toggle('stacked', data.stacked);
  for (const [name, across] of Object.entries(data.rows)) root.style.setProperty(name, across);
  // What covers other images can be put away; the image that is then below a resting pointer stays quiet, too.
  let pointer = '', hushed = '';
  const placeOf = (event) => event.clientX + ' ' + event.clientY;
  root.onpointermove = (event) => { pointer = placeOf(event); };
  document.addEventListener('keydown', hush);
  function hush(event) {
    if (event.key !== 'Escape') return;
    hushed = pointer;
    root.querySelectorAll('.tile').forEach((tile) => tile.classList.add('quiet'));
  }
  root.replaceChildren(...data.tiles.map((tile, index) => {
    const button = element('button', 'tile');
    button.type = 'button';
    button.setAttribute('aria-label', tile.alt);
    const strip = element('span', 'strip');
    strip.append(element('span', 'truth', tile.truth));
    if (tile.yours) strip.append(element('span', 'yours', tile.yours));
    strip.append(element('span', 'wrong', tile.wrong));
    const shape = `${data.width} / ${data.height}`;
    const picture = pictureOf(data.sprite, shape, data.columns, data.tiles.length, index);
    button.append(strip, picture, element('span', 'words', tile.words));
    button.onpointerenter = button.onfocus = (event) => {
      if (event.type === 'pointerenter' && placeOf(event) === hushed) return;
      const box = button.getBoundingClientRect();
      button.classList.toggle('at-right', box.left + 240 > window.innerWidth);
      button.classList.remove('quiet');
    };
    // The words cover other images: who clicks on them may mean one of those, and not this one.
    const isOnWords = (event) => event.target.closest('.words');
    button.onmousedown = (event) => { if (isOnWords(event)) event.preventDefault(); };
    button.onclick = (event) => { if (!isOnWords(event)) setTriggerValue('opened', tile.position); };
    return button;
  }));
  return () => document.removeEventListener('keydown', hush);
}
"""

_tiles = st.components.v2.component("digit_tiles", html=FRAME, css=COLORS + GRID_CSS + _CSS, js=GRID_JS + _JS)


@dataclass(frozen=True)
class Tile:
    """An image of a grid: its position in the part, what stands above it, what pointing shows, and its alt text.

    Above it stand the truth in blue, a person's answer in white, if there is one, and a wrong prediction in red.
    """

    position: int
    truth: str
    wrong: str
    words: str
    alt: str
    yours: str = ""


def hint(pointed: str, opened: str = "it") -> str:
    """Return what an image of a grid does when a pointer, or a finger, comes to it.

    Parameters
    ----------
    pointed : str
        What pointing shows: "its probabilities".
    opened : str
        What a click opens on *Predict*: "it with A".
    """
    if layout.is_phone():
        return f"Tap an image to open {opened} on *Predict*."
    return f"Point at an image for {pointed}; click it to open {opened} on *Predict*."


def show_tiles(
    part: Part,
    tiles: Sequence[Tile],
    *,
    key: str,
    run: Run | None = None,
    size: int = TILE_SIZE,
    across: int | None = None,
    on_open: Callable[[int], None] | None = None,
) -> None:
    """Show images of a part with what is known of them; a click opens one on the Predict page, with this run.

    Parameters
    ----------
    on_open : callable, optional
        What a click does instead, with the image's position, before the page is drawn anew.
    size : int
        Side of an image, in pixels, about.
    across : int, optional
        Images beside each other; by default that one of :data:`ROWS` whose last row is the fullest.
    """
    images = part.take([tile.position for tile in tiles])
    factor = factor_for(*images.shape[1:], size)
    png = grid_png(images, max_value=part.dataset.max_value, columns=MOST_WIDE, factor=factor, gap=0)
    height, width = (side * factor for side in images.shape[1:])

    def opened() -> None:
        on_open(int(st.session_state[key].opened))

    result = _tiles(
        key=key,
        data={
            "sprite": f"data:image/png;base64,{base64.b64encode(png).decode()}",
            "columns": min(MOST_WIDE, len(images)),
            "width": width,
            "height": height,
            "rows": {name: across or fullest_columns(len(images), choices) for name, choices in ROWS.items()},
            "stacked": any(len(tile.truth + tile.yours + tile.wrong) > MOST_BESIDE for tile in tiles),
            "tiles": [asdict(tile) for tile in tiles],
        },
        on_opened_change=opened if on_open is not None else lambda: None,
    )
    if result.opened is not None and on_open is None:
        if run is not None:
            session.show_run(run)
        session.open_image(part.name, int(result.opened))
