"""Dropout's choices: their shares, their independence, and what an epoch's draw depends on."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from digitcore.models.torch_backend.kernels.dropout import Dropout


def dropout(rate: float, seed: int = 0) -> Dropout:
    return Dropout(rate, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.95])
def test_the_share_asked_for_is_dropped_and_the_mean_stays(rate):
    values = np.ones((1000, 400), dtype=np.float32)
    dropout(rate).apply(values)
    # The standard error of the share is 0.0008 at most.
    assert (values == 0).mean() == pytest.approx(rate, abs=0.004)
    assert np.unique(values[values > 0]) == pytest.approx([1 / (1 - rate)], rel=2e-3)
    assert values.mean(dtype=np.float64) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 8, 64])
def test_values_are_chosen_each_by_itself(apart):
    levels = dropout(0.5).draw(200_000).astype(np.float64)
    # The standard error of a correlation is 0.0022.
    assert abs(np.corrcoef(levels[:-apart], levels[apart:])[0, 1]) < 0.01


def test_levels_are_spread_evenly():
    counts = np.histogram(dropout(0.5).draw(2**20), bins=256, range=(0, 2**16))[0]
    # Each has 4096 on average, with a standard deviation of 64.
    assert np.abs(counts - 4096).max() < 5 * 64


def test_draws_are_new_each_time():
    source = dropout(0.5)
    drawn = [source.draw(25_000).copy() for _ in range(6)]
    assert not any(np.array_equal(one, other) for one, other in combinations(drawn, 2))


def test_draws_of_the_same_seed_are_the_same():
    assert np.array_equal(dropout(0.5, 3).draw(50), dropout(0.5, 3).draw(50))
    assert not np.array_equal(dropout(0.5, 3).draw(50), dropout(0.5, 4).draw(50))


def test_an_epoch_draws_what_the_generator_tells_whatever_was_drawn_before():
    generator = torch.Generator().manual_seed(0)
    source = Dropout(0.5, generator)
    source.draw(300_001)
    state = generator.get_state()
    source.start_epoch()
    there = [source.draw(n).copy() for n in (1000, 1000, 10)]
    generator.set_state(state)
    other = Dropout(0.5, generator)
    for one, another in zip(there, [other.draw(n).copy() for n in (1000, 1000, 10)], strict=True):
        assert np.array_equal(one, another)


@pytest.mark.parametrize("n_values", [1, 5, 21, 300_001])
def test_any_number_of_values_is_drawn(n_values):
    source = dropout(0.5)
    source.draw(3)
    assert source.draw(n_values).shape == (n_values,)
