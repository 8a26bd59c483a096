"""Repeated trainings: the spread over seeds, two models over seeds, and over folds or other resampled parts.

An interval over seeds says how much the outcome of a training varies, not how much the choice of test images does: all
seeds are tested on the same images. A difference of accuracies is always that of A minus that of B: it is positive
where A is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from digitcore.errors import ComparisonError
from digitcore.evaluation._checks import check_confidence, check_count, is_share
from digitcore.evaluation.metrics import wilson_interval

# Differences of equal accuracies that were computed in another order vary by this much.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class SeedSummary:
    """Accuracies of one model over seeds.

    Attributes
    ----------
    n : int
        Number of seeds.
    mean, sd : float
        Mean, and sample standard deviation (divisor n - 1), NaN for a single seed.
    low, high : float
        Interval of the mean by Student's t distribution; NaN where the accuracies do not vary.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class MeanDifference:
    """A mean difference of A minus B with Student's t test that it is 0.

    All but the mean and the degrees of freedom are NaN where the differences do not vary: without a spread there is no
    test.

    Attributes
    ----------
    mean : float
        Positive where A is better.
    low, high : float
        Interval of the mean.
    statistic, degrees_of_freedom, p_value : float
        Of the two-sided test.
    confidence : float
        Of the interval, and one minus the significance level of the test.
    """

    mean: float
    low: float
    high: float
    statistic: float
    degrees_of_freedom: float
    p_value: float
    confidence: float = 0.95

    @property
    def told_apart(self) -> bool:
        """Whether the test is significant, which is where the interval leaves out 0."""
        return self.p_value < 1 - self.confidence

    @property
    def smallest_visible(self) -> float:
        """The smallest mean difference that would be significant with this spread; NaN without a spread."""
        return (self.high - self.low) / 2

    @property
    def probability_a_better(self) -> float:
        """Posterior probability, 0 to 1, that the mean of A is the higher one, with a prior that favours neither.

        References
        ----------
        Corani, G. and Benavoli, A. (2015), "A Bayesian approach for comparing cross-validated algorithms on multiple
        data sets", Machine Learning 100, 285-304 (the correlated t test).
        """
        return float(stdtr(self.degrees_of_freedom, self.statistic))


@dataclass(frozen=True)
class SeedComparison:
    """Two models compared over seeds.

    Attributes
    ----------
    a, b : SeedSummary
        Each model over its seeds.
    difference : MeanDifference
        Paired t test over the seeds in common, or Welch's where fewer than two are.
    n_compared : int
        Number of pairs of trainings compared: one per seed in common, else every training of A with every one of B.
    n_a_wins, n_b_wins : int
        Pairs in which A, or B, is more accurate.
    paired : bool
        Whether seeds were paired.
    """

    a: SeedSummary
    b: SeedSummary
    difference: MeanDifference
    n_compared: int
    n_a_wins: int
    n_b_wins: int
    paired: bool

    @property
    def probability_a_wins(self) -> float:
        """Estimated probability, 0 to 1, that a training of A beats one of B; a tie counts half.

        References
        ----------
        Bouthillier, X. et al. (2021), "Accounting for variance in machine learning benchmarks", Proceedings of Machine
        Learning and Systems 3, 747-769.
        """
        return (self.n_compared + self.n_a_wins - self.n_b_wins) / (2 * self.n_compared)


def summarise_seeds(accuracies: Sequence[float] | np.ndarray, confidence: float = 0.95) -> SeedSummary:
    """Return mean, standard deviation and the interval of the mean of the accuracies of one model over seeds.

    Parameters
    ----------
    accuracies : array-like of shape (n_seeds,), float
        0 to 1.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    ComparisonError
        If there are none, or one is NaN or not within 0 to 1.
    InvalidSetting
        If ``confidence`` is not between 0 and 1.
    """
    values = _checked_accuracies(accuracies)
    if len(values) < 2:
        check_confidence(confidence)
        return SeedSummary(1, float(values[0]), math.nan, math.nan, math.nan)
    mean, sd = float(values.mean()), _sd(values)
    interval = _t_test(mean, sd / math.sqrt(len(values)), len(values) - 1, confidence)
    return SeedSummary(len(values), mean, sd, interval.low, interval.high)


