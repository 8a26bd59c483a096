"""Several models on the same images: Cochran's Q, all pairs with Holm's adjustment, and letters for what is equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from string import ascii_letters
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from digitcore.errors import ComparisonError, InvalidSetting
from digitcore.evaluation._checks import check_confidence, check_count, is_whole
from digitcore.evaluation.comparison.pairs import compare_predictions
from digitcore.evaluation.metrics import wilson_interval
from digitcore.evaluation.mistakes import right_predictions


@dataclass(frozen=True)
class CochransQ:
    """Cochran's Q test that several models are equally accurate.

    Attributes
    ----------
    statistic : float
        From 0.
    degrees_of_freedom : int
        Number of models minus 1.
    p_value : float
        0 to 1.
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True)
class SeveralComparison:
    """Several models compared on the same images.

    Attributes
    ----------
    models : DataFrame
        One row per model, the most accurate first: ``name``, ``n_images``, ``n_right``, ``accuracy``,
        ``accuracy_low``, ``accuracy_high`` (Wilson interval), ``letters``. Models with a letter in common cannot be
        told apart.
    pairs : DataFrame
        One row per pair, ``a`` before ``b`` in the order of ``models``: ``difference`` (accuracy of A minus that of
        B), ``low``, ``high`` (its interval, for this pair alone), ``n_only_a``, ``n_only_b`` (images only one predicts
        right), ``p_value`` (McNemar's mid-p), ``adjusted_p_value`` (Holm), ``told_apart``.
    q : CochransQ
        The test of all models together. Pairs are told apart only where it is significant.
    confidence : float
        Of the intervals, and one minus the significance level of the tests.
    """

    models: pd.DataFrame
    pairs: pd.DataFrame
    q: CochransQ
    confidence: float = 0.95


def compare_several(
    truth: np.ndarray, predictions: Mapping[str, np.ndarray], confidence: float = 0.95
) -> SeveralComparison:
    """Compare all pairs of several models by their predictions of the same images.

    Parameters
    ----------
    truth : ndarray of shape (n_images,), integer
        Class indices.
    predictions : mapping of str to ndarray of shape (n_images,), integer
        Class indices that each model predicts, by its name; at least two models.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    DatasetError
        If lengths differ or these are not class indices.
    ComparisonError
        If there are fewer than two models, or no images.
    InvalidSetting
        If ``confidence`` is not between 0 and 1.
    """
    check_confidence(confidence)
    right = {name: right_predictions(truth, prediction) for name, prediction in predictions.items()}
    q = cochrans_q(np.column_stack(list(right.values())) if right else np.empty((0, 0)))
    models = _models_table(right, confidence)
    names = models["name"].tolist()
    rows = [_pair_row(truth, predictions, a, b, confidence) for a, b in combinations(names, 2)]
    pairs = pd.DataFrame(rows)
    adjusted = holm(pairs["p_value"])
    # Two models need no further test: their Q is McNemar's chi-squared statistic.
    told_apart = pairs["told_apart"] & (adjusted < 1 - confidence) & (q.p_value < 1 - confidence)
    pairs.insert(pairs.columns.get_loc("told_apart"), "adjusted_p_value", adjusted)
    pairs["told_apart"] = told_apart
    positions = [pair for pair, apart in zip(combinations(range(len(names)), 2), told_apart, strict=True) if apart]
    return SeveralComparison(models.assign(letters=compact_letters(len(names), positions)), pairs, q, confidence)


