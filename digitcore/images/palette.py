"""Every colour and the order of the parts: charts, images and pages take them from here.

The colours of lines, bars and labels reach a contrast of 3:1 (WCAG 2.2, non-text contrast) on white and on the dark
page background ``#0e1117``, and the parts stay apart for red-green blind eyes: they differ in blueness and lightness.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ACCENT = "#536dfe"

PART_ORDER = ("train", "validation", "test")
PART_COLORS: Mapping[str, str] = MappingProxyType({"train": ACCENT, "validation": "#d9660a", "test": "#0f9488"})

# Rules, axis-like marks and remarks: readable on both backgrounds, louder on neither.
MUTED = "#7f8794"

# A tile is a small dark card, the same in both themes: 0 is near-black ink, the largest value is white.
TILE_DARK = "#14161f"
TILE_LIGHT = "#ffffff"
TRUTH_BLUE = "#82b1ff"
WRONG_RED = "#ff8a80"

# Counts, few to many. Zero is not on the scale: it shows the background.
SEQUENTIAL_STOPS = ("#dbe1ff", "#96a6ff", "#536dfe", "#3546c4", "#20297f")

# Weights, most negative to most positive. Blue speaks for a class and orange against it, as in TensorFlow Playground;
# the two stay apart for every kind of colour blindness. The middle is exactly zero.
DIVERGING_STOPS = ("#a63d00", "#f08a24", "#f7f7f5", "#5b7cfa", "#1e2f9e")
UNDEFINED_GRAY = "#8c8c8c"


def part_color(part: str) -> str:
    """Return the colour of a part; a part with a name of its own gets the muted one."""
    return PART_COLORS.get(part, MUTED)


def rgb(color: str) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) of a colour written as ``#rrggbb``."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def luminance(color: tuple[float, float, float]) -> float:
    """Return the relative luminance (0 black to 1 white) of red, green and blue (0 to 255).

    References
    ----------
    W3C, Web Content Accessibility Guidelines 2.2, "relative luminance".
    """
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Return the contrast ratio of two colours, 1 (the same) to 21 (black on white), by the same guidelines."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def shades(share: float) -> tuple[str, str]:
    """Return the colour of a pixel on a tile and that of a figure on it, which has a contrast of 4.5:1 at least.

    Parameters
    ----------
    share : float
        The pixel's share of the largest value, 0 (the tile's dark) to 1 (white).
    """
    dark, light = rgb(TILE_DARK), rgb(TILE_LIGHT)
    red, green, blue = (round(low + share * (high - low)) for low, high in zip(dark, light, strict=True))
    inks = {"#000000": (0, 0, 0), "#ffffff": (255, 255, 255)}
    return f"#{red:02x}{green:02x}{blue:02x}", max(inks, key=lambda ink: contrast((red, green, blue), inks[ink]))
