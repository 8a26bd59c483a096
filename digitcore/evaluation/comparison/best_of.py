"""How much the best of many models is flattered by having been chosen."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr

from digitcore.errors import InvalidSetting
from digitcore.evaluation._checks import check_count, is_share


def expected_best_of(n_models: int, accuracy: float, n_images: int) -> float:
    """Return the expected highest accuracy that equally good models reach on a test part, 0 to 1.

    The numbers of right predictions are taken as independent binomials, so that it is the expected maximum of
    ``n_models`` of them: the sum over k of ``1 - F(k) ** n_models``. Models tested on the same images err on the same
    ones to some degree; their expected maximum is then lower, and this is an upper limit.

    Parameters
    ----------
    n_models : int
        Number of models, from 1.
    accuracy : float
        True accuracy of each, 0 to 1.
    n_images : int
        Number of test images, from 1.

    Raises
    ------
    InvalidSetting
        If a number is out of range.

    References
    ----------
    David, H. A. and Nagaraja, H. N. (2003), "Order Statistics", 3rd edition, section 3.1 (the mean of a discrete
    maximum).
    """
    check_count(n_models, "n_models", 1)
    check_count(n_images, "n_images", 1)
    if not is_share(accuracy):
        raise InvalidSetting(f"accuracy must be a number from 0 to 1, got {accuracy!r}")
    at_most = bdtr(np.arange(n_images), n_images, accuracy)  # F(k) of one model, (n_images,)
    return float((1 - at_most**n_models).sum() / n_images)


def optimism_of_best(n_models: int, accuracy: float, n_images: int) -> float:
    """Return by how much the best of equally good models is expected to overstate its accuracy, 0 to 1.

    Parameters
    ----------
    n_models, accuracy, n_images
        As :func:`expected_best_of`; where the true accuracy is unknown, the mean accuracy of the models is an estimate.

    Raises
    ------
    InvalidSetting
        If a number is out of range.

    References
    ----------
    Cawley, G. C. and Talbot, N. L. C. (2010), "On over-fitting in model selection and subsequent selection bias in
    performance evaluation", Journal of Machine Learning Research 11, 2079-2107.
    """
    # The mean of a single model is exact up to rounding, which must not make the optimism negative.
    return max(expected_best_of(n_models, accuracy, n_images) - accuracy, 0.0)
