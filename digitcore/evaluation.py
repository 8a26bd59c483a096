"""From predictions to figures: accuracy, confusion matrix, mistakes, and the verdict on a training.

Labels are class indices 0 to ``n_classes - 1``, probabilities are ``(n_images, n_classes)`` with rows that add up to 1.
Functions whose name ends in ``_table`` return a DataFrame that charts draw and pages show. What is undefined is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import pandas as pd

from digitcore.errors import DatasetError, InvalidSetting

Measure = Literal["loss", "accuracy"]
Kind = Literal["fits well", "overfits", "underfits", "still improving"]

MEASURES: tuple[str, ...] = ("loss", "accuracy")

# A difference of two points is what a learner can see on the curve; the published example of a good fit has 0.3.
HARMLESS_GAP = 0.02
# Below this a model has not learned its own training images: logistic regression reaches 92 % on MNIST.
GOOD_TRAIN_ACCURACY = 0.95
# Rise of the mean accuracy from one fifth of the epochs to the next that is worth more epochs.
WORTHWHILE_RISE = 0.002
# Relative fall of the mean training loss between the same fifths that still counts as falling.
WORTHWHILE_FALL = 0.01
# Keeps 0.952 - 0.950 from being larger than 0.002.
ROUNDING = 1e-9

# The smallest float32 that has full precision: a probability that underflowed to zero costs 87.3, not infinity.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class PartEvaluation:
    """How a model did on one part of a data set.

    Attributes
    ----------
    n_images, n_right : int
        Images of the part, and those predicted right.
    accuracy : float
        Share predicted right, 0 to 1; NaN without images.
    loss : float
        Mean cross-entropy in nats; NaN without images.
    accuracy_low, accuracy_high : float
        95 % Wilson interval of the accuracy.
    """

    n_images: int
    n_right: int
    accuracy: float
    loss: float
    accuracy_low: float
    accuracy_high: float


@dataclass(frozen=True)
class PartAccuracy:
    """An accuracy (0 to 1) and the number of images it was measured on: what :func:`judge_fit` reads of a part.

    Raises
    ------
    InvalidSetting
        If the accuracy is not within 0 to 1 or there is no image.
    """

    accuracy: float
    n_images: int

    def __post_init__(self) -> None:
        if not _is_share(self.accuracy):
            raise InvalidSetting(f"accuracy must be a number from 0 to 1, got {self.accuracy!r}")
        if not _is_whole(self.n_images) or self.n_images < 1:
            raise InvalidSetting(f"n_images must be a whole number from 1, got {self.n_images!r}")


@dataclass(frozen=True)
class AccuracyGap:
    """Training accuracy minus held-out accuracy, and how much of a gap chance alone makes (95 %); both 0 to 1."""

    gap: float
    noise: float


@dataclass(frozen=True)
class Verdict:
    """What a training came to: its kind, a title, and one or two sentences with the figures in them."""

    kind: Kind
    title: str
    explanation: str


def predictions(probabilities: np.ndarray) -> np.ndarray:
    """Return the most probable class of every image, the first one where several are equal.

    Parameters
    ----------
    probabilities : ndarray of shape (n_images, n_classes)
        Rows that add up to 1.

    Returns
    -------
    ndarray of shape (n_images,), int64

    Raises
    ------
    DatasetError
        If these are not probabilities.
    """
    return _checked_probabilities(probabilities).argmax(axis=1).astype(np.int64)


def evaluate_part(truth: np.ndarray, probabilities: np.ndarray) -> PartEvaluation:
    """Return how well probabilities meet the truth.

    Probabilities are clipped to the smallest float32 before the logarithm, so that an image the model thought
    impossible has a large loss, not an infinite one.

    Parameters
    ----------
    truth : ndarray of shape (n_images,), integer
        Class indices.
    probabilities : ndarray of shape (n_images, n_classes)
        Rows that add up to 1.

    Raises
    ------
    DatasetError
        If lengths differ, a label is out of range, or these are not probabilities.
    """
    probabilities = _checked_probabilities(probabilities)
    truth = _checked_labels(truth, "truth", probabilities.shape[1])
    _check_same_length(truth, probabilities, "truth", "probabilities")
    n_images = len(truth)
    n_right = int((probabilities.argmax(axis=1) == truth).sum())
    low, high = wilson_interval(n_right, n_images)
    return PartEvaluation(
        n_images=n_images,
        n_right=n_right,
        accuracy=n_right / n_images if n_images else math.nan,
        loss=float(losses_of(truth, probabilities).mean()) if n_images else math.nan,
        accuracy_low=low,
        accuracy_high=high,
    )


def losses_of(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of every image in nats, float64 ``(n_images,)``.

    Probabilities are clipped as in :func:`evaluate_part`.
    """
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return -np.log(of_truth.clip(SMALLEST_PROBABILITY, 1))


