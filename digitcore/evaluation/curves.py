"""Loss and accuracy over the epochs, as tables for charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from digitcore.errors import InvalidSetting
from digitcore.evaluation._checks import is_whole

Measure = Literal["loss", "accuracy"]
MEASURES: tuple[str, ...] = ("loss", "accuracy")


def epochs_table(epochs: Sequence[Any]) -> pd.DataFrame:
    """Return epochs with a row each.

    Parameters
    ----------
    epochs : sequence of Epoch
        Anything with the attributes ``number``, ``train_loss``, ``train_accuracy``, ``validation_loss``,
        ``validation_accuracy``, ``seconds``; None where there is no value. If the sequence has a method ``column`` that
        returns one of them for all epochs, no epoch is made for it.

    Returns
    -------
    DataFrame
        ``epoch`` (int64, from 1) and the others under their own names (float64, NaN for None).
    """
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
    column_of = getattr(epochs, "column", None) or (lambda name: [getattr(epoch, name) for epoch in epochs])
    columns = {"epoch": np.array(column_of("number"), dtype=np.int64)}
    columns |= {name: np.array(column_of(name), dtype=np.float64) for name in names}  # None becomes NaN
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
    if not is_whole(max_points) or max_points < 4:
        raise InvalidSetting(f"max_points must be a whole number from 4, got {max_points!r}")
    if held_out_name == "train":
        raise InvalidSetting("held_out_name must not be 'train': that is the name of the other line")
    lines = {part: table[f"{column}_{measure}"].to_numpy() for part, column in _parts(held_out_name)}
    kept = _thinned(list(lines.values()), measure, max_points)
    # One table of whole columns, and not a table per line that is put together: this is drawn at every epoch.
    drawn = {part: kept[~np.isnan(values[kept])] for part, values in lines.items()}
    parts = [part for part, rows in drawn.items() for _ in rows]
    return pd.DataFrame(
        {
            "epoch": table["epoch"].to_numpy()[np.concatenate(list(drawn.values()))],
            "part": pd.Series(parts, dtype=str),
            "value": np.concatenate([lines[part][rows] for part, rows in drawn.items()]),
        }
    )


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
