import numpy as np
import pytest
from scipy import ndimage

from digitcore.datasets import DATASETS
from digitcore.errors import InvalidSetting
from digitcore.images.clean_up import as_image, clean_drawing, clean_photo, clean_strokes
from digitcore.images.framing import CenteredByMass

MNIST = DATASETS["mnist"].used_framing
SMALL = DATASETS["digits"].used_framing


def stroke(height=200, width=200, rows=slice(40, 160), columns=slice(90, 110)):
    """A sheet with one upright stroke."""
    sheet = np.zeros((height, width))
    sheet[rows, columns] = 1.0
    return sheet


def center_of_mass(ink):
    return np.array(ndimage.center_of_mass(ink))


def test_the_stages_are_named_and_end_in_the_frame():
    steps = clean_drawing(stroke(), MNIST)
    assert [step.title for step in steps] == ["Drawn", "Cropped to the ink", "Scaled to 20 × 3", "Centred by mass"]
    assert [step.ink.shape for step in steps] == [(200, 200), (120, 20), (20, 3), (28, 28)]


@pytest.mark.parametrize("framing", [MNIST, SMALL])
@pytest.mark.parametrize("corner", [(0, 0), (40, 90), (80, 175)])
def test_where_and_how_large_something_is_drawn_does_not_matter(framing, corner):
    top, left = corner
    small = stroke(rows=slice(top, top + 60), columns=slice(left, left + 20))
    large = stroke(400, 400, slice(10, 370), slice(200, 320))
    first, second = (clean_drawing(ink, framing)[-1].ink for ink in (small, large))
    np.testing.assert_allclose(first, second, atol=0.02 if framing is MNIST else 0.15)


def test_the_centre_of_mass_is_the_images_centre():
    seven = np.zeros((300, 300))
    seven[50:80, 60:200] = 1
    seven[80:250, 150:180] = 1
    ink = clean_drawing(seven, MNIST)[-1].ink
    assert abs(center_of_mass(ink) - 13.5).max() <= 0.5
    rows, _ = np.nonzero(ink)
    assert (np.ptp(rows) + 1, ink.max()) == (20, 1.0)


def test_no_ink_is_cut_off_where_the_mass_lies_at_one_end():
    flag = np.zeros((280, 280))
    flag[0:60, 0:240] = 1
    flag[60:280, 0:10] = 0.5
    steps = clean_drawing(flag, MNIST)
    assert steps[-1].ink.sum() == pytest.approx(steps[-2].ink.sum())


def test_wide_ink_fits_into_a_narrow_image():
    steps = clean_drawing(stroke(rows=slice(95, 105), columns=slice(0, 200)), CenteredByMass((28, 16), 20))
    assert steps[-2].ink.shape == (1, 16)


def test_pale_ink_becomes_full_ink():
    assert clean_drawing(0.3 * stroke(), MNIST)[-1].ink.max() == pytest.approx(1.0)


def test_a_single_dot_is_an_image():
    dot = np.zeros((50, 50))
    dot[7, 9] = 1
    assert clean_drawing(dot, SMALL)[-1].ink.shape == (8, 8)


@pytest.mark.parametrize("ink", [np.zeros((28, 28)), np.full((5, 5), 0.01)])
def test_an_empty_sheet_is_told(ink):
    with pytest.raises(InvalidSetting, match="Nothing is drawn yet"):
        clean_drawing(ink, MNIST)


@pytest.mark.parametrize("ink", [np.zeros(5), np.zeros((0, 3)), np.full((3, 3), np.nan)])
def test_what_is_no_drawing_is_refused(ink):
    with pytest.raises(InvalidSetting, match="A drawing must be finite numbers"):
        clean_drawing(ink, MNIST)


@pytest.mark.parametrize("framing", [MNIST, SMALL], ids=["MNIST", "8x8"])
@pytest.mark.parametrize("side", [0.08, 0.3, 0.9])
def test_strokes_give_the_same_image_however_small_they_were_drawn(framing, side):
    ring = 0.5 + 0.5 * np.array([(0.7 * np.sin(turn), np.cos(turn)) for turn in np.linspace(0, 2 * np.pi, 60)])
    steps = clean_strokes([side * ring], framing)
    assert [step.title for step in steps[:2]] == ["Drawn", "Redrawn to size"]
    np.testing.assert_allclose(steps[-1].ink, clean_strokes([0.5 * ring + 0.1], framing)[-1].ink, atol=0.1)
    middle = [side // 2 for side in framing.image_shape]
    assert steps[-1].ink[tuple(middle)] == 0  # the hole is open


@pytest.mark.parametrize("framing", [MNIST, SMALL], ids=["MNIST", "8x8"])
def test_a_dot_is_an_image(framing):
    ink = clean_strokes([np.array([[0.3, 0.3]])], framing)[-1].ink
    assert ink.shape == framing.image_shape
    assert ink.max() == 1


def test_strokes_are_two_and_a_half_pixels_wide_in_images_of_28_pixels():
    hook = clean_strokes([np.array([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]])], MNIST)[-1].ink
    assert hook[16].sum() == pytest.approx(2.5, abs=0.3)


def photo(dark_ink=True, noise=0.0, seed=0):
    """A photo of an upright stroke, grey values with noise."""
    ink = stroke()
    gray = 220 - 180 * ink if dark_ink else 30 + 200 * ink
    gray = gray + np.random.default_rng(seed).normal(0, noise, gray.shape)
    return gray.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("dark_ink", [True, False])
@pytest.mark.parametrize("noise", [0, 8])
def test_a_photo_gives_the_image_of_its_ink_light_or_dark(dark_ink, noise):
    steps = clean_photo(photo(dark_ink, noise), MNIST)
    assert steps[1].title == ("Inverted, paper removed" if dark_ink else "Background removed")
    expected = clean_drawing(stroke(), MNIST)[-1].ink
    assert steps[-1].ink.sum() == pytest.approx(expected.sum(), rel=0.05)
    # The stroke is three pixels wide and the image has no pixel in its middle: either side of it is right.
    assert abs(center_of_mass(steps[-1].ink) - center_of_mass(expected)).max() <= 1


def test_specks_and_the_tables_edge_are_no_ink_but_a_second_stroke_is():
    gray = photo()
    expected = clean_photo(gray, MNIST)[-1].ink
    gray[2:8, 2:8] = 30
    gray[190:198, 150:160] = 60
    np.testing.assert_allclose(clean_photo(gray, MNIST)[-1].ink, expected, atol=0.02)
    gray[40:160, 130:145] = 40
    assert clean_photo(gray, MNIST)[-1].ink.sum() > 1.5 * expected.sum()


def test_a_photo_without_a_digit_is_told():
    with pytest.raises(InvalidSetting, match="Nothing stands out"):
        clean_photo(np.full((50, 50), 200, np.uint8), MNIST)


def test_ink_as_the_data_set_keeps_it():
    image = as_image(np.array([[-0.1, 0.0, 0.5, 1.0, 1.2]]), 16)
    assert (image.dtype, image.tolist()) == (np.uint8, [[0, 0, 8, 16, 16]])
