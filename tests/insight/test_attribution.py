import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.insight.attribution import classes_to_compare, contributions, occlusion_drops
from digitcore.models import SoftmaxRegression


def test_contributions_add_up_to_the_score(rng):
    X, y = rng.random((60, 12)).astype(np.float32), rng.integers(0, 3, 60)
    model = SoftmaxRegression(epochs=3).fit(X, y)
    shares = contributions(model.coef_, X[0], (3, 4))
    assert shares.shape == (3, 3, 4)
    scores = shares.sum(axis=(1, 2)) + model.intercept_
    expected = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(model.predict_proba(X[:1])[0], expected, rtol=1e-5)


def looks_at_one_pixel(rows):
    """A model whose first class is as probable as the pixel in row 2, column 3 of 6x6 is bright."""
    bright = rows[:, 2 * 6 + 3]
    return np.column_stack([bright, 1 - bright])


def test_only_squares_over_the_pixel_that_counts_make_a_difference():
    drops = occlusion_drops(looks_at_one_pixel, np.full(36, 0.8), (6, 6), window=1)
    expected = np.zeros((6, 6))
    expected[2, 3] = 0.8
    np.testing.assert_allclose(drops[0], expected)
    np.testing.assert_allclose(drops[1], -expected)


def test_a_pixels_value_is_the_mean_over_the_squares_that_cover_it():
    drops = occlusion_drops(looks_at_one_pixel, np.full(36, 1.0), (6, 6), window=2)[0]
    # Of the four squares over its neighbour at the right two cover the pixel that counts, of those diagonal one.
    assert (drops[2, 3], drops[2, 4], drops[3, 4], drops[5, 5]) == pytest.approx((1, 0.5, 0.25, 0))


def test_the_square_of_a_flat_image_fits_by_itself():
    assert occlusion_drops(lambda rows: np.tile([0.5, 0.5], (len(rows), 1)), np.ones(120), (4, 30)).shape == (2, 4, 30)


def test_a_square_must_fit_into_the_image():
    for window in (0, 7):
        with pytest.raises(InvalidSetting, match=f"window must be 1 to 6 pixels, got {window}"):
            occlusion_drops(looks_at_one_pixel, np.ones(36), (6, 6), window=window)


@pytest.mark.parametrize(("truth", "classes"), [(None, (1, 2)), (1, (1, 2)), (0, (1, 0))])
def test_the_prediction_is_compared_with_the_truth_or_the_second_best(truth, classes):
    assert classes_to_compare(np.array([0.1, 0.6, 0.3]), truth) == classes


def test_a_single_class_is_compared_with_itself():
    assert classes_to_compare(np.array([1.0]), None) == (0, 0)
