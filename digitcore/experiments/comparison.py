"""Trained runs compared: figures, differences, disagreements and curves as tables, and what they say in sentences.

Runs whose specs differ in the seed alone are one model. A difference of accuracies is always that of A minus that of B:
it is positive where A is better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from digitcore.datasets import Part
from digitcore.errors import ComparisonError, InvalidSetting
from digitcore.evaluation import epochs_table, predictions
from digitcore.evaluation.comparison import (
    SeedComparison,
    check_same_images,
    compact_letters,
    compare_predictions,
    compare_seeds,
    compare_several,
    difference_over_images,
    images_sentence,
    pair_sentence,
    seeds_sentence,
    several_sentence,
    summarise_seeds,
)
from digitcore.runs.arrays import RunArrays
from digitcore.runs.run import PARTS, Run
from digitcore.runs.store import Store
from digitcore.runs.training import split_of_run
from digitcore.specs.run_spec import RunSpec
from digitcore.specs.titles import model_titles, short_titles

_Arrays = Callable[[str], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class RunsComparison:
    """What several runs say together.

    Attributes
    ----------
    models : DataFrame
        One row per model, the most accurate first: ``name``, ``n_seeds``, ``accuracy`` (mean over seeds), ``sd``
        (sample standard deviation, NaN for one seed), ``low``, ``high`` (interval of the mean over seeds; Wilson
        interval for one seed), ``letters``. Models with a letter in common cannot be told apart.
    figures : DataFrame
        One row per run: ``name``, ``seed``, ``accuracy``, ``accuracy_low``, ``accuracy_high`` (95 % Wilson interval),
        ``loss``, ``n_images``, ``epochs_trained``, ``seconds``, ``digest``.
    differences : DataFrame
        One row per pair of models, in the order of ``models``: ``a``, ``b``, ``difference`` (accuracy of A minus that
        of B), ``low``, ``high``, ``p_value``, ``adjusted_p_value``, ``told_apart``. For models of one seed also
        ``n_only_a`` and ``n_only_b``, the images that only one predicts right; for models of several seeds
        ``n_a_wins``, ``n_b_wins`` and ``n_compared``, the trainings in which one is ahead.
    disagreements : DataFrame
        For each image that the runs predict differently one row per run: ``position`` (in the data set), ``truth``,
        ``name``, ``seed``, ``prediction``, ``right``.
    curves : DataFrame
        One row per run and epoch: ``name``, ``seed``, and the columns of
        :func:`digitcore.evaluation.epochs_table`.
    sentences : tuple of str
        Which model is better, by how much and how sure that is. ``str()`` joins them. Parts that all names have in
        common are left out of them.
    """

    models: pd.DataFrame
    figures: pd.DataFrame
    differences: pd.DataFrame
    disagreements: pd.DataFrame
    curves: pd.DataFrame
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.sentences)


def compare(
    runs: Sequence[Run] | Mapping[str, Run | Sequence[Run]],
    arrays: Callable[[str], Mapping[str, np.ndarray]] | None = None,
    *,
    part: str = "test",
    confidence: float = 0.95,
) -> RunsComparison:
    """Compare trained runs on the images that all of them were tested on.

    Models of one run each are compared image by image: McNemar's mid-p test with Tango's interval, for more than two
    models after Cochran's Q and with Holm's adjustment. Models of several runs are compared over their seeds by
    Student's t test, paired where seeds are in common; with more than two models each of the m pairs is tested at one
    m-th of the significance level (Bonferroni).

    Parameters
    ----------
    runs : sequence of Run, or mapping of str to Run or sequence of Run
        Evaluated runs of at least two models, each with one seed or each with several. A mapping names the models;
        otherwise they are named by what differs.
    arrays : callable, optional
        Returns the arrays of a digest, such as ``engine.arrays``. Default: those that ``Store()`` keeps.
    part : {"train", "validation", "test"}
        The images to compare on.
    confidence : float
        Of the intervals, between 0 and 1; one minus it is the significance level.

    Raises
    ------
    ComparisonError
        If the runs cannot be compared: too few, not evaluated, of different data sets or tested on different images.
    InvalidSetting
        If an argument is not valid.
    StoreError
        If the arrays of a run are gone.
    DatasetUnavailable
        If the data set is not to be had.

    Examples
    --------
    >>> print(compare({"mlp": mlp_runs, "cnn": cnn_runs}, engine.arrays))
    """
    if part not in PARTS:
        raise InvalidSetting(f"part must be one of {', '.join(PARTS)}, got {part!r}")
    tested = _tested_runs(_named(runs), part, arrays if arrays is not None else Store().load_tensors)
    models: dict[str, list[_Tested]] = {}
    for each in tested:
        models.setdefault(each.name, []).append(each)
    _check_seeds(models)
    one_each = all(len(members) == 1 for members in models.values())
    table, differences, sentences = (_by_images if one_each else _over_seeds)(models, confidence)
    return RunsComparison(
        models=table,
        figures=pd.DataFrame([each.figures(part) for each in tested]),
        differences=differences,
        disagreements=_disagreements_table(tested),
        curves=_curves_table(tested),
        sentences=tuple(sentences),
    )


@dataclass(frozen=True)
class _Tested:
    """A run and its predictions of a part, in the order of the positions of the images."""

    run: Run
    name: str
    positions: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray

    @property
    def seed(self) -> int:
        return self.run.spec.random_state

    @property
    def right(self) -> np.ndarray:
        return self.prediction == self.truth

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    def figures(self, part: str) -> dict[str, Any]:
        figures = self.run.figures[part]
        return {
            "name": self.name,
            "seed": self.seed,
            "accuracy": figures.accuracy,
            "accuracy_low": figures.accuracy_low,
            "accuracy_high": figures.accuracy_high,
            "loss": figures.loss,
            "n_images": figures.n_images,
            "epochs_trained": self.run.n_trained,
            "seconds": self.run.seconds,
            "digest": self.run.digest,
        }


def _named(runs: Sequence[Run] | Mapping[str, Run | Sequence[Run]]) -> list[tuple[str, Run]]:
    """Each run with the name of its model, which is the same for runs that differ in the seed alone."""
    if isinstance(runs, Mapping):
        named = [(name, run) for name, given in runs.items() for run in _listed(given)]
        _check_runs([run for _, run in named])
        _check_names(named)
        return named
    _check_runs(runs)
    specs = [_without_seed(run) for run in runs]
    models = list(dict.fromkeys(specs))
    titles = dict(zip(models, model_titles(models), strict=True))
    return [(titles[spec], run) for spec, run in zip(specs, runs, strict=True)]


def _listed(runs: Run | Sequence[Run]) -> Sequence[Run]:
    return [runs] if isinstance(runs, Run) else runs


def _without_seed(run: Run) -> RunSpec:
    return run.spec.with_changes(random_state=0)


def _check_runs(runs: Sequence[Run]) -> None:
    for run in runs:
        if not isinstance(run, Run):
            raise InvalidSetting(f"runs must be Run objects, as engine.wait returns them, got {type(run).__name__}")
    if len(runs) < 2:
        raise ComparisonError(f"At least 2 runs are needed for a comparison, got {len(runs)}")
    if len({run.digest for run in runs}) < len(runs):
        raise ComparisonError("A run is given twice: compare different runs")
    datasets = sorted({run.spec.dataset for run in runs})
    if len(datasets) > 1:
        raise ComparisonError(
            f"The runs are of different data sets ({', '.join(datasets)}), so their accuracies do not compare: choose "
            "runs of one data set"
        )


def _check_names(named: Sequence[tuple[str, Run]]) -> None:
    specs: dict[str, RunSpec] = {}
    for name, run in named:
        if specs.setdefault(name, _without_seed(run)) != _without_seed(run):
            raise ComparisonError(f"The runs of {name!r} differ in more than the seed: name each model by itself")


def _tested_runs(named: Sequence[tuple[str, Run]], part: str, arrays: _Arrays) -> list[_Tested]:
    tested = [_tested(run, name, part, arrays) for name, run in named]
    first = tested[0]
    for other in tested[1:]:
        check_same_images(first.positions, other.positions, first.name, other.name)
    return tested


def _tested(run: Run, name: str, part: str, arrays: _Arrays) -> _Tested:
    if not run.evaluated:
        raise ComparisonError(f"The run {name!r} is {run.state} and was not evaluated: train it to its end first")
    if part not in run.figures:
        raise ComparisonError(f"The run {name!r} has no {part} part: compare another part, or train it with one")
    kept = RunArrays(arrays(run.digest))
    images: Part = getattr(split_of_run(run.spec, kept), part)
    order = np.argsort(images.indices)
    prediction = predictions(kept.probabilities[part])
    return _Tested(run, name, images.indices[order], images.labels[order], prediction[order])


def _check_seeds(models: Mapping[str, Sequence[_Tested]]) -> None:
    if len(models) < 2:
        raise ComparisonError(
            "All runs are of the same model with different seeds: add runs that differ in something else"
        )
    counts = {name: len(members) for name, members in models.items()}
    if min(counts.values()) == 1 < max(counts.values()):
        single = min(counts, key=lambda name: counts[name])
        raise ComparisonError(
            f"The model {single!r} was trained with one seed and others with several: train it with at least 2 seeds, "
            "or compare one run of each"
        )
    for name, members in models.items():
        seeds, n_votes = sorted(each.seed for each in members), members[0].run.spec.members
        if any(later - seed < n_votes for seed, later in pairwise(seeds)):
            raise ComparisonError(
                f"Some models vote in several runs of {name!r}, so that its seeds are not independent: take seeds that "
                f"are at least {n_votes} apart"
            )


def _by_images(
    models: Mapping[str, Sequence[_Tested]], confidence: float
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Models of one run each: their table, their differences, and sentences."""
    runs = {name: members[0] for name, members in models.items()}
    truth = next(iter(runs.values())).truth
    compared = compare_several(truth, {name: each.prediction for name, each in runs.items()}, confidence)
    table = compared.models.rename(columns={"accuracy_low": "low", "accuracy_high": "high"})
    table = table.assign(n_seeds=1, sd=np.nan)[["name", "n_seeds", "accuracy", "sd", "low", "high", "letters"]]
    names = table["name"].tolist()
    short = _short_names(names)
    if len(runs) > 2:
        named = replace(
            compared,
            models=compared.models.replace({"name": short}),
            pairs=compared.pairs.replace({"a": short, "b": short}),
        )
        return table, compared.pairs, [several_sentence(named)]
    a, b = names
    pair = compare_predictions(truth, runs[a].prediction, runs[b].prediction, confidence)
    return table, compared.pairs, [pair_sentence(pair, short[a], short[b])]


