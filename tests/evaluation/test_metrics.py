import numpy as np
import pytest

from digitcore.errors import DatasetError
from digitcore.evaluation import PartAccuracy, accuracy_gap, ratio, right_predictions


def test_the_noise_of_a_gap_is_that_of_newcombes_example():
    # Newcombe (1998), table II, row (a), method 10: 56 of 70 against 48 of 80, a difference of 0.2 from 0.0524.
    gap = accuracy_gap(PartAccuracy(56 / 70, 70), PartAccuracy(48 / 80, 80))
    assert gap.gap == pytest.approx(0.2)
    assert gap.gap - gap.noise == pytest.approx(0.0524, abs=5e-5)


def test_a_ratio_to_nothing_is_undefined():
    np.testing.assert_array_equal(ratio(np.array([1, 0, 3]), np.array([4, 0, 0])), [0.25, np.nan, np.nan])


def test_right_predictions_are_those_that_are_the_truth():
    np.testing.assert_array_equal(right_predictions(np.array([3, 1, 4]), np.array([3, 4, 4])), [True, False, True])


def test_right_predictions_need_a_truth_each():
    with pytest.raises(DatasetError):
        right_predictions(np.array([3, 1, 4]), np.array([3, 4]))
