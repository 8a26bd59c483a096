"""Two models on the same images: who is right where, McNemar's test, and the interval of the difference.

A difference of accuracies is always that of A minus that of B: it is positive where A is better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import bdtr

from digitcore.errors import ComparisonError
from digitcore.evaluation._checks import check_confidence, check_count, checked_labels
from digitcore.evaluation.mistakes import right_predictions

# Halves of an interval of at most 2 that leave less than the rounding of a float.
_HALVINGS = 54


@dataclass(frozen=True)
class PairCounts:
    """The 2x2 table of two models: numbers of images that both, only A, only B or neither predicts right.

    Raises
    ------
    InvalidSetting
        If a number is not whole or negative.
    ComparisonError
        If there is no image.
    """

    n_both: int
    n_only_a: int
    n_only_b: int
    n_neither: int

    def __post_init__(self) -> None:
        for name in ("n_both", "n_only_a", "n_only_b", "n_neither"):
            check_count(getattr(self, name), name)
            object.__setattr__(self, name, int(getattr(self, name)))  # narrow NumPy integers would overflow
        if self.n_images == 0:
            raise ComparisonError("There are no images, so the models cannot be compared: use a part that has some")

    @property
    def n_images(self) -> int:
        """Number of all images."""
        return self.n_both + self.n_only_a + self.n_only_b + self.n_neither

    @property
    def n_discordant(self) -> int:
        """Number of images that exactly one model predicts right."""
        return self.n_only_a + self.n_only_b

    @property
    def difference(self) -> float:
        """Accuracy of A minus accuracy of B, -1 to 1."""
        return (self.n_only_a - self.n_only_b) / self.n_images


@dataclass(frozen=True)
class PairComparison:
    """Two models compared on the same images.

    Attributes
    ----------
    counts : PairCounts
        The 2x2 table.
    low, high : float
        Interval of the difference in accuracy, A minus B, -1 to 1.
    p_value : float
        McNemar's mid-p value.
    smallest_visible : float
        See :func:`smallest_visible_difference`; NaN where the images are too few to show any.
    confidence : float
        Of the interval, and one minus the significance level of the test.
    """

    counts: PairCounts
    low: float
    high: float
    p_value: float
    smallest_visible: float
    confidence: float = 0.95

    @property
    def difference(self) -> float:
        """Accuracy of A minus accuracy of B, -1 to 1."""
        return self.counts.difference

    @property
    def told_apart(self) -> bool:
        """Whether both the test is significant and the interval leaves out 0."""
        return self._significant and self._leaves_out_zero

    @property
    def near(self) -> bool:
        """Whether test and interval disagree, which they do only near the threshold."""
        return self._significant != self._leaves_out_zero

    @property
    def _significant(self) -> bool:
        return self.p_value < 1 - self.confidence

    @property
    def _leaves_out_zero(self) -> bool:
        return not self.low <= 0 <= self.high


def check_same_images(images_a: np.ndarray, images_b: np.ndarray, name_a: str = "A", name_b: str = "B") -> None:
    """Raise unless two models were judged on the same images, in the same order.

    Parameters
    ----------
    images_a, images_b : ndarray of shape (n_images,), integer
        Positions of the images in the data set.
    name_a, name_b : str
        What to call the models in the error's message.

    Raises
    ------
    ComparisonError
        If they are not the same.
    DatasetError
        If they are not positions.
    """
    a, b = checked_labels(images_a, "images_a"), checked_labels(images_b, "images_b")
    if np.array_equal(a, b):
        return
    if np.array_equal(np.sort(a), np.sort(b)):
        raise ComparisonError("The images are in different orders: sort both by their positions in the data set")
    n_common = len(np.intersect1d(a, b))
    raise ComparisonError(
        f"The images differ ({len(a):,} of {name_a}, {len(b):,} of {name_b}, {n_common:,} in common), so the "
        "accuracies cannot be compared image by image: train both with the same split"
    )


def pair_counts(truth: np.ndarray, prediction_a: np.ndarray, prediction_b: np.ndarray) -> PairCounts:
    """Count the images that both, only A, only B or neither predicts right.

    Parameters
    ----------
    truth, prediction_a, prediction_b : ndarray of shape (n_images,), integer
        Class indices of the same images.

    Raises
    ------
    DatasetError
        If lengths differ or these are not class indices.
    ComparisonError
        If there is no image.
    """
    a, b = right_predictions(truth, prediction_a), right_predictions(truth, prediction_b)
    return PairCounts(int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum()))


def compare_predictions(
    truth: np.ndarray, prediction_a: np.ndarray, prediction_b: np.ndarray, confidence: float = 0.95
) -> PairComparison:
    """Compare two models by their predictions of the same images.

    Parameters
    ----------
    truth, prediction_a, prediction_b : ndarray of shape (n_images,), integer
        Class indices.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    DatasetError
        If lengths differ or these are not class indices.
    ComparisonError
        If there is no image.
    InvalidSetting
        If ``confidence`` is not between 0 and 1.
    """
    counts = pair_counts(truth, prediction_a, prediction_b)
    low, high = paired_difference_interval(
        counts.n_both, counts.n_only_a, counts.n_only_b, counts.n_neither, confidence
    )
    p_value = mcnemar_mid_p(counts.n_only_a, counts.n_only_b)
    visible = smallest_visible_difference(counts.n_images, counts.n_discordant, confidence)
    return PairComparison(counts, low, high, p_value, visible, confidence)


def mcnemar_mid_p(n_only_a: int, n_only_b: int) -> float:
    """Return the two-sided p value of McNemar's mid-p test that two models are equally accurate.

    The outcomes as extreme as the observed one count half, which makes the test less conservative than the exact one.

    Parameters
    ----------
    n_only_a, n_only_b : int
        Numbers of images that only A and only B predicts right; without any, the p value is 1.

    Raises
    ------
    InvalidSetting
        If a number is not whole or negative.

    References
    ----------
    Fagerland, M. W., Lydersen, S. and Laake, P. (2013), "The McNemar test for binary matched-pairs data: mid-p and
    asymptotic are better than exact conditional", BMC Medical Research Methodology 13, 91.
    """
    check_count(n_only_a, "n_only_a")
    check_count(n_only_b, "n_only_b")
    n = int(n_only_a) + int(n_only_b)
    return 1.0 if n == 0 else float(_mid_p(np.array(min(n_only_a, n_only_b)), n))


def paired_difference_interval(
    n_both: int, n_only_a: int, n_only_b: int, n_neither: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Return Tango's score interval of the difference in accuracy, A minus B, on the same images.

    It holds the differences that the score test does not reject. It leaves out 0 exactly where McNemar's chi-squared
    test without continuity correction is significant, and is not empty where the models never disagree.

    Parameters
    ----------
    n_both, n_only_a, n_only_b, n_neither : int
        Numbers of images that both, only A, only B or neither predicts right.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Both ends, -1 to 1; ``(n_only_a - n_only_b) / n_images`` lies within.

    Raises
    ------
    InvalidSetting
        If a number is not whole or negative, or ``confidence`` is not between 0 and 1.
    ComparisonError
        If there is no image.

    References
    ----------
    Tango, T. (1998), "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", Statistics in Medicine 17, 891-908.
    """
    counts = PairCounts(n_both, n_only_a, n_only_b, n_neither)
    check_confidence(confidence)
    z = _z(confidence)
    low = _lowest_difference(counts.n_only_a, counts.n_only_b, counts.n_images, z)
    return low, -_lowest_difference(counts.n_only_b, counts.n_only_a, counts.n_images, z)


