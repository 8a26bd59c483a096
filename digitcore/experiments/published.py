"""Measured figures beside those that a recipe's source published.

Accuracies are shares from 0 to 1; a difference is measured minus published.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from digitcore.evaluation import confusion_table
from digitcore.experiments.experiment import Experiment
from digitcore.experiments.plans import RECIPE_ITSELF
from digitcore.experiments.tables import fold_curves_table, spread
from digitcore.runs.run import Run
from digitcore.specs.recipes import Recipe, Variation

MEASURED, PUBLISHED = "here", "published"


def published_table(members: pd.DataFrame, variation: Variation, part: str = "test") -> pd.DataFrame:
    """Return a row for each figure of a published table.

    Parameters
    ----------
    members : DataFrame
        From :func:`digitcore.experiments.tables.members_table` of a recipe.
    variation : Variation
        The published table.
    part : str
        The part that its accuracies are for.

    Returns
    -------
    DataFrame
        ``label``, ``published``, ``mean``, ``sd``, ``low``, ``high``, ``n`` over the seeds, ``difference``.
    """
    own = members[members["table"] == variation.title]
    rows = [
        {"label": label, "published": published, **spread(own.loc[own["column"] == label, f"{part}_accuracy"])}
        for label, published in zip(variation.labels, variation.accuracies, strict=True)
    ]
    table = pd.DataFrame(rows)
    return table.assign(difference=table["mean"] - table["published"])


def headline_table(members: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Return one row like those of :func:`published_table`, for the recipe's own accuracy."""
    own = Variation(title=RECIPE_ITSELF, changes=({},), labels=("",), accuracies=(recipe.accuracy,))
    return published_table(members, own, recipe.accuracy_part)


def published_curve_table(runs: Sequence[Run], recipe: Recipe, measure: str) -> pd.DataFrame:
    """Return the published and the measured training curve.

    Parameters
    ----------
    runs : sequence of Run
        Trainings of the recipe itself, with their epochs.
    recipe : Recipe
        One with a ``published_curve``.
    measure : {"loss", "accuracy"}
        Of the training part.

    Returns
    -------
    DataFrame
        ``epoch``, ``source`` ("published" or "here"), ``mean``, ``low``, ``high``; a published figure has no spread.
    """
    published = recipe.published_curve[measure]
    theirs = pd.DataFrame({"epoch": range(1, len(published) + 1), "source": PUBLISHED, "mean": published})
    theirs = theirs.assign(low=np.nan, high=np.nan)
    measured = fold_curves_table(runs, measure)
    ours = measured[measured["part"] == "train"].assign(source=MEASURED)
    return pd.concat([theirs, ours[theirs.columns]], ignore_index=True) if len(ours) else theirs


def confusion_difference_table(
    published: Sequence[Sequence[int]], truth: np.ndarray, prediction: np.ndarray, class_names: Sequence[str]
) -> pd.DataFrame:
    """Return a row for each cell of two confusion matrices.

    Parameters
    ----------
    published : sequence of sequence of int, (n_classes, n_classes)
        Counts, one row per true class.
    truth, prediction : ndarray, int64, (n_images,)
        Measured, of one training or of several after each other.
    class_names : sequence of str
        Name of each class.

    Returns
    -------
    DataFrame
        ``truth``, ``prediction``; ``published`` and ``here`` in per cent of the true class's images, which allows for
        other images and other numbers of them; their ``difference``.
    """
    theirs = published_counts_table(published, class_names)["row_pct"]
    table = confusion_table(truth, prediction, class_names)[["truth", "prediction", "row_pct"]]
    table = table.rename(columns={"row_pct": MEASURED}).assign(published=theirs)
    return table.assign(difference=table[MEASURED] - table["published"])


def published_counts_table(published: Sequence[Sequence[int]], class_names: Sequence[str]) -> pd.DataFrame:
    """Return a published confusion matrix as :func:`digitcore.evaluation.confusion_table` gives a measured one."""
    cells = np.repeat(np.arange(len(class_names) ** 2), np.ravel(published))
    return confusion_table(*divmod(cells, len(class_names)), class_names)


def recipe_runs(experiment: Experiment) -> list[str]:
    """Return the digests of the trainings of the recipe itself that are done, one a seed."""
    own = [member.digest for member in experiment.plan.members if member.values["table"] == RECIPE_ITSELF]
    return [digest for digest in own if digest in experiment.runs and experiment.runs[digest].state == "done"]


def fold_runs(experiment: Experiment, label: str) -> list[str]:
    """Return the digests of the folds of a published cross-validation that are done."""
    folds = [m.digest for m in experiment.plan.members if "fold" in m.values and m.values["column"] == label]
    return [digest for digest in folds if digest in experiment.runs and experiment.runs[digest].state == "done"]