def cochrans_q(right: np.ndarray) -> CochransQ:
    """Test whether several models are equally accurate on the same images, by Cochran's Q.

    Parameters
    ----------
    right : ndarray of shape (n_images, n_models), bool
        Whether each prediction is right.

    Returns
    -------
    CochransQ
        Where no two models disagree on any image, the statistic is 0 and the p value 1.

    Raises
    ------
    ComparisonError
        If there are fewer than two models, or no images.
    InvalidSetting
        If ``right`` is not a table of yes and no.

    References
    ----------
    Cochran, W. G. (1950), "The comparison of percentages in matched samples", Biometrika 37, 256-266.
    """
    right = np.asarray(right)
    if right.ndim != 2:
        raise InvalidSetting(f"right must have the shape (n_images, n_models), got {right.shape}")
    n_images, n_models = right.shape
    if n_models < 2:
        raise ComparisonError(f"At least 2 models are needed for a comparison, got {n_models}")
    if n_images == 0:
        raise ComparisonError("There are no images, so the models cannot be compared: use a part that has some")
    if not np.isin(right, (0, 1)).all():
        raise InvalidSetting("right must be 0 or 1 (False or True) for every image and model")
    per_model, per_image = right.sum(axis=0, dtype=np.int64), right.sum(axis=1, dtype=np.int64)
    spread = n_models * int(per_image.sum()) - int((per_image**2).sum())
    between = n_models * int((per_model**2).sum()) - int(per_model.sum()) ** 2
    statistic = (n_models - 1) * between / spread if spread else 0.0
    return CochransQ(statistic, n_models - 1, float(chdtrc(n_models - 1, statistic)))


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return p values adjusted for the number of tests by Holm's step-down procedure.

    Tests whose adjusted p value is below a level have a chance of at most that level of one false discovery or more.

    Parameters
    ----------
    p_values : array-like of shape (n_tests,), float
        0 to 1.

    Returns
    -------
    ndarray of shape (n_tests,), float64
        In the order of ``p_values``; none is below the p value itself, and none above 1.

    Raises
    ------
    InvalidSetting
        If a p value is NaN or not within 0 to 1.

    References
    ----------
    Holm, S. (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6,
    65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise InvalidSetting(f"p_values must be one-dimensional, got the shape {p.shape}")
    wrong = p[~((p >= 0) & (p <= 1))]
    if wrong.size:
        raise InvalidSetting(f"p_values must be from 0 to 1, got {wrong[0]}")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = stepped.clip(max=1)
    return adjusted


def compact_letters(n_models: int, told_apart: Sequence[tuple[int, int]]) -> list[str]:
    """Return a compact letter display: two models share a letter exactly where they cannot be told apart.

    Parameters
    ----------
    n_models : int
        Number of models, from 1.
    told_apart : sequence of pairs of int
        Positions, 0 to ``n_models - 1``, of the models that differ.

    Returns
    -------
    list of str
        The letters of each model, such as "ab". The first model has "a".

    Raises
    ------
    InvalidSetting
        If a position is out of range, or a model is paired with itself.
    ComparisonError
        If the 52 letters do not suffice.

    References
    ----------
    Piepho, H.-P. (2004), "An algorithm for a letter-based representation of all-pairwise comparisons", Journal of
    Computational and Graphical Statistics 13, 456-466 (insert and absorb).
    """
    check_count(n_models, "n_models", 1)
    groups = {frozenset(range(n_models))}
    for pair in told_apart:
        _check_positions(pair, n_models)
        groups = _absorbed({part for group in groups for part in _without_pair(group, *pair)})
    if len(groups) > len(ascii_letters):
        raise ComparisonError(f"{len(groups)} groups of models need more letters than there are: compare fewer models")
    lettered = list(zip(ascii_letters, sorted(groups, key=sorted), strict=False))
    return ["".join(letter for letter, group in lettered if model in group) for model in range(n_models)]


def _without_pair(group: frozenset[int], one: int, other: int) -> list[frozenset[int]]:
    """A group, divided into two if it holds two models that were told apart."""
    return [group - {one}, group - {other}] if {one, other} <= group else [group]


def _absorbed(groups: set[frozenset[int]]) -> set[frozenset[int]]:
    """Groups without those that are part of another one."""
    return {group for group in groups if not any(group < other for other in groups)}


def _check_positions(pair: tuple[int, int], n_models: int) -> None:
    fits = len(pair) == 2 and all(is_whole(position) and 0 <= position < n_models for position in pair)
    if not fits or pair[0] == pair[1]:
        raise InvalidSetting(f"told_apart must be pairs of different numbers from 0 to {n_models - 1}, got {pair!r}")


def _models_table(right: Mapping[str, np.ndarray], confidence: float) -> pd.DataFrame:
    rows = []
    for name, hits in right.items():
        n_images, n_right = len(hits), int(hits.sum())
        low, high = wilson_interval(n_right, n_images, confidence)
        rows.append((name, n_images, n_right, n_right / n_images, low, high))
    columns = ["name", "n_images", "n_right", "accuracy", "accuracy_low", "accuracy_high"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)


def _pair_row(
    truth: np.ndarray, predictions: Mapping[str, np.ndarray], a: str, b: str, confidence: float
) -> dict[str, Any]:
    pair = compare_predictions(truth, predictions[a], predictions[b], confidence)
    return {
        "a": a,
        "b": b,
        "difference": pair.difference,
        "low": pair.low,
        "high": pair.high,
        "n_only_a": pair.counts.n_only_a,
        "n_only_b": pair.counts.n_only_b,
        "p_value": pair.p_value,
        "told_apart": pair.told_apart,
    }
