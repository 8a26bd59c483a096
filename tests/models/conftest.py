"""Fixtures of the models' tests: one thread, and small data with a known origin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return 600 of scikit-learn's digits, float32 0 to 1, read-only, and their labels."""
    X, y = load_digits(return_X_y=True)
    # In the file neighbours are of one writer.
    chosen = np.random.default_rng(0).permutation(len(y))[:600]
    X = (X[chosen] / 16).astype(np.float32)
    X.setflags(write=False)
    return X, y[chosen]
