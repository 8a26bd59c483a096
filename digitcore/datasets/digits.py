"""scikit-learn's 8x8 digits."""

from __future__ import annotations

import numpy as np

from digitcore.datasets.dataset import Dataset


def load_digits() -> Dataset:
    """Return scikit-learn's digits: 1797 images of 8x8 pixels, values 0 to 16, no official split.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
    """
    from sklearn.datasets import load_digits as load_bunch

    bunch = load_bunch()
    names = tuple(str(name) for name in bunch.target_names)
    return Dataset("digits", bunch.images.astype(np.uint8), bunch.target.astype(np.int64), names, max_value=16)
