import numpy as np
import pytest
from scipy import ndimage

from digitcore.datasets import AUGMENTATIONS, Augmentation, augment
from digitcore.datasets.augmentation import BLOCK
from digitcore.errors import DatasetError, InvalidSetting

STRENGTHS = {
    "shift": 3.0,
    "rotation": 20.0,
    "scale": 0.2,
    "shear": 0.3,
    "elastic": 1.0,
    "noise": 0.2,
    "erasing": 0.3,
    "thickness": 1.0,
}


@pytest.fixture
def images(rng):
    """Smooth blobs on paper, 60 images of 28x24."""
    raw = ndimage.gaussian_filter(rng.random((60, 28, 24)), (0, 3, 3))
    raw -= raw.min(axis=(1, 2), keepdims=True)
    images = (255 * raw / raw.max(axis=(1, 2), keepdims=True)).astype(np.uint8)
    images[:, :4] = images[:, -4:] = 0
    return images


def test_the_records_have_the_names_and_defaults_of_the_strengths():
    assert {record.name: record.default for record in AUGMENTATIONS} == vars(Augmentation())
    assert {record.name for record in AUGMENTATIONS} == set(STRENGTHS)


def test_without_strengths_images_stay_as_they_are(images):
    np.testing.assert_array_equal(augment(images, Augmentation(), seed=7), images)


@pytest.mark.parametrize("name", STRENGTHS)
def test_each_strength_changes_images_and_keeps_shape_type_and_range(images, name):
    before, small = images.copy(), images // 16
    changed = augment(small, Augmentation(**{name: STRENGTHS[name]}), max_value=15)
    assert (changed.shape, changed.dtype) == (images.shape, np.uint8)
    assert changed.max() <= 15
    assert sum((a != b).any() for a, b in zip(changed, small, strict=True)) > 50
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", STRENGTHS)
def test_equal_seeds_give_equal_images_and_others_do_not(images, name):
    strength = Augmentation(**{name: STRENGTHS[name]})
    first = augment(images, strength, seed=3)
    np.testing.assert_array_equal(augment(images, strength, seed=3), first)
    assert (augment(images, strength, seed=4) != first).any()


@pytest.mark.parametrize("name", ["shift", "elastic", "noise", "erasing"])
def test_the_first_images_do_not_depend_on_how_many_follow_in_other_blocks(images, name):
    many = np.tile(images, (40, 1, 1))
    assert len(many) > 2 * BLOCK
    strength = Augmentation(**{name: STRENGTHS[name]})
    changed = augment(many, strength)
    # Every block draws further: no image is changed as the same image of another block is.
    same = [(changed[i] == changed[i + 60]).all() for i in range(0, len(many) - 60, 60)]
    assert sum(same) == 0


def test_one_more_strength_does_not_change_what_the_others_draw(images):
    blank = np.zeros_like(images)
    alone = augment(blank, Augmentation(noise=0.2), seed=1)
    np.testing.assert_array_equal(augment(blank, Augmentation(noise=0.2, shift=3, erasing=0.5), seed=1), alone)


def moved_by_scipy(image, angle, factor, slant, shift):
    """An independent way: the forward map of places (row, column), inverted by NumPy."""
    shear = np.array([[1, 0], [-slant, 1]])  # up by one row is right by the slant
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    forward = turn @ (factor * np.eye(2)) @ shear
    center = (np.array(image.shape) - 1) / 2
    back = np.linalg.inv(forward)
    offset = center - back @ (center + shift)
    moved = ndimage.affine_transform(image.astype(float), back, offset, order=1, mode="grid-constant")
    return np.floor(moved + 0.5)


def test_a_resampling_is_that_of_scipy_with_what_the_seed_draws(images):
    strengths = Augmentation(shift=3, rotation=30, scale=0.3, shear=0.4)
    changed = augment(images, strengths, seed=11)
    streams = {record.name: np.random.default_rng([11, i]) for i, record in enumerate(AUGMENTATIONS)}
    n = len(images)
    angles, slants = (getattr(strengths, name) * streams[name].uniform(-1, 1, n) for name in ("rotation", "shear"))
    factors = 1.3 ** streams["scale"].uniform(-1, 1, n)
    shifts = 3 * streams["shift"].uniform(-1, 1, (n, 2))
    for i in range(n):
        expected = moved_by_scipy(images[i], np.deg2rad(angles[i]), factors[i], slants[i], shifts[i])
        # A value near a half may be rounded either way.
        np.testing.assert_allclose(changed[i], expected, atol=1)
        assert (changed[i] != expected).mean() < 0.01