def wilson_interval(n_right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of the share ``n_right / n``, both ends 0 to 1; NaN, NaN when ``n`` is 0.

    Raises
    ------
    InvalidSetting
        If the numbers are not whole, ``n_right`` is not within 0 to ``n``, or ``confidence`` is not between 0 and 1.

    References
    ----------
    Wilson, E. B. (1927), "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22, 209-212.
    """
    if not _is_whole(n) or n < 0:
        raise InvalidSetting(f"n must be a whole number from 0, got {n!r}")
    if not _is_whole(n_right) or not 0 <= n_right <= n:
        raise InvalidSetting(f"n_right must be a whole number from 0 to n ({n}), got {n_right!r}")
    if not _is_share(confidence) or confidence in (0, 1):
        raise InvalidSetting(f"confidence must be a number between 0 and 1, got {confidence!r}")
    if n == 0:
        return math.nan, math.nan
    return _wilson(n_right / n, n, confidence)


def accuracy_gap(train: PartAccuracy | PartEvaluation, held_out: PartAccuracy | PartEvaluation) -> AccuracyGap:
    """Return training accuracy minus held-out accuracy, and its noise.

    The noise is the distance from the gap down to the lower end of its 95 % interval: a gap larger than its noise is
    there for more reason than chance.

    References
    ----------
    Newcombe, R. G. (1998), "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17, 873-890, method 10 (from two Wilson intervals).
    """
    train_low, _ = _wilson(train.accuracy, train.n_images)
    _, held_out_high = _wilson(held_out.accuracy, held_out.n_images)
    noise = math.hypot(train.accuracy - train_low, held_out_high - held_out.accuracy)
    return AccuracyGap(gap=train.accuracy - held_out.accuracy, noise=noise)


def _wilson(share: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # The ends are exactly 0 and 1 at shares of 0 and 1; rounding would miss them by 1e-17.
    return (middle - reach if share > 0 else 0.0), (middle + reach if share < 1 else 1.0)


def confusion_counts(truth: np.ndarray, prediction: np.ndarray, n_classes: int) -> np.ndarray:
    """Count the images of every pair of true and predicted class.

    Parameters
    ----------
    truth, prediction : ndarray of shape (n_images,), integer
        Class indices.
    n_classes : int
        Number of classes, also of those that no image has.

    Returns
    -------
    ndarray of shape (n_classes, n_classes), int64
        Rows are the truth, columns the prediction.

    Raises
    ------
    DatasetError
        If lengths differ or a label is out of range.
    InvalidSetting
        If ``n_classes`` is not a whole number from 1.
    """
    if not _is_whole(n_classes) or n_classes < 1:
        raise InvalidSetting(f"n_classes must be a whole number from 1, got {n_classes!r}")
    truth, prediction = _checked_pair(truth, prediction, n_classes)
    cells = np.bincount(truth * n_classes + prediction, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


def confusion_table(truth: np.ndarray, prediction: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the confusion matrix with a row per cell, in class order.

    Returns
    -------
    DataFrame
        ``truth``, ``prediction`` (class names), ``count``, and ``row_pct``: percentage (0 to 100) of the images of that
        true class, NaN for a class without images.

    Raises
    ------
    DatasetError
        If lengths differ, a label is out of range, or class names are missing or repeated.
    """
    names = _checked_names(class_names)
    counts = confusion_counts(truth, prediction, len(names))
    return pd.DataFrame(
        {
            "truth": np.repeat(names, len(names)),
            "prediction": np.tile(names, len(names)),
            "count": counts.ravel(),
            "row_pct": 100 * ratio(counts, counts.sum(axis=1, keepdims=True)).ravel(),
        }
    )


def class_metrics_table(truth: np.ndarray, prediction: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Return precision, recall and F1 of every class.

    Precision is the share of the images taken for a class that are of it, recall the share of its images that were
    found, F1 the harmonic mean of the two.

    Returns
    -------
    DataFrame
        ``class_name``, ``n_images`` (of the true class), ``precision``, ``recall``, ``f1``: 0 to 1, NaN where
        undefined.

    Raises
    ------
    DatasetError
        As :func:`confusion_table`.
    """
    names = _checked_names(class_names)
    counts = confusion_counts(truth, prediction, len(names))
    right, actual, taken = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return pd.DataFrame(
        {
            "class_name": names,
            "n_images": actual,
            "precision": ratio(right, taken),
            "recall": ratio(right, actual),
            "f1": ratio(2 * right, actual + taken),
        }
    )


def confused_pairs_table(
    truth: np.ndarray, prediction: np.ndarray, class_names: Sequence[str], n_pairs: int = 5
) -> pd.DataFrame:
    """Return the most frequent mistakes, at most ``n_pairs`` of them, ties in class order.

    Returns
    -------
    DataFrame
        ``truth``, ``prediction`` (class names), ``count``, ``n_images`` (of the true class), ``truth_share`` (``count``
        as a share of these, 0 to 1). Empty when nothing is wrong.

    Raises
    ------
    DatasetError
        As :func:`confusion_table`.
    InvalidSetting
        If ``n_pairs`` is not a whole number from 1.
    """
    if not _is_whole(n_pairs) or n_pairs < 1:
        raise InvalidSetting(f"n_pairs must be a whole number from 1, got {n_pairs!r}")
    names = np.array(_checked_names(class_names), dtype=object)
    counts = confusion_counts(truth, prediction, len(names))
    actual = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    cells = np.argsort(-counts, axis=None, kind="stable")[:n_pairs]
    rows, columns = np.divmod(cells[counts.ravel()[cells] > 0], len(names))
    return pd.DataFrame(
        {
            "truth": pd.Series(names[rows], dtype=str),
            "prediction": pd.Series(names[columns], dtype=str),
            "count": counts[rows, columns],
            "n_images": actual[rows],
            "truth_share": ratio(counts[rows, columns], actual[rows]),
        }
    )


def confused_pairs_sentences(table: pd.DataFrame) -> list[str]:
    """Say each row of :func:`confused_pairs_table`: "4 was taken for 9 in 32 of 982 images (3.3 %)."."""
    return [
        f"{row.truth} was taken for {row.prediction} in {row.count} of {row.n_images} "
        f"image{'' if row.n_images == 1 else 's'} ({100 * row.truth_share:.1f} %)."
        for row in table.itertuples(index=False)
    ]


def wrong_indices(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return the positions (int64, ascending) of the wrong predictions.

    Raises
    ------
    DatasetError
        If lengths differ or these are not class indices.
    """
    return np.flatnonzero(~right_predictions(truth, prediction)).astype(np.int64)


def right_predictions(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return which predictions are right, bool ``(n_images,)``.

    Raises
    ------
    DatasetError
        As :func:`wrong_indices`.
    """
    truth, prediction = _checked_pair(truth, prediction)
    return truth == prediction


def mistake_table(
    truth: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    positions: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return what the model said of some images, and how sure it was.

    Parameters
    ----------
    truth : ndarray of shape (n_images,), integer
        Class indices.
    probabilities : ndarray of shape (n_images, n_classes)
        Rows that add up to 1.
    class_names : sequence of str
        One name a class.
    positions : ndarray of shape (n,), integer, optional
        Which images, in this order; all the wrong ones by default.

    Returns
    -------
    DataFrame
        ``position``, ``truth``, ``prediction`` (class names), ``probability`` (of the prediction),
        ``truth_probability`` (of the truth), both 0 to 1.

    Raises
    ------
    DatasetError
        If anything does not fit together.
    """
    names = np.array(_checked_names(class_names), dtype=object)
    probabilities = _checked_probabilities(probabilities, len(names))
    truth = _checked_labels(truth, "truth", len(names))
    _check_same_length(truth, probabilities, "truth", "probabilities")
    prediction = probabilities.argmax(axis=1)
    if positions is None:
        positions = np.flatnonzero(truth != prediction)
    positions = _checked_labels(positions, "positions", len(truth))
    truth, prediction = truth[positions], prediction[positions]
    return pd.DataFrame(
        {
            "position": positions,
            "truth": pd.Series(names[truth], dtype=str),
            "prediction": pd.Series(names[prediction], dtype=str),
            "probability": probabilities[positions, prediction].astype(np.float64),
            "truth_probability": probabilities[positions, truth].astype(np.float64),
        }
    )


def judgements_table(probabilities: Mapping[str, np.ndarray], class_names: Sequence[str]) -> pd.DataFrame:
    """Return what several models say of one image.

    Parameters
    ----------
    probabilities : mapping of str to ndarray of shape (n_classes,)
        By the name of the run.
    class_names : sequence of str
        One name a class.

    Returns
    -------
    DataFrame
        ``run``, ``prediction``, ``probability``, and ``second``, ``second_probability`` of the next best class; both
        probabilities 0 to 1, the second ones missing where there is a single class.

    Raises
    ------
    DatasetError
        If these are not probabilities of these classes.
    """
    names = _checked_names(class_names)
    rows = []
    for run, row in probabilities.items():
        row = _checked_probabilities(np.atleast_2d(row), len(names))[0]
        best, *others = np.argsort(-row, kind="stable")
        second = (names[others[0]], float(row[others[0]])) if others else (None, math.nan)
        rows.append((run, names[best], float(row[best]), *second))
    return pd.DataFrame(rows, columns=["run", "prediction", "probability", "second", "second_probability"])


def pixel_table(image: np.ndarray) -> pd.DataFrame:
    """Return the pixel values of one image ``(height, width)``, rows and columns labelled from 0.

    Raises
    ------
    DatasetError
        If ``image`` is not two-dimensional.
    """
    image = np.asarray(image)
    if image.ndim != 2:
        raise DatasetError(f"image must have the shape (height, width), got {image.shape}")
    return pd.DataFrame(image.copy())


def epochs_table(epochs: Sequence[Any]) -> pd.DataFrame:
    """Return epochs with a row each.

    Parameters
    ----------
    epochs : sequence of Epoch
        Anything with the attributes ``number``, ``train_loss``, ``train_accuracy``, ``validation_loss``,
        ``validation_accuracy``, ``seconds``; None where there is no value.

    Returns
    -------
    DataFrame
        ``epoch`` (int64, from 1) and the others under their own names (float64, NaN for None).
    """
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
    columns = {"epoch": np.array([epoch.number for epoch in epochs], dtype=np.int64)}
    for name in names:
        columns[name] = np.array([getattr(epoch, name) for epoch in epochs], dtype=np.float64)  # None becomes NaN
    return pd.DataFrame(columns)


def curves_table(
    table: pd.DataFrame, measure: Measure = "loss", max_points: int = 300, held_out_name: str = "validation"
) -> pd.DataFrame:
    """Return one measure of :func:`epochs_table` in long form, thinned so that a chart's data stays small.

    Epochs are left out evenly; the first, the last, and each line's best one (lowest loss, highest accuracy) stay.

    Parameters
    ----------
    table : DataFrame
        From :func:`epochs_table`.
    measure : {"loss", "accuracy"}
        What to show.
    max_points : int
        Most points a line may have, from 4.
    held_out_name : str
        What to call the held-out part, whichever it was.

    Returns
    -------
    DataFrame
        ``epoch``, ``part`` (``"train"`` or ``held_out_name``), ``value``. No row where there is no value.

    Raises
    ------
    InvalidSetting
        If ``measure`` is unknown, ``max_points`` is below 4, or the held-out part is called "train".
    """
    if measure not in MEASURES:
        raise InvalidSetting(f"measure must be one of {', '.join(MEASURES)}, got {measure!r}")
    if not _is_whole(max_points) or max_points < 4:
        raise InvalidSetting(f"max_points must be a whole number from 4, got {max_points!r}")
    if held_out_name == "train":
        raise InvalidSetting("held_out_name must not be 'train': that is the name of the other line")
    lines = {part: table[f"{column}_{measure}"].to_numpy() for part, column in _parts(held_out_name)}
    kept = _thinned(list(lines.values()), measure, max_points)
    long = pd.concat(
        [
            pd.DataFrame({"epoch": table["epoch"].to_numpy()[kept], "part": part, "value": values[kept]})
            for part, values in lines.items()
        ],
        ignore_index=True,
    ).astype({"part": str})
    return long.dropna(subset="value").reset_index(drop=True)


def still_rising(accuracies: Sequence[float]) -> bool:
    """Whether accuracy still rises at the end, by more than 0.2 points.

    The mean of the last fifth of the epochs is compared with that of the fifth before; of 2 to 4 epochs the last with
    the one before. One epoch says nothing about a rise, so it is False.

    Raises
    ------
    InvalidSetting
        If an accuracy is not within 0 to 1.
    """
    values = np.asarray(list(accuracies), dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InvalidSetting("accuracies must be numbers from 0 to 1, one an epoch; leave out epochs without one")
    if len(values) < 2:
        return False
    before, last = _last_fifths(values)
    return bool(last - before > WORTHWHILE_RISE + ROUNDING)


def judge_fit(
    train: PartAccuracy | PartEvaluation,
    held_out: PartAccuracy | PartEvaluation | None = None,
    accuracies: Sequence[float] = (),
    train_losses: Sequence[float] = (),
    held_out_name: str = "test",
) -> Verdict:
    """Judge a training by its figures. The first rule that holds decides.

    1. *overfits*: training accuracy is more than 2 points above held-out accuracy, and chance does not explain it
       (:func:`accuracy_gap`);
    2. *still improving*: :func:`still_rising` of ``accuracies``;
    3. *underfits*: training accuracy is below 95 %;
    4. *fits well*.

    Parameters
    ----------
    train, held_out : PartAccuracy or PartEvaluation
        Accuracy and number of images of both parts; ``held_out=None`` where no images were held out.
    accuracies : sequence of float
        One an epoch, 0 to 1: of the held-out part where there is one, of the training part otherwise.
    train_losses : sequence of float
        One an epoch; they choose the advice against underfitting.
    held_out_name : str
        What to call the held-out part in the explanation.

    Raises
    ------
    InvalidSetting
        If an accuracy is not within 0 to 1 or a part has no images.
    """
    parts = [PartAccuracy(part.accuracy, part.n_images) for part in (train, held_out) if part is not None]
    gap = accuracy_gap(*parts) if held_out is not None else None
    figures = _figures(train, held_out, held_out_name)
    if gap is not None and gap.gap > HARMLESS_GAP + ROUNDING:
        if gap.gap > gap.noise:
            explanation = (
                f"{figures}, more than chance explains (±{100 * gap.noise:.1f} points). "
                "More training images, dropout, a smaller model or fewer epochs narrow it."
            )
            return Verdict("overfits", "Overfits", explanation)
        figures += f", which chance alone can explain (±{100 * gap.noise:.1f} points)"
    if still_rising(accuracies):
        before, last = _last_fifths(np.asarray(list(accuracies), dtype=np.float64))
        rise = f"At the end accuracy was still rising (by {100 * (last - before):.1f} points): train for more epochs."
        return Verdict("still improving", "Still improving", f"{figures}. {rise}")
    if train.accuracy < GOOD_TRAIN_ACCURACY - ROUNDING:
        return Verdict("underfits", "Underfits", f"{figures}. {_advice_against_underfitting(train_losses)}")
    if held_out is None:
        return Verdict("fits well", "Fits the training images", f"{figures}.")
    return Verdict("fits well", "Fits well", f"{figures}. What the model learned carries over to images it never saw.")


def _figures(train: Any, held_out: Any | None, held_out_name: str) -> str:
    """The figures as the first sentence of a verdict, without its full stop."""
    opening = f"Training accuracy {_percent(train.accuracy)}"
    if held_out is None:
        return f"{opening}; no images were held out, so whether the model overfits cannot be seen"
    points = 100 * (train.accuracy - held_out.accuracy)
    apart = f"a gap of {points:.1f} points" if points > -0.05 else f"{-points:.1f} points better than in training"
    return f"{opening}, {held_out_name} accuracy {_percent(held_out.accuracy)}: {apart}"


def _advice_against_underfitting(train_losses: Sequence[float]) -> str:
    start = f"The model does not yet fit its own training images (below {100 * GOOD_TRAIN_ACCURACY:.0f} %)"
    losses = np.asarray(list(train_losses), dtype=np.float64)
    if len(losses) >= 2:
        before, last = _last_fifths(losses)
        if last < (1 - WORTHWHILE_FALL) * before:
            return f"{start} but its loss is still falling: train for more epochs or with a larger learning rate."
    return f"{start}: try a larger model, another learning rate or more epochs."


def _last_fifths(values: np.ndarray) -> tuple[float, float]:
    """Means of the last fifth but one and of the last fifth of at least two values; under five, of one value each."""
    fifth = max(len(values) // 5, 1)
    return float(values[-2 * fifth : -fifth].mean()), float(values[-fifth:].mean())


def _parts(held_out_name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("train", "train"), (held_out_name, "validation")


def _thinned(lines: list[np.ndarray], measure: str, max_points: int) -> np.ndarray:
    """Positions to keep, ascending, the same for all lines."""
    n_epochs = len(lines[0])
    if n_epochs <= max_points:
        return np.arange(n_epochs)
    best = np.nanargmin if measure == "loss" else np.nanargmax
    bests = [best(values) for values in lines if not np.isnan(values).all()]
    evenly = np.linspace(0, n_epochs - 1, max_points - len(bests)).round().astype(np.int64)
    return np.union1d(evenly, np.array(bests, dtype=np.int64))


def _percent(share: float) -> str:
    """A share as "98.7 %"; 100 % only where nothing is missing."""
    return f"{100 * share:.1f} %" if share == 1 else f"{min(100 * share, 99.9):.1f} %"


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return ``part / whole`` as float64, NaN where ``whole`` is 0."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    return np.divide(part, whole, out=np.full(shape, np.nan), where=whole != 0)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_share(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= value <= 1


def _checked_names(class_names: Sequence[str]) -> list[str]:
    names = [str(name) for name in class_names]
    if not names or len(set(names)) < len(names):
        raise DatasetError(f"class_names must be at least one name and no name twice, got {names}")
    return names


def _checked_labels(labels: np.ndarray, name: str, n: int | None = None) -> np.ndarray:
    """Labels as int64; ``n`` is how many values there are to choose from, None for any."""
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise DatasetError(f"{name} must be one-dimensional, one number an image, got the shape {labels.shape}")
    if labels.size == 0:
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise DatasetError(f"{name} must be whole numbers counted from 0, got the type {labels.dtype}")
    if labels.min() < 0 or (n is not None and labels.max() >= n):
        most = "" if n is None else f" to {n - 1}"
        raise DatasetError(f"{name} must be numbers from 0{most}, got {labels.min()} to {labels.max()}")
    return labels.astype(np.int64)


def _checked_pair(
    truth: np.ndarray, prediction: np.ndarray, n_classes: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    truth = _checked_labels(truth, "truth", n_classes)
    prediction = _checked_labels(prediction, "prediction", n_classes)
    _check_same_length(truth, prediction, "truth", "prediction")
    return truth, prediction


def _check_same_length(one: np.ndarray, other: np.ndarray, one_name: str, other_name: str) -> None:
    if len(one) != len(other):
        raise DatasetError(
            f"{one_name} and {other_name} must be of the same images, got {len(one)} and {len(other)} of them"
        )


def _checked_probabilities(probabilities: np.ndarray, n_classes: int | None = None) -> np.ndarray:
    probabilities = np.asarray(probabilities)
    wanted = "n_classes" if n_classes is None else str(n_classes)
    fits = probabilities.ndim == 2 and probabilities.shape[1] > 0 and n_classes in (None, probabilities.shape[1])
    if not fits or probabilities.dtype.kind not in "fiu":
        raise DatasetError(
            f"probabilities must be numbers of shape (n_images, {wanted}), "
            f"got the shape {probabilities.shape} and the type {probabilities.dtype}"
        )
    if not np.isfinite(probabilities).all():
        raise DatasetError("probabilities must be finite, but some are NaN or infinite: the model has diverged")
    # float32 rows of many classes add up to 1 within about 1e-6; logits miss by far more than this.
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if (probabilities < -1e-6).any() or (np.abs(sums - 1) > 1e-3).any():
        raise DatasetError("probabilities must be 0 to 1 and add up to 1 for every image; these are not probabilities")
    return probabilities
