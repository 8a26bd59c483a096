"""From an experiment's runs to tables: one row per member, means and spreads, what matters.

Accuracies are shares from 0 to 1, losses mean cross-entropies in nats. A spread ``sd`` is the sample standard deviation
(divisor n - 1), NaN for a single value; ``low`` and ``high`` are the mean less and plus it. What is undefined is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from digitcore.evaluation import predictions
from digitcore.evaluation.comparison import corrected_resampled_t
from digitcore.experiments.axes import Axis
from digitcore.experiments.experiment import Experiment
from digitcore.experiments.halving import is_halving
from digitcore.experiments.importance import chance_explains, out_of_bag_importance
from digitcore.experiments.plans import Member
from digitcore.parameters import Integer, Number
from digitcore.runs.arrays import RunArrays
from digitcore.runs.run import PARTS, Run
from digitcore.runs.summary import chosen_by, score_of, validation_name
from digitcore.runs.training import split_of_run
from digitcore.specs.run_spec import RunSpec
from digitcore.specs.settings import setting_label, with_settings

# With fewer points a forest says nothing about what matters.
FEWEST_FOR_IMPORTANCE = 8
# More points of a curve than a chart has pixels only make it slow.
MOST_EPOCHS = 200
# Listed numbers that span so much are spaced by their logarithms.
LOG_RATIO = 20
_SPREAD = ["mean", "sd", "low", "high", "n"]
_FIGURES = [f"{part}_{measure}" for measure in ("accuracy", "loss") for part in PARTS]
_FIGURES += ["n_train", "score", "epochs_trained", "seconds"]


def members_table(experiment: Experiment) -> pd.DataFrame:
    """Return a row for each member.

    Returns
    -------
    DataFrame
        The values that the rule varied, a column each; ``state`` ("waiting" before it has begun) and ``reason``;
        ``n_train`` images; ``train_accuracy``, ``validation_accuracy``, ``test_accuracy`` and the same for ``loss``;
        ``score``, the accuracy by which members are compared, ``score_part``, the part it is of, and ``comparable``:
        whether it is of the most telling part that any has and, with successive halving, of the furthest rung;
        ``epochs_trained``; ``seconds``; ``digest`` of the run.
    """
    members = _furthest(experiment)
    rows = [_member_row(member, experiment.runs.get(member.digest)) for member in members]
    table = pd.DataFrame(rows, dtype=object).astype({name: float for name in _FIGURES})
    return table.assign(comparable=_comparable(table, members if is_halving(experiment.plan) else []))


def fold_curves_table(runs: Sequence[Run], measure: str, most: int = MOST_EPOCHS) -> pd.DataFrame:
    """Return mean and spread over runs of every epoch, of at most ``most`` evenly spread ones.

    Parameters
    ----------
    runs : sequence of Run
        With their epochs. Where some ended early, later epochs are those of the others.
    measure : {"loss", "accuracy"}
        What is averaged.

    Returns
    -------
    DataFrame
        ``epoch``, ``part``, ``mean``, ``sd``, ``low``, ``high``, ``n`` (runs that reached the epoch).
    """
    tables = []
    for part, prefix in (("train", "train"), (validation_name(runs[0]) if runs else "validation", "validation")):
        lines = [[getattr(epoch, f"{prefix}_{measure}") for epoch in run.epochs] for run in runs]
        figures = _stacked(lines)  # (n_runs, n_epochs)
        if np.isnan(figures).all():
            continue
        shown = np.unique(np.linspace(0, figures.shape[1] - 1, min(most, figures.shape[1])).round().astype(int))
        table = _spread_of(figures[:, shown])
        table.insert(0, "part", part)
        table.insert(0, "epoch", shown + 1)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["epoch", "part", *_SPREAD])


def part_summary_table(members: pd.DataFrame) -> pd.DataFrame:
    """Return mean and spread of the members' accuracies: ``part``, ``mean``, ``sd``, ``low``, ``high``, ``n``."""
    rows = [{"part": part, **spread(members[f"{part}_accuracy"])} for part in PARTS]
    return pd.DataFrame([row for row in rows if row["n"]], columns=["part", *_SPREAD])