def summarise_accuracies(
    accuracies: Sequence[float] | np.ndarray, n_images: int, confidence: float = 0.95
) -> SeedSummary:
    """Return the same as :func:`summarise_seeds`, with Wilson's interval where there is a single accuracy.

    Parameters
    ----------
    accuracies : array-like of shape (n_seeds,), float
        0 to 1, each the share of right predictions on the same images.
    n_images : int
        Number of these images.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    ComparisonError
        If there are none, or one is NaN or not within 0 to 1.
    InvalidSetting
        If another argument is out of range.
    """
    summary = summarise_seeds(accuracies, confidence)
    if summary.n > 1:
        return summary
    low, high = wilson_interval(round(summary.mean * n_images), n_images, confidence)
    return replace(summary, low=low, high=high)


def compare_seeds(
    accuracies_a: Mapping[int, float], accuracies_b: Mapping[int, float], confidence: float = 0.95
) -> SeedComparison:
    """Compare two models over seeds.

    Where at least two seeds are common to both, the trainings are paired by seed and those of other seeds are left out
    of the difference. Otherwise the means are compared by Welch's test.

    Parameters
    ----------
    accuracies_a, accuracies_b : mapping of int to float
        The accuracy, 0 to 1, of each seed; at least two seeds each.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    ComparisonError
        If a model has fewer than two seeds, or an accuracy is NaN or not within 0 to 1.
    InvalidSetting
        If ``confidence`` is not between 0 and 1.

    References
    ----------
    Welch, B. L. (1947), "The generalization of 'Student's' problem when several different population variances are
    involved", Biometrika 34, 28-35.
    """
    for name, accuracies in (("A", accuracies_a), ("B", accuracies_b)):
        if len(accuracies) < 2:
            raise ComparisonError(f"At least 2 seeds of each model are needed, got {len(accuracies)} of {name}")
    summary_a = summarise_seeds(list(accuracies_a.values()), confidence)
    summary_b = summarise_seeds(list(accuracies_b.values()), confidence)
    common = [seed for seed in accuracies_a if seed in accuracies_b]
    paired = len(common) >= 2
    if paired:
        differences = np.array([accuracies_a[seed] - accuracies_b[seed] for seed in common], dtype=np.float64)
        error = _sd(differences) / math.sqrt(len(common))
        difference = _t_test(float(differences.mean()), error, len(common) - 1, confidence)
    else:
        differences = np.subtract.outer(list(accuracies_a.values()), list(accuracies_b.values())).ravel()
        difference = _welch(summary_a, summary_b, confidence)
    n_a_wins, n_b_wins = int((differences > _ROUNDING).sum()), int((differences < -_ROUNDING).sum())
    return SeedComparison(summary_a, summary_b, difference, len(differences), n_a_wins, n_b_wins, paired)


def difference_over_images(right_a: np.ndarray, right_b: np.ndarray, confidence: float = 0.95) -> MeanDifference:
    """Return the difference of two models' mean accuracies over seeds, with its interval for other test images.

    It treats the test images as a sample of all images and the trainings as given, where :func:`compare_seeds` does the
    reverse. The differences of the images, each the mean over seeds, are tested by Student's t test.

    Parameters
    ----------
    right_a, right_b : ndarray of shape (n_seeds, n_images), bool
        Whether the predictions of each training are right; the same images in the same order, of at least one seed.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    ComparisonError
        If the numbers of images differ, there are fewer than two images, or no seeds.
    InvalidSetting
        If ``confidence`` is not between 0 and 1.
    """
    shares_a, shares_b = _shares_right(right_a, "right_a"), _shares_right(right_b, "right_b")
    if len(shares_a) != len(shares_b):
        raise ComparisonError(f"Both models must be tested on the same images, got {len(shares_a)} and {len(shares_b)}")
    differences = shares_a - shares_b
    error = _sd(differences) / math.sqrt(len(differences))
    return _t_test(float(differences.mean()), error, len(differences) - 1, confidence)