def smallest_visible_difference(n_images: int, n_discordant: int, confidence: float = 0.95) -> float:
    """Return the smallest difference in accuracy that these images can show, 0 to 1.

    That is the smallest observed difference that would be significant, given the number of images on which the models
    disagree. If these are too few for any difference to be significant, the minimum number that suffices is used. A
    true difference of this size would be found in about half of such comparisons.

    Parameters
    ----------
    n_images : int
        Number of images, from 1.
    n_discordant : int
        Number of images that exactly one model predicts right, 0 to ``n_images``.
    confidence : float
        One minus the significance level, between 0 and 1.

    Returns
    -------
    float
        NaN where the images are too few to show any difference.

    Raises
    ------
    InvalidSetting
        If a number is out of range.
    """
    check_count(n_images, "n_images", 1)
    check_count(n_discordant, "n_discordant")
    check_confidence(confidence)
    for n in range(min(n_discordant, n_images), n_images + 1):
        fewer = np.arange((n + 1) // 2)  # images that only the worse model predicts right
        significant = (_mid_p(fewer, n) < 1 - confidence) & ((n - 2 * fewer) ** 2 > _z(confidence) ** 2 * n)
        if significant.any():
            return float((n - 2 * fewer[significant][-1]) / n_images)
    return math.nan


def _mid_p(fewer: np.ndarray, n: int) -> np.ndarray:
    """Mid-p values where the worse model alone is right on ``fewer`` of ``n`` discordant images."""
    at_most = bdtr(fewer, n, 0.5)
    below = np.where(fewer > 0, bdtr(np.maximum(fewer - 1, 0), n, 0.5), 0.0)
    # Twice P(X < fewer) + P(X = fewer) / 2; where both numbers are equal the opposite side has no outcome as extreme.
    return np.where(2 * fewer == n, 1 - (at_most - below) / 2, at_most + below)


def _z(confidence: float) -> float:
    return -NormalDist().inv_cdf((1 - confidence) / 2)


def _lowest_difference(b: int, c: int, n: int, z: float) -> float:
    """The lower end of Tango's interval; ``b`` and ``c`` are the discordant images, as in the paper."""
    estimate = (b - c) / n
    if estimate == -1:
        return -1.0
    low, high = -1.0, estimate
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _score(middle, b, c, n) > z else (low, middle)
    return high


def _score(difference: float, b: int, c: int, n: int) -> float:
    """Tango's score statistic of a difference; it decreases in ``difference`` and is 0 at the estimate."""
    distance = b - c - n * difference
    if math.isclose(distance, 0, abs_tol=1e-9):
        return 0.0
    middle = (2 * n - b + c) * difference - b - c
    root = math.sqrt(max(middle**2 + 8 * n * c * difference * (1 - difference), 0.0))
    share_c = (root - middle) / (4 * n)  # the maximum likelihood estimate, given the difference
    variance = n * (2 * share_c + difference * (1 - difference))
    return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance)
