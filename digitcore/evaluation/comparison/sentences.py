"""Comparisons in words, always with the figures: which model is better and by how much, or what would show at all."""

from __future__ import annotations

import math

import pandas as pd

from digitcore.evaluation.comparison.pairs import PairComparison
from digitcore.evaluation.comparison.repeats import MeanDifference, SeedComparison
from digitcore.evaluation.comparison.several import SeveralComparison
from digitcore.wording import counted, listed, percent_text, points_digits, points_interval_text, points_text


def pair_sentence(comparison: PairComparison, name_a: str = "A", name_b: str = "B") -> str:
    """Say how two models compare on the same images.

    "B is better by 0.4 points (0.2 to 0.6); 63 images only A gets wrong, 24 only B." A point is a hundredth of
    accuracy; the parentheses hold the interval. Where the models cannot be told apart, the sentence says from which
    size on these images would show a difference.
    """
    counts = comparison.counts
    wrong = f"{counted(counts.n_only_b, 'image')} only {name_a} gets wrong, {counts.n_only_a:,} only {name_b}"
    leader, amount = _amount(comparison, "", name_a, name_b)
    if comparison.told_apart:
        return f"{leader} is better by {amount}; {wrong}."
    ahead = f"{leader} is ahead by {amount}" if leader else f"both are equally accurate {amount}"
    near = " That is near the threshold." if comparison.near else ""
    return f"{name_a} and {name_b} cannot be told apart: {ahead}; {wrong}.{near} {_visible_on_images(comparison)}"


def several_sentence(comparison: SeveralComparison) -> str:
    """Say which models the best one is better than, by how much, and from which it cannot be told apart."""
    models, pairs = comparison.models, comparison.pairs
    best, n_images = models.iloc[0], counted(int(models["n_images"].iloc[0]), "image")
    if not pairs["told_apart"].any():
        lowest = percent_text(models["accuracy"].iloc[-1])
        return (
            f"The {len(models)} models cannot be told apart on these {n_images}: their accuracies, {lowest} to "
            f"{percent_text(best['accuracy'])}, differ no more than chance explains."
        )
    of_best = pairs[pairs["a"] == best["name"]]
    findings = _worse(of_best[of_best["told_apart"]])
    equal = of_best.loc[~of_best["told_apart"], "b"].tolist()
    if equal:
        findings.append(f"it cannot be told apart from {listed(equal)}")
    figures = f"{percent_text(best['accuracy'])} of {n_images}"
    name, is_tied = best["name"], (models["accuracy"] == best["accuracy"]).sum() > 1
    opening = f"No model is more accurate than {name}" if is_tied else f"{name} is the most accurate"
    return f"{opening}, with {figures}: {', but '.join(findings)}."


def seeds_sentence(comparison: SeedComparison, name_a: str = "A", name_b: str = "B") -> str:
    """Say how two models compare over seeds.

    "B is better by 0.4 points on average over 5 seeds (0.1 to 0.7); it is ahead with 5 of 5 seeds and behind with 0."
    Where the models cannot be told apart, the sentence says from which size on a mean difference would show.
    """
    n, n_ahead, n_behind = comparison.n_compared, comparison.n_a_wins, comparison.n_b_wins
    leader = "it" if comparison.difference.mean else name_a
    if comparison.difference.mean < 0:
        n_ahead, n_behind = n_behind, n_ahead
    if comparison.paired:
        over = f"over {counted(n, 'seed')}"
        wins = f"{leader} is ahead with {n_ahead} of {counted(n, 'seed')} and behind with {n_behind}"
    else:
        over = f"over {counted(comparison.a.n, 'training')} of {name_a} and {comparison.b.n} of {name_b}"
        wins = f"{leader} is ahead in {n_ahead} of {n} pairs of trainings and behind in {n_behind}"
    return _mean_sentence(comparison.difference, over, wins, name_a, name_b)


