import pytest

from digitcore.images.palette import luminance, part_color, rgb


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