def fold_means_table(members: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return mean and spread of the folds' accuracies, and the interval of the mean for other images.

    Any two folds are trained on nearly the same images, so that the usual standard error is too small; it is corrected
    as Nadeau and Bengio propose, see :func:`digitcore.evaluation.comparison.corrected_resampled_t`.

    Parameters
    ----------
    members : DataFrame
        As :func:`members_table` gives it for a cross-validation.
    k : int
        Number of folds of the cross-validation; some may not be done yet.

    Returns
    -------
    DataFrame
        As :func:`part_summary_table`, with ``mean_low`` and ``mean_high``, 0 to 1: the 95 % interval of the mean, NaN
        for the training part, for fewer than two folds, and where all folds are equal.
    """
    table = part_summary_table(members)
    intervals = [_fold_mean_interval(members[f"{part}_accuracy"], k, part) for part in table["part"]]
    return table.assign(mean_low=[low for low, _ in intervals], mean_high=[high for _, high in intervals])


def _fold_mean_interval(accuracies: pd.Series, k: int, part: str) -> tuple[float, float]:
    known = accuracies.dropna().to_numpy(dtype=float)
    if part == "train" or len(known) < 2:
        return math.nan, math.nan
    # A fold has one image for each k - 1 that its model is trained on.
    found = corrected_resampled_t(known, n_train=k - 1, n_test=1)
    return float(np.clip(found.low, 0, 1)), float(np.clip(found.high, 0, 1))


def part_scores_table(members: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the members' accuracies, a row for each part: ``member`` (such as "fold 1"), ``part``, ``accuracy``."""
    rows = [
        {"member": f"{name} {row[name]}", "part": part, "accuracy": row[f"{part}_accuracy"]}
        for _, row in members.iterrows()
        for part in PARTS
        if not math.isnan(row[f"{part}_accuracy"])
    ]
    return pd.DataFrame(rows, columns=["member", "part", "accuracy"])


def part_predictions(
    run: Run, arrays: Mapping[str, np.ndarray], part: str = "validation"
) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and prediction of the images of a part, both int64 ``(n_images,)``.

    Parameters
    ----------
    run : Run
        One that is done.
    arrays : mapping of str to ndarray
        Its arrays, as :meth:`digitcore.runs.Engine.arrays` gives them.
    part : {"train", "validation", "test"}
        Which images; the validation part of a fold is what it holds out.
    """
    labels = getattr(split_of_run(run.spec, arrays), part).labels
    return labels, predictions(RunArrays(arrays).probabilities[part])


def points_table(members: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a row for each point of a sweep, over its seeds.

    Parameters
    ----------
    members : DataFrame
        From :func:`members_table`.
    names : sequence of str
        The varied settings.

    Returns
    -------
    DataFrame
        The settings, ``mean``, ``sd``, ``low``, ``high`` and ``n`` of the score, and ``best`` for the point of the
        highest mean among those with ``comparable`` members. In the order of the members.
    """
    grouped: dict[tuple, list[int]] = {}
    for row, point in enumerate(zip(*(members[name] for name in names), strict=True)):
        grouped.setdefault(point, []).append(row)
    figures = [spread(members["score"].iloc[rows]) for rows in grouped.values()]
    table = pd.DataFrame(list(grouped), columns=list(names), dtype=object)
    table = table.join(pd.DataFrame(figures, columns=_SPREAD))
    compared = table["mean"].where([members["comparable"].iloc[rows].any() for rows in grouped.values()])
    return table.assign(best=table.index == (compared.idxmax() if compared.notna().any() else -1))


def labelled(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return ``table`` with the values of settings as readers call them: "full batch" for None."""
    columns = {name: [setting_label(name, value) for value in table[name]] for name in names}
    return table.assign(**columns)


def axis_scale(axis: Axis) -> str:
    """Return how a chart spaces an axis: "log", "linear", or "nominal" for what is not all numbers."""
    if not (isinstance(axis.record, Integer | Number) and all(value is not None for value in axis.values)):
        return "nominal"
    if axis.range is not None:
        return axis.range.scale
    low, high = min(axis.values), max(axis.values)
    return "log" if low > 0 and high / low >= LOG_RATIO else "linear"


def line_table(points: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    """Return the points of one axis as charts draw them: ``value`` (text where it is no number), spread, ``best``."""
    shown = points if axis_scale(axis) != "nominal" else labelled(points, [axis.name])
    return shown.rename(columns={axis.name: "value"}).infer_objects()


def heat_table(points: pd.DataFrame, x: Axis, y: Axis) -> pd.DataFrame:
    """Return the points of a grid of two axes as charts draw them: ``x`` and ``y`` as texts, spread."""
    shown = labelled(points, [x.name, y.name]).rename(columns={x.name: "x", y.name: "y"})
    return shown[["x", "y", "mean", "sd", "n"]]


def parallel_table(points: pd.DataFrame, axes: Sequence[Axis]) -> pd.DataFrame:
    """Return the points as parallel lines are drawn: numbers or words for each axis, and ``score``."""
    words = [axis.name for axis in axes if axis_scale(axis) == "nominal"]
    shown = labelled(points, words).rename(columns={"mean": "score"})
    return shown[[*(axis.name for axis in axes), "score"]].infer_objects()


def importance_table(points: pd.DataFrame, names: Sequence[str], random_state: int = 0) -> pd.DataFrame:
    """Return how much of the differences in score each setting explains, measured on points left out.

    Each tree of a random forest learns the score from a sample of the points and is measured on the others, out of bag.
    What the forest explains of the scores' variance there is shared out by how much the trees' out-of-bag errors grow
    when a setting's values are shuffled. Settings that explain no more than they would of scores drawn by chance
    explain nothing.

    Parameters
    ----------
    points : DataFrame
        From :func:`points_table`, at least 8 rows with a score.
    names : sequence of str
        The varied settings.
    random_state : int
        Seed of forest and shuffling.

    Returns
    -------
    DataFrame
        ``name``, ``importance`` (share of the variance, 0 to 1; together what the forest explains, all 0 where nothing
        matters) and ``sd`` over groups of trees; NaN with too few points or where all scores are equal.

    References
    ----------
    Breiman (2001), "Random forests", Machine Learning 45, section 10.
    """
    scored = points.dropna(subset="mean")
    if len(scored) < FEWEST_FOR_IMPORTANCE or scored["mean"].nunique() < 2:
        return pd.DataFrame({"name": names, "importance": math.nan, "sd": math.nan})
    X = np.column_stack([_numbers(scored[name]) for name in names]).astype(np.float32)
    y = scored["mean"].to_numpy(dtype=float)
    explained, growth = out_of_bag_importance(X, y, random_state)
    if explained <= chance_explains(len(y)):
        return pd.DataFrame({"name": names, "importance": 0.0, "sd": 0.0})
    grown = growth.mean(axis=0).clip(0)
    share = explained / (grown.sum() or math.inf)
    return pd.DataFrame({"name": names, "importance": share * grown, "sd": share * growth.std(axis=0, ddof=1)})


def best_spec(experiment: Experiment) -> RunSpec | None:
    """Return the spec of the best point of a sweep, with the sweep's epochs and seed; None before any has a score."""
    sweep = experiment.plan
    points = points_table(members_table(experiment), [axis.name for axis in sweep.axes])
    best = np.flatnonzero(points["best"])
    return with_settings(sweep.spec, sweep.points[best[0]]) if len(best) else None


def learning_curve_table(members: pd.DataFrame) -> pd.DataFrame:
    """Return mean and spread over the repeats of each size.

    Returns
    -------
    DataFrame
        ``n_train``, ``part``, ``mean``, ``sd``, ``low``, ``high``, ``n``: the training part and the part that members
        are compared by, ascending in size.
    """
    held_out = "validation" if members["validation_accuracy"].notna().any() else "test"
    rows = [
        {"n_train": int(size), "part": part, **spread(group[f"{part}_accuracy"])}
        for part in ("train", held_out)
        for size, group in members.dropna(subset="n_train").groupby("n_train")
    ]
    return pd.DataFrame([row for row in rows if row["n"]], columns=["n_train", "part", *_SPREAD])


def gap_table(curve: pd.DataFrame) -> pd.DataFrame:
    """Return the overfitting gap of each size, from :func:`learning_curve_table`: ``n_train`` and ``gap`` (0 to 1)."""
    wide = curve.pivot(index="n_train", columns="part", values="mean")
    if wide.shape[1] < 2:
        return pd.DataFrame(columns=["n_train", "gap"])
    gap = wide["train"] - wide.drop(columns="train").iloc[:, 0]
    return gap.rename("gap").reset_index()


def in_percent(table: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return ``table`` with these columns in per cent."""
    return table.assign(**{name: 100 * table[name] for name in names})


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return mean, ``sd``, ``low``, ``high`` and number of the values that are not NaN."""
    figures = np.array([value for value in values if not _is_nan(value)], dtype=float)
    row = _spread_of(figures[:, np.newaxis]) if len(figures) else None
    if row is None:
        return dict(mean=math.nan, sd=math.nan, low=math.nan, high=math.nan, n=0)
    return {name: row[name].iloc[0] for name in _SPREAD}


def _spread_of(figures: np.ndarray) -> pd.DataFrame:
    """Return the spread of each column of ``(n_runs, n_columns)``, over what is not NaN in it."""
    n = (~np.isnan(figures)).sum(axis=0)
    mean = np.nansum(figures, axis=0) / np.maximum(n, 1)
    squares = np.nansum((figures - mean) ** 2, axis=0)
    sd = np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)
    return pd.DataFrame({"mean": mean, "sd": sd, "low": mean - sd, "high": mean + sd, "n": n})


def _stacked(lines: Sequence[Sequence[float | None]]) -> np.ndarray:
    """Return lines of several lengths as one array ``(n_lines, longest)``, NaN where there is nothing."""
    stacked = np.full((len(lines), max((len(line) for line in lines), default=0)), np.nan)
    for row, line in zip(stacked, lines, strict=True):
        row[: len(line)] = [np.nan if value is None else value for value in line]
    return stacked


def _member_row(member: Member, run: Run | None) -> dict[str, Any]:
    row: dict[str, Any] = dict(member.values)
    if member.spec is None:
        row |= {"state": "failed", "reason": member.problem}
    else:
        row |= {"state": run.state if run else "waiting", "reason": run.reason if run else ""}
    figures = run.figures if run else {}
    # A size that was asked for stays the one asked for; what was trained on is known after the training.
    row["n_train"] = figures["train"].n_images if "train" in figures else row.get("n_train", math.nan)
    for measure in ("accuracy", "loss"):
        row |= {f"{part}_{measure}": getattr(figures.get(part), measure, math.nan) for part in PARTS}
    row["score"] = score_of(run) if run and run.state == "done" else math.nan
    row["score_part"] = chosen_by(run) if run and run.state == "done" else None
    row["epochs_trained"] = run.evaluation.n_epochs if run and run.evaluated else math.nan
    row["seconds"] = run.seconds if run and run.state == "done" else math.nan
    row["digest"] = member.digest or ""
    return row


def _comparable(table: pd.DataFrame, in_rungs: Sequence[Member]) -> np.ndarray:
    """Return which rows' scores compare: of one part, and of one rung where members are in rungs."""
    parts = table["score_part"].tolist()
    telling = next((part for part in ("validation", "test", "train") if part in parts), None)
    comparable = np.array([part == telling for part in parts]) & table["score"].notna().to_numpy()
    if in_rungs:
        epochs = np.array([member.spec.parameters["epochs"] if member.spec else 0 for member in in_rungs])
        comparable &= epochs == epochs[comparable].max(initial=0)
    return comparable


def _furthest(experiment: Experiment) -> list[Member]:
    """Return for each of the plan's members the one of its settings that has been trained furthest."""
    if not is_halving(experiment.plan):
        return list(experiment.plan.members)
    furthest = {}
    for member in experiment.members:  # highest rung first
        run, key = experiment.runs.get(member.digest), tuple(member.values.items())
        if run is not None and run.state == "done":
            furthest.setdefault(key, member)
    return [furthest.get(tuple(member.values.items()), member) for member in experiment.plan.members]


def _numbers(values: pd.Series) -> np.ndarray:
    """Return values as numbers for a forest, which only their order matters to; None is beyond all numbers."""
    numeric = [isinstance(value, Real) or value is None for value in values]
    if all(numeric):
        return np.array([math.inf if value is None else float(value) for value in values]).clip(None, 1e12)
    return pd.factorize(values.astype(str))[0].astype(float)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
