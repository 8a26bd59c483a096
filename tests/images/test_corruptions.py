import numpy as np
import pytest
from scipy import ndimage

from digitcore.errors import DatasetError, InvalidSetting
from digitcore.images.corruptions import CORRUPTIONS, SEVERITIES, corrupted

NAMES = tuple(CORRUPTIONS)


@pytest.fixture
def images(rng):
    """Blurred strokes on paper, 40 images of 28x28, values 0 to 16."""
    sheet = np.zeros((40, 28, 28))
    for image, column in zip(sheet, rng.integers(10, 17, 40), strict=True):
        image[6:22, column - 2 : column + 2] = 16
        image[6:10, column : column + 6] = 16
    return ndimage.gaussian_filter(sheet, (0, 0.7, 0.7)).round().astype(np.uint8)


def test_there_are_twelve():
    assert len(CORRUPTIONS) == 12
    assert all(len(corruption.strengths) == len(SEVERITIES) == 5 for corruption in CORRUPTIONS.values())
    assert all(corruption.name == name for name, corruption in CORRUPTIONS.items())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_images_keep_shape_type_and_range_and_stay_unchanged_themselves(images, name, severity):
    before = images.copy()
    worse = corrupted(images, name, severity, max_value=16)
    assert (worse.shape, worse.dtype) == (images.shape, np.uint8)
    assert worse.max() <= 16
    assert all((a != b).any() for a, b in zip(worse, images, strict=True)) or name == "patch"
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", NAMES)
def test_each_severity_changes_images_more_than_the_one_before(images, name):
    changes = [
        np.abs(corrupted(images, name, severity, max_value=16).astype(float) - images).mean()
        for severity in (0, *SEVERITIES)
    ]
    assert changes[0] == 0
    assert (np.diff(changes) > 0).all(), changes


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_corrupt_equally(images, name):
    first = corrupted(images, name, 3, seed=5, max_value=16)
    np.testing.assert_array_equal(corrupted(images, name, 3, seed=5, max_value=16), first)
    deterministic = name in ("blur", "brightness", "contrast")
    assert (corrupted(images, name, 3, seed=6, max_value=16) != first).any() != deterministic


@pytest.mark.parametrize("name", NAMES)
def test_images_of_other_sizes_are_taken(rng, name):
    small = rng.integers(0, 17, (5, 8, 6), dtype=np.uint8)
    for severity in SEVERITIES:
        assert corrupted(small, name, severity, max_value=16).shape == (5, 8, 6)
    assert corrupted(small[:0], name, 5, max_value=16).shape == (0, 8, 6)


def test_noise_has_its_standard_deviation():
    gray = np.full((50, 28, 28), 100, np.uint8)
    assert corrupted(gray, "noise", 1, max_value=200).std() == pytest.approx(20, rel=0.03)


def test_a_blur_is_scipys(images):
    expected = [ndimage.gaussian_filter(image.astype(float), 0.06 * 28) for image in images]
    np.testing.assert_allclose(corrupted(images, "blur", 3, max_value=16), expected, atol=0.51)


def test_a_shift_moves_ink_by_its_share_of_the_side_in_any_direction():
    point = np.zeros((300, 41, 41), np.uint8)
    point[:, 20, 20] = 255
    mass = corrupted(point, "shift", 4) / 255.0
    rows, columns = ((mass.sum(axis=axis) @ np.arange(41)) / mass.sum(axis=(1, 2)) - 20 for axis in (2, 1))
    np.testing.assert_allclose(np.hypot(rows, columns), 0.2 * 41, atol=0.05)
    assert all(abs(values.mean()) < 1 for values in (rows, columns))


@pytest.mark.parametrize("severity", SEVERITIES)
def test_images_are_turned_either_way(severity):
    bar = np.zeros((200, 41, 41), np.uint8)
    bar[:, 2:39, 20] = 255
    turned = corrupted(bar, "rotation", severity)
    rows, columns = np.indices((41, 41)) - 20
    angles = [0.5 * np.arctan2(2 * (m * rows * columns).sum(), (m * (rows**2 - columns**2)).sum()) for m in turned]
    np.testing.assert_allclose(np.abs(np.rad2deg(angles)), 10 * severity, atol=1)
    assert 60 < (np.array(angles) > 0).sum() < 140


def test_brightness_and_contrast_are_sums_and_products(images):
    np.testing.assert_array_equal(
        corrupted(images, "brightness", 5, max_value=16), np.minimum(images.astype(int) + 8, 16)
    )
    means = images.mean(axis=(1, 2), keepdims=True)
    faded = corrupted(images, "contrast", 5, max_value=16)
    np.testing.assert_allclose(faded, means + 0.15 * (images - means), atol=0.51)


def test_every_fourth_row_is_a_stripe(images):
    striped = corrupted(np.zeros_like(images), "stripes", 5, max_value=16)
    rows = (striped == 16).all(axis=2)
    assert (rows.sum(axis=1) == 7).all()
    assert all(set(np.diff(np.flatnonzero(each))) == {4} for each in rows)


def test_a_patch_has_its_share_of_the_sides():
    full = np.full((100, 20, 10), 255, np.uint8)
    assert set((corrupted(full, "patch", 4) == 0).sum(axis=(1, 2))) == {10 * 5}


def test_the_most_severe_inversion_is_the_negative(images):
    np.testing.assert_array_equal(corrupted(images, "inverted", 5, max_value=16), 16 - images)
    part = corrupted(images, "inverted", 2, max_value=16) != images
    assert set(part.all(axis=1).sum(axis=1)) <= {0, *range(12)}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"name": "blurr"}, "Unknown corruption 'blurr'.*Did you mean 'blur'"),
        ({"severity": 6}, "severity must be a whole number from 0 to 5, got 6"),
        ({"severity": float("nan")}, "severity must be a whole number"),
        ({"seed": -1}, "seed must be a whole number from 0, got -1"),
        ({"max_value": 15}, "no pixel above 15, got 16"),
        ({"max_value": 300}, "max_value must be a whole number from 1 to 255, got 300"),
        ({"images": np.zeros((4, 8))}, r"must be uint8 of shape .*, got float64 of shape \(4, 8\)"),
        ({"images": None}, "got NoneType"),
    ],
)
def test_wrong_arguments_are_named(images, named, message):
    given = {"images": images, "name": "blur", "severity": 1, "max_value": 16, **named}
    with pytest.raises((DatasetError, InvalidSetting), match=message):
        corrupted(**given)
