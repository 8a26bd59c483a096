import math
import tomllib
from itertools import combinations, starmap
from pathlib import Path

import numpy as np
import pytest

from digitcore.images import palette
from digitcore.images.palette import TILE_DARK, TILE_LIGHT, luminance, part_color, rgb, shades


def contrast(first, second):
    lighter, darker = sorted((luminance(rgb(first)), luminance(rgb(second))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


# What the Web Content Accessibility Guidelines and their readers give as examples.
@pytest.mark.parametrize(("color", "ratio"), [("#000000", 21.0), ("#777777", 4.48), ("#ff0000", 4.0), ("#ffffff", 1.0)])
def test_the_contrast_to_white_is_that_of_the_guidelines(color, ratio):
    assert contrast(color, "#ffffff") == pytest.approx(ratio, abs=0.005)


def test_parts_have_colors_of_their_own():
    assert len({part_color(part) for part in ("train", "validation", "test", "anything else")}) >= 3
    assert part_color("anything else") == part_color("another")


# Severity 1.0 of table 1 in Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color
# vision deficiency", IEEE TVCG 15(6), 2009; for linear RGB.
COLOR_VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE_POINT = np.array([0.95047, 1.0, 1.08883])


def lab(color, vision):
    """CIELAB of a colour as a kind of colour vision sees it."""
    channels = np.array(rgb(color)) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    shares = XYZ @ (COLOR_VISION[vision] @ linear).clip(0, 1) / WHITE_POINT
    x, y, z = np.where(shares > 216 / 24389, np.cbrt(shares), (24389 / 27 * shares + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def least_difference(colors, vision):
    """The smallest CIE76 difference between two of these colours."""
    return min(float(np.linalg.norm(lab(one, vision) - lab(other, vision))) for one, other in combinations(colors, 2))


def perceived_difference(one, other):
    """CIEDE2000 of two colours in CIELAB: unlike the distance in CIELAB it takes two dark blues for alike."""
    (light, *first), (other_light, *second) = one, other
    chroma = (math.hypot(*first) + math.hypot(*second)) / 2
    stretch = 1.5 - 0.5 * math.sqrt(chroma**7 / (chroma**7 + 25**7))
    first, second = (stretch * first[0], first[1]), (stretch * second[0], second[1])
    c1, c2 = math.hypot(*first), math.hypot(*second)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in (first, second))
    turn = (h2 - h1 + 180) % 360 - 180
    hue = (h1 + turn / 2) % 360
    chroma, lightness = (c1 + c2) / 2, (light + other_light) / 2
    t = sum(w * math.cos(math.radians(n * hue + s)) for w, n, s in HUE_WEIGHTS)
    s_light = 1 + 0.015 * (lightness - 50) ** 2 / math.sqrt(20 + (lightness - 50) ** 2)
    d_light = (other_light - light) / s_light
    d_chroma = (c2 - c1) / (1 + 0.045 * chroma)
    d_hue = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    blue = math.radians(60 * math.exp(-(((hue - 275) / 25) ** 2)))
    rotation = -2 * math.sqrt(chroma**7 / (chroma**7 + 25**7)) * math.sin(blue)
    return math.sqrt(d_light**2 + d_chroma**2 + d_hue**2 + rotation * d_chroma * d_hue)


# Weight, multiple and shift of the hue: 1 - 0.17 cos(h - 30) + 0.24 cos(2h) + 0.32 cos(3h + 6) - 0.2 cos(4h - 63).
HUE_WEIGHTS = ((1, 0, 0), (-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63))


# Pairs 1, 7, 14, 17 and 25 of table 1 in Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation
# notes, supplementary test data, and mathematical observations", Color Research and Application 30(1), 2005.
@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_perceived_difference_is_that_of_its_published_examples(one, other, difference):
    assert perceived_difference(one, other) == pytest.approx(difference, abs=5e-5)


def theme_of_pages():
    return tomllib.loads((Path(__file__).parents[2] / ".streamlit/config.toml").read_text())["theme"]


def on_backgrounds(theme):
    return palette.BACKGROUNDS[theme]


every_theme = pytest.mark.parametrize("theme", palette.THEMES)
every_vision = pytest.mark.parametrize("vision", COLOR_VISION)

MARKS = (
    palette.ACCENT,
    palette.MUTED,
    palette.TRUTH,
    palette.WRONG,
    *palette.PART_COLORS.values(),
    *palette.SERIES_COLORS,
)


@every_theme
@pytest.mark.parametrize("color", dict.fromkeys(MARKS))
def test_lines_bars_and_points_have_a_contrast_of_three_on_both_themes(color, theme):
    assert min(contrast(color, background) for background in on_backgrounds(theme)) >= 3


@every_theme
@pytest.mark.parametrize("n_classes", [2, 10, 47, 71])
def test_the_colours_of_classes_have_a_contrast_of_three_to_the_page(n_classes, theme):
    colors = palette.class_colors(n_classes, theme)
    assert len(set(colors)) == n_classes
    assert min(contrast(color, on_backgrounds(theme)[0]) for color in colors) >= 3


@every_theme
@pytest.mark.parametrize("n_classes", [10, 12])
def test_the_names_of_classes_have_a_contrast_of_four_and_a_half(n_classes, theme):
    words, page = palette.class_text_colors(n_classes, theme), on_backgrounds(theme)[0]
    assert len(set(words)) == n_classes
    assert min(contrast(color, page) for color in words) >= 4.5
    # What is read as it is stays as it is.
    for word, color in zip(words, palette.class_colors(n_classes, theme), strict=True):
        assert word == color or contrast(color, page) < 4.5


@every_theme
@pytest.mark.parametrize(
    "colors",
    [palette.REMARK, palette.PRIMARY_TEXT, *palette.PART_TEXT_COLORS.values()],
    ids=lambda colors: colors["light"],
)
def test_words_have_a_contrast_of_four_and_a_half(colors, theme):
    assert contrast(colors[theme], on_backgrounds(theme)[0]) >= 4.5


@every_theme
def test_words_on_a_chosen_button_have_a_contrast_of_four_and_a_half(theme):
    words, tint = palette.PRIMARY_TEXT[theme], rgb(palette.PRIMARY[theme])
    for background in on_backgrounds(theme):
        # Streamlit lays a tenth of the primary colour over the page, a fifth under the pointer or with the focus.
        tinted = [0.2 * one + 0.8 * other for one, other in zip(tint, rgb(background), strict=True)]
        assert palette.contrast(rgb(words), tuple(tinted)) >= 4.5


@every_theme
def test_white_words_on_the_primary_colour_have_a_contrast_of_four_and_a_half(theme):
    assert contrast("#ffffff", palette.PRIMARY[theme]) >= 4.5


@every_theme
@pytest.mark.parametrize(
    "colors", [palette.PRIMARY, palette.PRIMARY_TEXT, palette.BORDER], ids=["primary", "focus", "border"]
)
def test_what_marks_a_control_has_a_contrast_of_three(colors, theme):
    assert min(contrast(colors[theme], background) for background in on_backgrounds(theme)) >= 3


@pytest.mark.parametrize("color", [palette.TRUTH_BLUE, palette.WRONG_RED, palette.TILE_LIGHT])
def test_words_on_a_tile_can_be_read(color):
    assert contrast(color, palette.TILE_DARK) >= 4.5


@every_vision
def test_parts_truth_and_wrong_predictions_stay_apart_for_every_colour_vision(vision):
    roles = [*palette.PART_COLORS.values(), palette.TRUTH, palette.WRONG]
    assert least_difference(roles, vision) >= 20
    assert least_difference(palette.PART_COLORS.values(), vision) >= 40
    assert least_difference([palette.TRUTH, palette.WRONG], vision) >= 40


@every_vision
@every_theme
def test_ten_classes_stay_apart_for_every_colour_vision(theme, vision):
    seen = [lab(color, vision) for color in palette.class_colors(10, theme)]
    assert min(starmap(perceived_difference, combinations(seen, 2))) >= (24 if vision == "normal" else 15)


@every_vision
def test_the_layers_of_a_network_stay_apart_for_every_colour_vision(vision):
    assert least_difference(palette.SERIES_COLORS, vision) >= 30


@pytest.mark.parametrize("n", [2, 3])
def test_the_lines_of_few_runs_have_the_colours_that_differ_most(n):
    def least(colors):
        return min(least_difference(colors, vision) for vision in COLOR_VISION)

    assert least(palette.SERIES_COLORS[:n]) == max(map(least, combinations(palette.SERIES_COLORS, n)))


@pytest.mark.parametrize("series", palette.SERIES_COLORS)
def test_no_run_that_is_compared_looks_like_a_part(series):
    for part in palette.PART_COLORS.values():
        assert least_difference([series, part], "normal") >= 30


@every_theme
@every_vision
def test_weights_for_and_against_a_class_stay_apart(theme, vision):
    against, little_against, _, little_for, in_favour = palette.DIVERGING_STOPS[theme]
    assert least_difference([against, in_favour], vision) >= 40
    assert least_difference([little_against, little_for], vision) >= 40


@every_theme
def test_more_images_stand_out_more_from_the_page(theme):
    contrasts = [contrast(color, on_backgrounds(theme)[0]) for color in palette.SEQUENTIAL_STOPS[theme]]
    assert contrasts == sorted(contrasts)
    assert contrasts[0] < 1.6 < 10 < contrasts[-1]


@every_theme
def test_larger_weights_stand_out_more_from_the_page_on_either_side(theme):
    contrasts = [contrast(color, on_backgrounds(theme)[0]) for color in palette.DIVERGING_STOPS[theme]]
    assert contrasts[2] < 1.25
    assert contrasts[0] > contrasts[1] > contrasts[2] < contrasts[3] < contrasts[4]


@every_theme
def test_the_pages_have_the_colours_of_the_palette(theme):
    config = theme_of_pages()
    page = config[theme]
    assert (page["backgroundColor"], page["secondaryBackgroundColor"]) == palette.BACKGROUNDS[theme]
    assert (page["primaryColor"], page["borderColor"]) == (palette.PRIMARY[theme], palette.BORDER[theme])
    assert page["linkColor"] == palette.PRIMARY_TEXT[theme]
    assert tuple(config["chartCategoricalColors"]) == palette.SERIES_COLORS
    assert contrast(page["textColor"], page["secondaryBackgroundColor"]) >= 7


@every_theme
def test_captions_have_a_contrast_of_four_and_a_half(theme):
    text = theme_of_pages()[theme]["textColor"]
    for background in on_backgrounds(theme):
        # Streamlit writes them in the text colour at 60 %.
        faded = [0.6 * one + 0.4 * other for one, other in zip(rgb(text), rgb(background), strict=True)]
        assert palette.contrast(tuple(faded), rgb(background)) >= 4.5


@pytest.mark.parametrize("share", [n / 255 for n in range(256)])
def test_a_figure_is_legible_on_every_pixel(share):
    background, ink = shades(share)
    assert contrast(background, ink) >= 4.5


def test_pixels_are_shaded_from_dark_to_white():
    assert (shades(0)[0], shades(1)[0]) == (TILE_DARK, TILE_LIGHT)
