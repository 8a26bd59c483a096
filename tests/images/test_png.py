"""Images by their pixels, as Pillow decodes them."""

import io
from functools import partial

import numpy as np
import pytest
from PIL import Image

from digitcore.errors import InvalidSetting
from digitcore.images import palette
from digitcore.images.png import (
    diverging_rgb,
    even_columns,
    factor_for,
    fullest_columns,
    gray_rgb,
    grayscale_png,
    grid_png,
    weights_limit,
    weights_png,
)

DARK, WHITE = (0x14, 0x16, 0x1F), (255, 255, 255)
NEUTRAL, MOST, LEAST, GRAY = (0xF7, 0xF7, 0xF5), (0x1E, 0x2F, 0x9E), (0xA6, 0x3D, 0x00), (0x8C, 0x8C, 0x8C)


def decoded(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def strip_of(title, side=8, factor=12):
    """The strip with the title above one tile, in RGB."""
    picture = decoded(weights_png(np.ones((1, side, side)), columns=1, factor=factor, titles=[title]))
    return picture[: len(picture) - side * factor, :, :3].astype(int)


def is_near(strip, color):
    """Where the ink of ``color`` is, the paler pixels at the edge of letters left out."""
    return np.abs(strip - np.array(palette.rgb(color))).sum(axis=-1) < 60


def test_a_pixel_becomes_a_block_of_one_colour():
    picture = decoded(grayscale_png(np.array([[0, 16], [16, 0], [0, 0]]), max_value=16, factor=3))
    assert picture.shape == (9, 6, 4)
    expected = np.array([[DARK, WHITE], [WHITE, DARK], [DARK, DARK]]).repeat(3, axis=0).repeat(3, axis=1)
    np.testing.assert_array_equal(picture[..., :3], expected)
    assert (picture[..., 3] == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_half_of_the_largest_value_is_halfway_between_dark_and_white(dtype):
    # (0x14 + 255) / 2, (0x16 + 255) / 2, (0x1f + 255) / 2 are 137.5, 138.5 and 143
    color = gray_rgb(np.array([8], dtype=dtype), 16)[0]
    assert color.tolist() == pytest.approx([137.5, 138.5, 143], abs=0.5)


def test_gray_values_outside_take_the_nearer_end():
    assert gray_rgb(np.array([-5.0, 99.0]), 16).tolist() == [list(DARK), list(WHITE)]


@pytest.mark.parametrize(
    ("height", "width", "tile_size", "factor"),
    [(8, 8, 96, 12), (28, 28, 96, 3), (28, 28, 100, 4), (8, 16, 64, 4), (28, 28, 10, 1)],
)
def test_the_factor_is_whole_and_brings_the_longer_side_nearest_to_the_size(height, width, tile_size, factor):
    assert factor_for(height, width, tile_size) == factor


def test_an_image_without_a_factor_is_enlarged_by_the_factor_for_its_size():
    assert decoded(grayscale_png(np.zeros((28, 28)), max_value=255, tile_size=100)).shape[:2] == (112, 112)


def test_a_grid_is_filled_row_by_row_and_transparent_between_the_tiles():
    images = np.arange(3)[:, None, None] * np.ones((3, 2, 2))
    picture = decoded(grid_png(images, max_value=2, columns=2, factor=1, gap=1))
    assert picture.shape == (5, 5, 4)
    middle = gray_rgb(np.array([1]), 2)[0].tolist()
    assert picture[0, 0, :3].tolist() == list(DARK)
    assert picture[0, 3, :3].tolist() == middle
    assert picture[3, 0, :3].tolist() == list(WHITE)
    opaque = np.zeros((5, 5), dtype=bool)
    opaque[:2, :2] = opaque[:2, 3:] = opaque[3:, :2] = True
    np.testing.assert_array_equal(picture[..., 3] == 255, opaque)
    assert (picture[..., 3][~opaque] == 0).all()


def test_few_images_make_a_narrow_grid():
    assert decoded(grid_png(np.zeros((2, 4, 4)), max_value=1, columns=10, factor=1, gap=0)).shape[:2] == (4, 8)


@pytest.mark.parametrize(
    ("n_images", "most", "columns"),
    [
        (10, 10, 10),
        (10, 5, 5),
        (20, 10, 10),
        (32, 10, 8),
        (32, 5, 4),
        (14, 10, 7),
        (13, 10, 10),
        (3, 10, 3),
        (0, 10, 1),
    ],
)
def test_the_last_row_of_a_grid_is_full_where_it_can_be(n_images, most, columns):
    assert even_columns(n_images, most) == columns


@pytest.mark.parametrize(
    ("n_images", "wide", "narrow"),
    [(11, 6, 4), (16, 8, 4), (20, 10, 5), (7, 10, 4), (30, 10, 5), (3, 10, 5), (0, 10, 5)],
)
def test_the_last_row_of_a_grid_is_the_fullest_of_those_to_choose_from(n_images, wide, narrow):
    assert (fullest_columns(n_images, (10, 8, 6)), fullest_columns(n_images, (5, 4))) == (wide, narrow)


@pytest.mark.parametrize("png", [weights_png, partial(grid_png, max_value=1)])
def test_titles_do_not_cover_the_image(png):
    images = np.random.default_rng(0).normal(size=(1, 8, 8))
    bare, titled = (decoded(png(images, columns=1, factor=12, titles=titles)) for titles in (None, ["a title"]))
    assert len(titled) > len(bare)
    np.testing.assert_array_equal(titled[-len(bare) :], bare)


def test_a_long_title_is_shortened_to_its_tile():
    ink = [np.flatnonzero(is_near(strip_of("W" * n), palette.TILE_LIGHT).any(axis=0)) for n in (2, 100)]
    assert ink[0].max() < ink[1].max() < 8 * 12 - 2


def test_zero_is_the_neutral_colour_and_the_ends_are_the_limits():
    colors = diverging_rgb(np.array([0.0, 2.0, -2.0, np.nan]), 2.0)
    assert [tuple(color) for color in colors.tolist()] == [NEUTRAL, MOST, LEAST, GRAY]


def test_weights_beyond_the_limit_take_the_ends_colour():
    assert [tuple(color) for color in diverging_rgb(np.array([9.0, -np.inf]), 1.0).tolist()] == [MOST, LEAST]


def test_on_a_dark_page_zero_is_dark():
    zero, most = diverging_rgb(np.array([0.0, 1.0]), 1.0, "dark").tolist()
    assert (tuple(zero), tuple(most)) == (palette.rgb("#1d212c"), palette.rgb("#b3c0ff"))


def test_without_any_weight_everything_is_neutral():
    assert {tuple(color) for color in diverging_rgb(np.zeros(4), 0.0).tolist()} == {NEUTRAL}


def test_the_limit_is_the_largest_finite_size_on_either_side():
    assert weights_limit(np.array([0.5, -3.0, np.nan, np.inf])) == 3.0


@pytest.mark.parametrize("values", [[], [np.nan], [0.0]])
def test_the_limit_of_nothing_is_zero(values):
    assert weights_limit(np.array(values)) == 0.0


def test_all_weight_images_share_one_symmetric_scale():
    # The first image reaches +1, the second only -4: on a scale of its own +1 would be the darkest blue.
    images = np.array([[[1.0, 0.0]], [[-4.0, 4.0]]])
    picture = decoded(weights_png(images, columns=2, factor=1, gap=0))
    quarter = tuple(int(value) for value in diverging_rgb(np.array([0.25]), 1.0)[0])
    assert [tuple(color) for color in picture[0, :, :3].tolist()] == [quarter, NEUTRAL, LEAST, MOST]
    # A quarter of the way is halfway between the neutral #f7f7f5 and #5b7cfa.
    assert quarter == pytest.approx((169, 185.5, 247.5), abs=0.5)


def test_weight_images_have_white_titles():
    picture = decoded(weights_png(np.ones((2, 8, 8)), columns=2, factor=12, titles=["3", "4"]))
    strip = picture[: len(picture) - 96, :, :3].astype(int)
    assert is_near(strip[:, :96], palette.TILE_LIGHT).any()
    assert is_near(strip[:, 102:], palette.TILE_LIGHT).any()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: grayscale_png(np.zeros(4), max_value=1), r"image must have the shape \(height, width\), got \(4,\)"),
        (lambda: grayscale_png(np.zeros((2, 2)), max_value=0), "max_value must be a finite number above 0, got 0"),
        (lambda: grayscale_png(np.full((2, 2), np.nan), max_value=1), "some are NaN or infinite"),
        (lambda: grayscale_png(np.zeros((2, 2)), max_value=1, factor=1.5), "factor must be a whole number from 1"),
        (lambda: grayscale_png(np.zeros((2, 2)), max_value=1, tile_size=0), "tile_size must be a whole number from 1"),
        (lambda: grid_png(np.zeros((2, 2)), max_value=1, columns=1), r"\(n_images, height, width\), none of them 0"),
        (lambda: grid_png(np.zeros((0, 2, 2)), max_value=1, columns=1), r"got \(0, 2, 2\)"),
        (lambda: grid_png(np.array([[["a"]]]), max_value=1, columns=1), "images must be numbers, got the type <U1"),
        (lambda: grid_png(np.zeros((1, 2, 2)), max_value=1, columns=0), "columns must be a whole number from 1, got 0"),
        (lambda: grid_png(np.zeros((1, 2, 2)), max_value=1, columns=1, gap=-1), "gap must be a whole number from 0"),
        (lambda: weights_png(np.zeros((2, 2, 2)), columns=1, titles=["a"]), "for each of 2 images, got 1"),
        (lambda: diverging_rgb(np.zeros(1), 1.0, "blue"), "theme must be light or dark, got 'blue'"),
        (lambda: diverging_rgb(np.zeros(1), -1.0), "limit must be a finite number from 0, got -1.0"),
        (lambda: diverging_rgb(np.zeros(1), np.inf), "limit must be a finite number from 0, got inf"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(InvalidSetting, match=message):
        draw()


def test_colours_of_parts_and_labels_can_be_told_from_both_page_backgrounds():
    inks = [*palette.PART_COLORS.values(), palette.MUTED]
    for background in ("#ffffff", "#0e1117"):
        assert min(palette.contrast(palette.rgb(ink), palette.rgb(background)) for ink in inks) >= 3


def test_words_above_a_tile_can_be_read_on_it():
    tile = palette.rgb(palette.TILE_DARK)
    assert min(palette.contrast(palette.rgb(ink), tile) for ink in (palette.TRUTH_BLUE, palette.WRONG_RED)) >= 4.5


def test_black_on_white_has_the_largest_contrast_there_is():
    assert palette.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    # The lightest gray that WCAG's checkers call readable on white.
    assert palette.contrast(palette.rgb("#767676"), (255, 255, 255)) == pytest.approx(4.54, abs=0.005)
