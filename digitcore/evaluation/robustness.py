"""How accurate a model stays when its images get worse."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from digitcore.errors import DatasetError, InvalidSetting
from digitcore.evaluation._checks import check_same_length, checked_labels
from digitcore.evaluation.metrics import wilson_interval
from digitcore.images.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from digitcore.parameters import unknown_name
from digitcore.wording import percent_text

COLUMNS = ("corruption", "label", "severity", "n_images", "n_right", "accuracy", "accuracy_low", "accuracy_high")


def robustness_table(
    predict: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    labels: np.ndarray,
    *,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    seed: int = 0,
    max_value: int = 255,
) -> pd.DataFrame:
    """Return the accuracy under each corruption at each severity.

    Parameters
    ----------
    predict : callable
        Gets images like ``images`` and returns a class index for each, such as
        :meth:`digitcore.runs.prediction.RunModel.predict`.
    images : ndarray, uint8, (n_images, height, width)
        Pixel values, 0 (paper) to ``max_value``.
    labels : ndarray of shape (n_images,), integer
        Class indices.
    corruptions : sequence of str
        Keys of :data:`digitcore.images.corruptions.CORRUPTIONS`. Default: all twelve.
    seed : int
        Of the corruptions: equal seeds corrupt the images equally for every model.
    max_value : int
        Largest value of a pixel, 1 to 255.

    Returns
    -------
    DataFrame
        One row per corruption and severity 0 to 5, where 0 are the images as they are: ``corruption``, ``label``,
        ``severity``, ``n_images``, ``n_right``, and ``accuracy`` with its 95 % Wilson interval ``accuracy_low`` to
        ``accuracy_high`` (0 to 1; NaN without images).

    Raises
    ------
    DatasetError
        If images, labels and predictions do not fit together.
    InvalidSetting
        If another argument is not valid.
    """
    labels = checked_labels(labels, "labels")
    check_same_length(images, labels, "images", "labels")
    unknown = next((name for name in corruptions if name not in CORRUPTIONS), None)
    if unknown is not None or not corruptions:
        raise unknown_name("corruption", unknown, CORRUPTIONS)
    rows, clean = [], None
    for name in corruptions:
        for severity in (0, *SEVERITIES):
            if severity or clean is None:
                changed = corrupted(images, name, severity, seed=seed, max_value=max_value)
                n_right = _count_right(predict, changed, labels)
            if not severity:
                clean = n_right = n_right if clean is None else clean
            share = n_right / len(labels) if len(labels) else np.nan
            interval = wilson_interval(n_right, len(labels))
            rows.append((name, CORRUPTIONS[name].label, severity, len(labels), n_right, share, *interval))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def mean_corruption_accuracy(table: pd.DataFrame) -> pd.Series:
    """Return the mean accuracy over the severities 1 to 5 of each corruption, by its label, the lowest first.

    Parameters
    ----------
    table : DataFrame
        From :func:`robustness_table`.
    """
    worse = table[table["severity"] > 0]
    return worse.groupby("label", sort=False)["accuracy"].mean().sort_values(kind="stable")


def robustness_figures(table: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracies of :func:`robustness_table` with corruptions as rows and severities "0" to "5" as columns.

    Parameters
    ----------
    table : DataFrame
        From :func:`robustness_table`.

    Returns
    -------
    DataFrame
        Index ``label``, float columns, 0 to 1; the order of the corruptions is the table's.
    """
    figures = table.pivot(index="label", columns="severity", values="accuracy").loc[table["label"].unique()]
    return figures.rename(columns=str).rename_axis(columns=None)


def robustness_sentence(table: pd.DataFrame, other: pd.DataFrame | None = None, names: Sequence[str] = ()) -> str:
    """Say in a sentence how much accuracy the corruptions cost, which costs most, and how another model does.

    Parameters
    ----------
    table, other : DataFrame
        From :func:`robustness_table`, of the same images.
    names : sequence of str
        Of the two models, where there is another one.

    Raises
    ------
    InvalidSetting
        If the tables are not of the same corruptions, or there are not two names for them.
    """
    means = mean_corruption_accuracy(table)
    clean = table.loc[table["severity"] == 0, "accuracy"].iloc[0]
    figures = [percent_text(float(share), 1) for share in (clean, means.mean(), means.iloc[0], means.iloc[-1])]
    said = (
        f"The accuracy is {figures[0]} on the images as they are and {figures[1]} on average under the corruptions; "
        f"{means.index[0].lower()} costs most ({figures[2]} is left), {means.index[-1].lower()} least ({figures[3]})"
    )
    if other is None:
        return f"{said}."
    of_other = mean_corruption_accuracy(other)
    if set(of_other.index) != set(means.index) or len(names) != 2:
        raise InvalidSetting("Two models are compared by the same corruptions and by two names")
    n_better = int((of_other.reindex(means.index) > means).sum())
    mean = percent_text(float(of_other.mean()), 1)
    return f"{said}; {names[1]} has {mean} on average and is better under {n_better} of {len(means)} corruptions."


def _count_right(predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray, labels: np.ndarray) -> int:
    if not len(labels):
        return 0
    predicted = np.asarray(predict(images))
    if predicted.shape != labels.shape:
        raise DatasetError(
            f"predict must return a class index for each of the {len(labels)} images, got the shape {predicted.shape}"
        )
    return int((predicted == labels).sum())