def corrected_resampled_t(
    differences: Sequence[float] | np.ndarray, n_train: int, n_test: int, confidence: float = 0.95
) -> MeanDifference:
    """Test a mean difference over folds or other resampled parts, whose training images overlap.

    The variance of the mean, ``sd ** 2 / n``, is raised to ``(1 / n + n_test / n_train) * sd ** 2``: trainings on
    overlapping images are correlated.

    Parameters
    ----------
    differences : array-like of shape (n_folds,), float
        Accuracy of A minus accuracy of B of each fold, -1 to 1; at least two.
    n_train, n_test : int
        Number of images that each fold trains on and is tested on.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    MeanDifference
        With the corrected statistic, p value and interval, of ``n_folds - 1`` degrees of freedom.

    Raises
    ------
    ComparisonError
        If there are fewer than two differences, or one is NaN or not within -1 to 1.
    InvalidSetting
        If another number is out of range.

    References
    ----------
    Nadeau, C. and Bengio, Y. (2003), "Inference for the generalization error", Machine Learning 52, 239-281.
    """
    check_count(n_train, "n_train", 1)
    check_count(n_test, "n_test", 1)
    values = _checked_values(differences, "differences")
    if len(values) < 2:
        raise ComparisonError(f"At least 2 folds are needed for a test, got {len(values)}")
    if (np.abs(values) > 1).any():
        raise ComparisonError("differences must be from -1 to 1: pass accuracies as shares, not as percentages")
    error = _sd(values) * math.sqrt(1 / len(values) + n_test / n_train)
    return _t_test(float(values.mean()), error, len(values) - 1, confidence)


def _t_test(mean: float, error: float, degrees_of_freedom: float, confidence: float) -> MeanDifference:
    """The t test of a mean with a standard error."""
    check_confidence(confidence)
    if error == 0:
        return MeanDifference(mean, math.nan, math.nan, math.nan, degrees_of_freedom, math.nan, confidence)
    statistic = mean / error
    reach = -error * float(stdtrit(degrees_of_freedom, (1 - confidence) / 2))
    p_value = 2 * float(stdtr(degrees_of_freedom, -abs(statistic)))
    return MeanDifference(mean, mean - reach, mean + reach, statistic, degrees_of_freedom, p_value, confidence)


def _welch(a: SeedSummary, b: SeedSummary, confidence: float) -> MeanDifference:
    error_a, error_b = a.sd**2 / a.n, b.sd**2 / b.n
    if error_a + error_b == 0:
        return _t_test(a.mean - b.mean, 0.0, a.n + b.n - 2, confidence)
    degrees = (error_a + error_b) ** 2 / (error_a**2 / (a.n - 1) + error_b**2 / (b.n - 1))
    return _t_test(a.mean - b.mean, math.sqrt(error_a + error_b), degrees, confidence)


def _sd(values: np.ndarray) -> float:
    """Sample standard deviation; exactly 0 where only rounding makes the values differ."""
    sd = float(values.std(ddof=1))
    return sd if sd > _ROUNDING else 0.0


def _shares_right(right: np.ndarray, name: str) -> np.ndarray:
    """Share of the seeds with which each image is predicted right, ``(n_images,)``."""
    right = np.asarray(right)
    if right.ndim != 2 or right.shape[0] < 1 or right.shape[1] < 2:
        raise ComparisonError(f"{name} must be of at least 1 seed and 2 images, (n_seeds, n_images), got {right.shape}")
    if not np.isin(right, (0, 1)).all():
        raise ComparisonError(f"{name} must be 0 or 1 (False or True) for every seed and image")
    return np.asarray(right.mean(axis=0, dtype=np.float64))


def _checked_values(values: Any, name: str) -> np.ndarray:
    checked = np.asarray(values, dtype=np.float64)
    if checked.ndim != 1 or len(checked) == 0:
        raise ComparisonError(f"{name} must be at least one number, in one dimension, got the shape {checked.shape}")
    if not np.isfinite(checked).all():
        raise ComparisonError(f"{name} must be finite, but some are NaN or infinite: leave out trainings that failed")
    return checked


def _checked_accuracies(values: Any) -> np.ndarray:
    checked = _checked_values(values, "accuracies")
    if not all(is_share(value) for value in checked.tolist()):
        raise ComparisonError("accuracies must be from 0 to 1: pass them as shares, not as percentages")
    return checked
