import numpy as np
import pytest
from scipy import ndimage

from digitcore.images.distortion import affine_transforms, erased, rounded, thickened, warped, with_noise


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (20, 13, 9), dtype=np.uint8)


@pytest.mark.parametrize("shift", [(0, 0), (2, 0), (0, -3), (-4, 5), (13, 0), (50, 50)])
def test_a_shift_by_whole_pixels_is_a_roll_with_paper_behind(images, shift):
    down, right = shift
    expected = np.roll(images, shift, axis=(1, 2))
    rows, columns = np.arange(13) - down, np.arange(9) - right
    expected[:, (rows < 0) | (rows >= 13)] = 0
    expected[:, :, (columns < 0) | (columns >= 9)] = 0
    np.testing.assert_array_equal(warped(images, *affine_transforms((13, 9), shift=shift)), expected)


def test_each_image_is_resampled_as_by_scipy(images, rng):
    n = len(images)
    matrices, offsets = affine_transforms(
        (13, 9),
        rotation=rng.uniform(-180, 180, n),
        scale=rng.uniform(0.5, 2, n),
        shear=rng.uniform(-1, 1, n),
        shift=rng.uniform(-3, 3, (n, 2)),
    )
    resampled = warped(images, matrices, offsets)
    for image, matrix, offset, came in zip(images, matrices, offsets, resampled, strict=True):
        expected = ndimage.affine_transform(image.astype(float), matrix, offset, order=1, mode="grid-constant")
        np.testing.assert_allclose(came, expected, atol=0.51)


def test_displacements_are_added_to_where_pixels_come_from(images, rng):
    displacements = rng.normal(0, 2, (20, 2, 13, 9)).astype(np.float32)
    resampled = warped(images, *affine_transforms((13, 9)), displacements)
    places = np.indices((13, 9))
    for image, moves, came in zip(images, displacements, resampled, strict=True):
        expected = ndimage.map_coordinates(image.astype(float), places + moves, order=1, mode="grid-constant")
        np.testing.assert_allclose(came, expected, atol=0.51)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"rotation": 90.0}, (6, 6)),
        ({"scale": 2.0}, (0, 8)),
        ({"shear": 1.0}, (2, 8)),
        ({"shear": -1.0}, (2, 4)),
        ({"shift": (3, 1)}, (5, 7)),
        ({"rotation": 90.0, "shift": (0, 2)}, (6, 8)),
    ],
)
def test_ink_moves_to_where_it_belongs(change, place):
    corner = np.zeros((1, 9, 9), np.uint8)
    corner[0, 2, 6] = 200
    moved = warped(corner, *affine_transforms((9, 9), **change))[0]
    assert np.unravel_index(moved.argmax(), moved.shape) == place
    assert moved[place] == 200


def test_places_that_are_no_numbers_are_paper(images):
    matrices, offsets = affine_transforms((13, 9))
    assert not warped(images, matrices, offsets * np.nan).any()


def test_a_read_only_part_of_images_is_taken(images):
    part = images[::2, :, ::-1]
    part.flags.writeable = False
    np.testing.assert_array_equal(warped(part, *affine_transforms((13, 9))), part)


@pytest.mark.parametrize("pixels", [-2.0, -0.5, 0.0, 0.25, 1.0, 1.5])
def test_thickness_is_dilation_or_erosion_by_a_cross(images, pixels):
    cross = ndimage.generate_binary_structure(2, 1)
    whole, rest = divmod(abs(pixels), 1)
    for image, came in zip(images, thickened(images, pixels), strict=True):
        expected = image.astype(float)
        change = ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion
        for _ in range(int(whole)):
            expected = change(expected, footprint=cross, mode="nearest")
        expected = (1 - rest) * expected + rest * change(expected, footprint=cross, mode="nearest")
        np.testing.assert_allclose(came, expected, atol=0.51)


def test_each_image_has_its_own_thickness(images):
    pixels = np.linspace(-1, 1, 20)
    one_by_one = [thickened(image[None], share)[0] for image, share in zip(images, pixels, strict=True)]
    np.testing.assert_array_equal(thickened(images, pixels), one_by_one)


def test_a_patch_is_blank_and_the_rest_is_not(images):
    corners = np.array([[row % 10, row % 5] for row in range(20)])
    came = erased(images, corners, (3, 4))
    for image, (top, left), after in zip(images.copy(), corners, came, strict=True):
        image[top : top + 3, left : left + 4] = 0
        np.testing.assert_array_equal(after, image)


def test_noise_is_gaussian_and_clipped():
    gray = np.full((100, 20, 20), 100, np.uint8)
    noise = with_noise(gray, 0.1, 200, np.random.default_rng(0)).astype(float) - 100
    assert noise.std() == pytest.approx(20, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.5)
    assert with_noise(gray, 2.0, 200, np.random.default_rng(0)).max() == 200


def test_values_are_rounded_into_range():
    assert rounded(np.array([-1.0, 0.4, 0.6, 15.6, 99.0]), 16).tolist() == [0, 0, 1, 16, 16]