def test_the_largest_strengths_are_kept_to():
    point = np.zeros((3000, 31, 31), np.uint8)
    point[:, 15, 15] = 255
    mass = augment(point, Augmentation(shift=5), seed=0) / 255.0
    rows = (mass.sum(axis=2) @ np.arange(31)) / mass.sum(axis=(1, 2)) - 15
    assert 4.9 < rows.max() <= 5.02
    assert -5.02 <= rows.min() < -4.9
    # A uniform distribution from -5 to 5.
    assert rows.std() == pytest.approx(10 / np.sqrt(12), rel=0.03)


def test_a_deformation_has_its_strength_and_is_smooth():
    # A ramp shows how far each pixel was moved along the columns.
    ramp = np.tile(np.arange(28, dtype=np.uint8) * 9, (600, 28, 1))
    moves = (augment(ramp, Augmentation(elastic=1.5)).astype(float) - ramp)[:, 6:-6, 6:-6] / 9
    assert moves.std() == pytest.approx(1.5, rel=0.05)
    assert np.diff(moves, axis=1).std() < 0.3 * moves.std()


def test_noise_has_its_standard_deviation():
    gray = np.full((50, 28, 28), 128, np.uint8)
    assert augment(gray, Augmentation(noise=0.1)).std() == pytest.approx(25.5, rel=0.02)


def test_an_erased_patch_has_its_size_and_lies_anywhere():
    full = np.full((2000, 20, 10), 255, np.uint8)
    blank = augment(full, Augmentation(erasing=0.3)) == 0
    assert set(blank.sum(axis=(1, 2))) == {6 * 3}
    assert blank.any(axis=0).all()
    assert blank[:, 0, 0].mean() == pytest.approx(1 / (15 * 8), abs=0.01)


def test_strokes_grow_and_shrink_by_up_to_their_strength():
    bar = np.zeros((400, 21, 21), np.uint8)
    bar[:, :, 8:13] = 255
    widths = augment(bar, Augmentation(thickness=2))[:, 10].sum(axis=1) / 255
    assert 8.8 < widths.max() <= 9
    assert 1 <= widths.min() < 1.2
    assert widths.mean() == pytest.approx(5, abs=0.25)


def test_no_images_are_none_afterwards():
    assert augment(np.zeros((0, 8, 8), np.uint8), Augmentation(**STRENGTHS)).shape == (0, 8, 8)


@pytest.mark.parametrize("name", STRENGTHS)
@pytest.mark.parametrize("value", [np.nan, -0.1, 1e6, "much", None, True])
def test_a_strength_that_is_none_is_refused_in_one_sentence(name, value):
    with pytest.raises(InvalidSetting, match=f"^{name} must be a number from 0 to [0-9]+, got"):
        Augmentation(**{name: value})


@pytest.mark.parametrize(
    ("images", "named", "message"),
    [
        (np.zeros((2, 8, 8)), {}, "must be uint8 of shape .n_images, height, width., got float64"),
        (np.zeros((8, 8), np.uint8), {}, r"got uint8 of shape \(8, 8\)"),
        ([[1]], {}, "got list"),
        (np.zeros((2, 0, 8), np.uint8), {}, "at least one pixel"),
        (np.full((2, 8, 8), 17, np.uint8), {"max_value": 16}, "no pixel above 16, got 17"),
        (np.zeros((2, 8, 8), np.uint8), {"max_value": 0}, "max_value must be a whole number from 1 to 255, got 0"),
        (np.zeros((2, 8, 8), np.uint8), {"max_value": 3.5}, "max_value must be a whole number"),
        (np.zeros((2, 8, 8), np.uint8), {"seed": -1}, "seed must be a whole number from 0"),
        (np.zeros((2, 8, 8), np.uint8), {"seed": "a"}, "seed must be a whole number from 0"),
    ],
)
def test_wrong_arguments_are_named(images, named, message):
    with pytest.raises((DatasetError, InvalidSetting), match=message):
        augment(images, Augmentation(), **named)


def test_strengths_in_another_form_are_refused(images):
    with pytest.raises(InvalidSetting, match="augmentation must be an Augmentation, got {'shift': 1}"):
        augment(images, {"shift": 1})