def _over_seeds(
    models: Mapping[str, Sequence[_Tested]], confidence: float
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Models of several runs each: their table, their differences, and sentences."""
    summaries = {
        name: summarise_seeds([each.accuracy for each in members], confidence) for name, members in models.items()
    }
    names = sorted(models, key=lambda name: -summaries[name].mean)
    pairs = list(combinations(names, 2))
    level = 1 - (1 - confidence) / len(pairs)
    accuracies = {name: {each.seed: each.accuracy for each in models[name]} for name in names}
    compared = {(a, b): compare_seeds(accuracies[a], accuracies[b], level) for a, b in pairs}
    apart = [(names.index(a), names.index(b)) for (a, b), pair in compared.items() if pair.difference.told_apart]
    letters = compact_letters(len(names), apart)
    rows = [
        {"name": name, "n_seeds": each.n, "accuracy": each.mean, "sd": each.sd, "low": each.low, "high": each.high}
        for name, each in ((name, summaries[name]) for name in names)
    ]
    differences = pd.DataFrame([_seeds_row(a, b, pair, len(pairs)) for (a, b), pair in compared.items()])
    return pd.DataFrame(rows).assign(letters=letters), differences, _seeds_sentences(models, compared, level)


def _seeds_row(a: str, b: str, pair: SeedComparison, n_pairs: int) -> dict[str, Any]:
    difference = pair.difference
    return {
        "a": a,
        "b": b,
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "n_a_wins": pair.n_a_wins,
        "n_b_wins": pair.n_b_wins,
        "n_compared": pair.n_compared,
        "p_value": difference.p_value,
        "adjusted_p_value": np.minimum(difference.p_value * n_pairs, 1),
        "told_apart": difference.told_apart,
    }


def _seeds_sentences(
    models: Mapping[str, Sequence[_Tested]], compared: Mapping[tuple[str, str], SeedComparison], confidence: float
) -> list[str]:
    """How the best model compares with each of the others, over seeds and for other images."""
    best = next(iter(compared))[0]
    short = _short_names(list(models))
    sentences = []
    for (a, b), pair in compared.items():
        if a == best:
            right_a, right_b = (np.stack([each.right for each in models[name]]) for name in (a, b))
            over_images = difference_over_images(right_a, right_b, confidence)
            names = short[a], short[b]
            sentences += [seeds_sentence(pair, *names), images_sentence(over_images, right_a.shape[1], *names)]
    return sentences


def _short_names(names: Sequence[str]) -> dict[str, str]:
    """Return what sentences call each model, without what all have in common and in quotation marks: '"40 epochs"'.

    Names that are given whole have none, unless a comma in one of them would run into the sentence.
    """
    short = short_titles(names)
    mark = "" if short == list(names) and not any("," in name for name in names) else '"'
    return {name: f"{mark}{own}{mark}" for name, own in zip(names, short, strict=True)}


def _disagreements_table(tested: Sequence[_Tested]) -> pd.DataFrame:
    predicted = np.stack([each.prediction for each in tested])  # (n_runs, n_images)
    differ = np.flatnonzero((predicted != predicted[0]).any(axis=0))
    tables = [
        pd.DataFrame(
            {
                "position": each.positions[differ],
                "truth": each.truth[differ],
                "name": each.name,
                "seed": each.seed,
                "prediction": each.prediction[differ],
                "right": each.right[differ],
            }
        )
        for each in tested
    ]
    return pd.concat(tables).sort_values("position", kind="stable", ignore_index=True)


def _curves_table(tested: Sequence[_Tested]) -> pd.DataFrame:
    tables = []
    for each in tested:
        table = epochs_table(each.run.epochs)
        table.insert(0, "seed", each.seed)
        table.insert(0, "name", each.name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
