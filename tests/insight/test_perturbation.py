import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.insight.perturbation import PERTURBATIONS, Perturbation, perturb


@pytest.fixture
def corner():
    """One full pixel, above and right of the centre of 9x9."""
    ink = np.zeros((9, 9))
    ink[2, 6] = 1.0
    return ink


def test_the_defaults_change_nothing(rng):
    ink = rng.random((28, 28))
    np.testing.assert_array_equal(perturb(ink, Perturbation()), ink)


def test_the_records_have_the_defaults_of_the_settings():
    assert {record.name: record.default for record in PERTURBATIONS} == vars(Perturbation())


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"rotation": 90}, (6, 6)),
        ({"rotation": 180}, (6, 2)),
        ({"rotation": -90}, (2, 2)),
        ({"shift_x": 2 / 9}, (2, 8)),
        ({"shift_y": 3 / 9}, (5, 6)),
        ({"scale": 2}, (0, 8)),
        ({"rotation": 90, "shift_x": 2 / 9}, (6, 8)),
    ],
)
def test_ink_moves_to_where_it_belongs(corner, change, place):
    moved = perturb(corner, Perturbation(**change))
    assert np.unravel_index(moved.argmax(), moved.shape) == place
    assert moved[place] == pytest.approx(1.0)


def test_a_larger_image_has_more_ink():
    ink = np.zeros((21, 21))
    ink[8:13, 8:13] = 1
    assert perturb(ink, Perturbation(scale=2)).sum() == pytest.approx(4 * ink.sum(), rel=0.25)


def test_what_moves_out_is_lost(corner):
    assert perturb(corner, Perturbation(shift_x=0.9)).sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("pixels", "n"), [(1, 5), (2, 13), (-1, 0), (0.5, 3)])
def test_strokes_grow_and_shrink_pixel_by_pixel(pixels, n):
    ink = np.zeros((9, 9))
    ink[4, 4] = 1
    assert perturb(ink, Perturbation(thickness=pixels)).sum() == pytest.approx(n)


def test_a_thick_stroke_loses_its_rim():
    ink = np.zeros((9, 9))
    ink[2:7, 2:7] = 1
    assert perturb(ink, Perturbation(thickness=-1)).sum() == 9


def test_blur_spreads_the_ink_and_keeps_its_amount():
    ink = np.zeros((31, 31))
    ink[15, 15] = 1
    blurred = perturb(ink, Perturbation(blur=2))
    assert blurred.sum() == pytest.approx(1, abs=1e-3)
    assert blurred.max() == pytest.approx(1 / (2 * np.pi * 4), rel=0.02)


def test_noise_follows_its_seed_and_its_size():
    gray = np.full((100, 100), 0.5)
    change = Perturbation(noise=0.1)
    first, again, other = perturb(gray, change), perturb(gray, change), perturb(gray, change, seed=1)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.std() == pytest.approx(0.1, rel=0.05)


def test_the_result_stays_ink_and_the_image_is_not_changed(rng):
    ink = rng.random((8, 8))
    before = ink.copy()
    changed = perturb(ink, Perturbation(rotation=33, scale=1.3, thickness=1.5, noise=0.6, blur=0.5, shift_x=0.1))
    assert (changed.min() >= 0, changed.max() <= 1, changed.shape) == (True, True, (8, 8))
    np.testing.assert_array_equal(ink, before)


def test_a_change_out_of_range_is_refused():
    with pytest.raises(InvalidSetting, match="scale must be"):
        Perturbation(scale=0)
