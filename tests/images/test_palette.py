import pytest

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


@pytest.mark.parametrize("share", [n / 255 for n in range(256)])
def test_a_figure_is_legible_on_every_pixel(share):
    background, ink = shades(share)
    assert contrast(background, ink) >= 4.5


def test_pixels_are_shaded_from_dark_to_white():
    assert (shades(0)[0], shades(1)[0]) == (TILE_DARK, TILE_LIGHT)