def folds_sentence(difference: MeanDifference, n_folds: int, name_a: str = "A", name_b: str = "B") -> str:
    """Say how two models compare over folds, from :func:`corrected_resampled_t`.

    "B is better by 0.4 points on average over 10 folds (0.1 to 0.7)."
    """
    return _mean_sentence(difference, f"over {counted(n_folds, 'fold')}", "", name_a, name_b)


def images_sentence(difference: MeanDifference, n_images: int, name_a: str = "A", name_b: str = "B") -> str:
    """Say what :func:`difference_over_images` lets expect of other images.

    "On other images like these 450, B would be better by 0.1 to 0.7 points."
    """
    if math.isnan(difference.low):
        return f"On these {counted(n_images, 'image')} both models are right and wrong on the same ones."
    low, high = (difference.low, difference.high) if difference.mean >= 0 else (-difference.high, -difference.low)
    digits = points_digits(low, high)
    leader = name_a if difference.mean >= 0 else name_b
    other = f"On other images like these {n_images:,}, {leader}"
    if difference.told_apart:
        return f"{other} would be better by {points_interval_text(low, high, digits)} points."
    return (
        f"{other} may be better by up to {points_text(high, digits)} or worse by up to {points_text(-low, digits)}: "
        "these images do not decide it."
    )


def optimism_sentence(n_models: int, optimism: float) -> str:
    """Say by how much the best of several models is flattered, from :func:`optimism_of_best`."""
    if n_models == 1:
        return "A single model was tested: its accuracy is not flattered by a choice."
    by = points_text(optimism, points_digits(optimism))
    return (
        f"Chosen by these images, the best of {n_models:,} equally good models would look better than it is, by up to "
        f"{by} on average."
    )


def _mean_sentence(difference: MeanDifference, over: str, wins: str, name_a: str, name_b: str) -> str:
    leader, amount = _amount(difference, f"on average {over}", name_a, name_b)
    wins = f"; {wins}" if wins else ""
    if difference.told_apart:
        return f"{leader} is better by {amount}{wins}."
    ahead = f"{leader} is ahead by {amount}" if leader else f"both are equally accurate {amount}"
    return f"{name_a} and {name_b} cannot be told apart: {ahead}{wins}. {_visible_with_spread(difference)}"


def _amount(comparison: PairComparison | MeanDifference, over: str, name_a: str, name_b: str) -> tuple[str, str]:
    """The more accurate model, empty for none, and by how much, seen from it: "0.4 points (0.1 to 0.7)"."""
    difference = comparison.difference if isinstance(comparison, PairComparison) else comparison.mean
    low, high = comparison.low, comparison.high
    if difference < 0:
        low, high = -high, -low
    digits = points_digits(difference, low, high)
    level = "" if math.isclose(comparison.confidence, 0.95) else f"{100 * comparison.confidence:.4g} % interval "
    interval = "" if math.isnan(low) else f"({level}{points_interval_text(low, high, digits)})"
    leader = name_a if difference > 0 else name_b if difference < 0 else ""
    size = points_text(abs(difference), digits) if leader else ""
    return leader, " ".join(part for part in (size, over, interval) if part)


def _visible_on_images(comparison: PairComparison) -> str:
    images = f"these {counted(comparison.counts.n_images, 'image')}"
    if math.isnan(comparison.smallest_visible):
        return f"{images.capitalize()} are too few to show any difference."
    visible = comparison.smallest_visible
    return f"On {images} a difference shows from {points_text(visible, points_digits(visible))} on."


def _visible_with_spread(difference: MeanDifference) -> str:
    visible = difference.smallest_visible
    if math.isnan(visible):
        return "All differences are equal, so the spread due to chance cannot be estimated."
    return f"With this spread a mean difference shows from {points_text(visible, points_digits(visible))} on."


def _worse(pairs: pd.DataFrame) -> list[str]:
    """What the best model is better than, as a part of a sentence; empty if it is nothing."""
    if pairs.empty:
        return []
    least = float(pairs["difference"].min())
    more = " or more" if len(pairs) > 1 else ""
    return [f"it is better than {listed(pairs['b'].tolist())} by {points_text(least, points_digits(least))}{more}"]
