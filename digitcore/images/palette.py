"""Every colour and the order of the parts: charts, images, pages and `.streamlit/config.toml` agree with this file.

Lines, bars and points reach a contrast of 3:1 (WCAG 2.2, non-text contrast) on the backgrounds of both themes, text
reaches 4.5:1. The colours of the parts, of truth and of a wrong prediction stay apart for red-green blind eyes, too.
What cannot be read on both backgrounds has a colour for each theme: see :data:`THEMES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

THEMES = ("light", "dark")
# Of the page, and of the sidebar and the fields of forms.
BACKGROUNDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"light": ("#ffffff", "#f3f4f9"), "dark": ("#0e1117", "#1a1e2b")}
)

ACCENT = "#536dfe"
# Of buttons and of fields that are active: white words on it are read in both themes.
PRIMARY: Mapping[str, str] = MappingProxyType({"light": "#3f56d8", "dark": "#5069f2"})
# Words in the primary colour, also on a chosen button, which is tinted with a fifth of it; and the ring around what has
# the focus.
PRIMARY_TEXT: Mapping[str, str] = MappingProxyType({"light": "#344ac4", "dark": "#9aa8ff"})
# Alone it marks a field of a form.
BORDER: Mapping[str, str] = MappingProxyType({"light": "#868c9e", "dark": "#6d7689"})

PART_ORDER = ("train", "validation", "test")
PART_COLORS: Mapping[str, str] = MappingProxyType({"train": ACCENT, "validation": "#d9660a", "test": "#0f9488"})
TRUTH, WRONG = "#1e86c8", "#c93a3a"

# Lines of one chart that are neither parts nor classes, such as runs that are compared; repeated where there are more.
# None looks like a part's colour. A search maximised their smallest difference, also under red-green colour blindness;
# the first two and the first three are those that differ most.
SERIES_COLORS = ("#9912fc", "#ab8700", "#a26c90", "#c663e1", "#87633f")

# Rules, axis-like marks and bars that are not the subject: visible on both backgrounds, loud on neither.
MUTED = "#7f8794"
# Remarks inside a chart, and its axes' words.
REMARK: Mapping[str, str] = MappingProxyType({"light": "#5a6172", "dark": "#a9b0bf"})
GRID: Mapping[str, str] = MappingProxyType({"light": "#e4e7ef", "dark": "#272d3b"})

# Words in a part's colour, such as the name at the end of its line.
PART_TEXT_COLORS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "train": {"light": "#3f56d8", "dark": "#8c9eff"},
        "validation": {"light": "#a84c00", "dark": "#f28a33"},
        "test": {"light": "#0b746b", "dark": "#2bb8aa"},
    }
)

# Ten classes are as many as can be told apart with every kind of colour vision; more take even steps of the hue. Their
# smallest difference is as large as a search could make it, and each colour is as far as can be from those before it.
CLASS_COLORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "light": (
            "#208dff",
            "#d07700",
            "#592700",
            "#003a78",
            "#fa0075",
            "#00826f",
            "#9886a8",
            "#6c6534",
            "#7a01f7",
            "#5f203a",
        ),
        "dark": (
            "#5d95b0",
            "#ffa495",
            "#af4a0d",
            "#9dffe6",
            "#f00a78",
            "#097860",
            "#d8c4ff",
            "#b99902",
            "#921efe",
            "#c5ff21",
        ),
    }
)
MOST_CLASS_COLORS = 10
# Of words to what is behind them.
TEXT_CONTRAST = 4.5

# A tile is a small dark card, the same in both themes: 0 is near-black ink, the largest value is white.
TILE_DARK = "#14161f"
TILE_LIGHT = "#ffffff"
# Truth and wrong prediction, lighter, for words on a tile.
TRUTH_BLUE = "#6cb8f0"
WRONG_RED = "#ff8a80"

# Counts, few to many: the largest stands out most from the page. Zero is not on the scale, it shows the background.
SEQUENTIAL_STOPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "light": ("#dbe1ff", "#96a6ff", "#536dfe", "#3546c4", "#20297f"),
        "dark": ("#232b52", "#35459c", "#536dfe", "#93a4ff", "#e0e6ff"),
    }
)

# Weights, most negative to most positive. Blue speaks for a class and orange against it, as in TensorFlow Playground;
# the two stay apart for every kind of colour blindness. The middle is exactly zero, and nearly the page's background.
DIVERGING_STOPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "light": ("#a63d00", "#f08a24", "#f7f7f5", "#5b7cfa", "#1e2f9e"),
        "dark": ("#ffc48a", "#cf6a14", "#1d212c", "#4763f0", "#b3c0ff"),
    }
)
UNDEFINED_GRAY = "#8c8c8c"
# How far a written colour may be from its place on a ramp, of 255.
RAMP_ROUNDING = 2


def dark_twin(color: str, ramp: Mapping[str, Sequence[str]]) -> str:
    """Return what a colour of the light ramp is on the dark one; a colour that is not of the ramp stays as it is.

    Parameters
    ----------
    color : str
        ``#rrggbb``.
    ramp : mapping
        Stops by theme, such as :data:`SEQUENTIAL_STOPS`; between them the colours are mixed evenly.
    """
    asked, steps = rgb(color), 100
    light, dark = ([rgb(stop) for stop in ramp[theme]] for theme in THEMES)
    places = [(first, step / steps) for first in range(len(light) - 1) for step in range(steps + 1)]

    def far(place: tuple[int, float]) -> float:
        return max(abs(part - end) for part, end in zip(asked, _mixed(light, *place), strict=True))

    nearest = min(places, key=far)
    if far(nearest) > RAMP_ROUNDING:
        return color
    return "#" + "".join(f"{round(part):02x}" for part in _mixed(dark, *nearest))


def _mixed(stops: Sequence[tuple[int, int, int]], first: int, share: float) -> tuple[float, float, float]:
    """The colour at this share of the way from one stop to the next."""
    red, green, blue = (low + share * (high - low) for low, high in zip(stops[first], stops[first + 1], strict=True))
    return red, green, blue


def class_colors(n_classes: int, theme: str) -> tuple[str, ...]:
    """Return a colour for each class, readable on the backgrounds of a theme.

    Parameters
    ----------
    n_classes : int
        Past :data:`MOST_CLASS_COLORS` the colours are even steps of the hue, and neighbours look alike.
    theme : {"light", "dark"}
    """
    if n_classes <= MOST_CLASS_COLORS:
        return CLASS_COLORS[theme][:n_classes]
    return tuple(_of_hue(index / n_classes) for index in range(n_classes))


def class_text_colors(n_classes: int, theme: str) -> tuple[str, ...]:
    """Return :func:`class_colors` for words: darker on a light page, lighter on a dark one, where they need to be."""
    return tuple(text_color(color)[theme] for color in class_colors(n_classes, theme))


def text_color(color: str) -> Mapping[str, str]:
    """Return a colour for words, by theme: darker on a light page, lighter on a dark one, where it needs to be."""
    inks = {"light": rgb("#000000"), "dark": rgb("#ffffff")}
    return {theme: _towards(ink, rgb(color), rgb(BACKGROUNDS[theme][0])) for theme, ink in inks.items()}


def _towards(ink: tuple[int, int, int], color: tuple[int, int, int], page: tuple[int, int, int]) -> str:
    """Mix a colour with ink until words in it are read on the page."""
    for share in range(0, 101, 5):
        red, green, blue = (round(part + (end - part) * share / 100) for part, end in zip(color, ink, strict=True))
        if contrast((red, green, blue), page) >= TEXT_CONTRAST:
            break
    return f"#{red:02x}{green:02x}{blue:02x}"


def part_color(part: str) -> str:
    """Return the colour of a part; a part with a name of its own gets the muted one."""
    return PART_COLORS.get(part, MUTED)


def part_text_color(part: str) -> Mapping[str, str]:
    """Return the colour of words about a part, by theme."""
    return PART_TEXT_COLORS.get(part, REMARK)


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


def _of_hue(hue: float) -> str:
    """A saturated colour of this hue (0 to 1), with the luminance that has the same contrast to white and to dark."""
    pure = [min(max(abs((6 * hue + shift) % 6 - 3) - 1, 0), 1) for shift in (0, 4, 2)]
    # Mixed with white or black, to the luminance of the muted gray.
    low, high = -1.0, 1.0
    for _ in range(20):
        mix = (low + high) / 2
        color = [255 * (part + (1 - part) * mix if mix > 0 else part * (1 + mix)) for part in pure]
        low, high = (mix, high) if luminance((color[0], color[1], color[2])) < luminance(rgb(MUTED)) else (low, mix)
    return "#" + "".join(f"{round(channel):02x}" for channel in color)


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
