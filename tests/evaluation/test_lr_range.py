"""The curve of a learning-rate range test and the rate it suggests, on curves made by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from digitcore.errors import InvalidSetting
from digitcore.evaluation.lr_range import lr_range_table, suggested_learning_rate


def table_of(rates, smoothed, losses=None) -> pd.DataFrame:
    return pd.DataFrame({"learning_rate": rates, "loss": smoothed if losses is None else losses, "smoothed": smoothed})


def test_smoothed_losses_are_means_weighted_by_distance():
    losses = np.array([2.0, 5.0, 1.0, 4.0])
    table = lr_range_table([0.001, 0.01, 0.1, 1.0], losses)
    expected = [np.average(losses, weights=0.9 ** np.abs(np.arange(4) - place)) for place in range(4)]
    assert list(table.columns) == ["learning_rate", "loss", "smoothed"]
    assert table["smoothed"].to_numpy() == pytest.approx(expected, rel=1e-12)
    assert table["learning_rate"].tolist() == [0.001, 0.01, 0.1, 1.0]
    assert table["loss"].tolist() == losses.tolist()
    assert (table.dtypes == np.float64).all()


def test_a_level_curve_stays_level():
    table = lr_range_table(np.geomspace(1e-6, 10, 2000), np.full(2000, 2.5))
    assert table["smoothed"].to_numpy() == pytest.approx(2.5)


def test_no_steps_make_an_empty_table_without_a_suggestion():
    table = lr_range_table([], [])
    assert table.shape == (0, 3)
    assert math.isnan(suggested_learning_rate(table))


def test_one_loss_for_each_rate():
    with pytest.raises(InvalidSetting, match=r"must be two lists of the same length, got the shapes \(2,\) and \(3,\)"):
        lr_range_table([0.1, 0.2], [1.0, 1.0, 1.0])


def test_a_third_of_the_rate_of_the_lowest_loss_is_suggested():
    table = table_of([1e-3, 1e-2, 0.1, 0.3, 0.9, 2.7], [2.3, 2.1, 1.2, 0.4, 0.3, 5.0])
    assert suggested_learning_rate(table) == 0.3


def test_the_nearest_rate_below_is_taken_by_ratio():
    table = table_of([1e-5, 1e-4, 1e-3, 1e-2, 1e-1], [2.3, 2.3, 1.4, 1.2, 9.0])
    assert suggested_learning_rate(table) == 1e-2


@pytest.mark.parametrize("smoothed", [[2.3, 2.3, 2.3], [1.0, 2.0, 3.0], [1.0, 3.0, 1.0], [2.0]])
def test_where_the_loss_never_falls_nothing_is_suggested(smoothed):
    assert math.isnan(suggested_learning_rate(table_of(np.geomspace(0.01, 1, len(smoothed)), smoothed)))


def test_a_fall_within_the_scatter_of_the_batches_suggests_nothing():
    rates, smoothed, scatter = np.geomspace(1e-4, 1, 5), np.linspace(2.3, 2.25, 5), [0.1, -0.1, 0.1, -0.1, 0.1]
    assert math.isnan(suggested_learning_rate(table_of(rates, smoothed, smoothed + scatter)))
    assert suggested_learning_rate(table_of(rates, smoothed)) > 0
