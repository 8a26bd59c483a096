"""A page of the catalogue as a reader sees it: labels instead of names of the registry, per cent instead of shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from digitcore.datasets import DATASETS
from digitcore.models import MODELS
from digitcore.wording import percent_interval_text

PIN = "★ "
# Instead of covered test figures.
LOCKED = "locked"


def listed_table(lines: pd.DataFrame, losses: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return the lines of a page of the catalogue for display.

    Parameters
    ----------
    lines : DataFrame
        From :meth:`digitcore.runs.catalogue.Catalogue.page`.
    losses : mapping of str to sequence of float
        From :meth:`digitcore.runs.catalogue.Catalogue.loss_sparklines`.

    Returns
    -------
    DataFrame
        ``called`` (the name, or else the title; pinned ones begin with a star), ``title``, ``tags``, ``data``,
        ``model`` (its short label), ``recipe``, ``n`` runs, ``accuracy``, ``interval`` (text; "locked" where test
        figures are covered) and ``sd`` of the test part in per cent, ``gap`` in points, ``seconds``, ``state``,
        ``losses``, ``created_at``.
    """
    intervals = interval_texts(lines["test_low"], lines["test_high"])
    starred = lines["pinned"].map({True: PIN, False: ""})
    return pd.DataFrame(
        {
            "called": [
                f"{star}{name or title}"
                for star, name, title in zip(starred, lines["name"], lines["title"], strict=True)
            ],
            "title": lines["title"],
            "tags": lines["tags"],
            "data": _labels(lines["dataset"], DATASETS),
            "model": [MODELS[name].title_label if name in MODELS else name for name in lines["model"]],
            "recipe": lines["recipe"],
            "n": lines["n"],
            "accuracy": 100 * lines["test_accuracy"],
            "interval": [
                (f"{text}, others {LOCKED}" if text else LOCKED) if covered else text
                for text, covered in zip(intervals, lines["covered"], strict=True)
            ],
            "sd": 100 * lines["test_sd"],
            "gap": 100 * lines["gap"],
            "seconds": lines["seconds"],
            "state": lines["state"],
            "losses": [list(losses.get(digest, [])) for digest in lines["digest"]],
            "created_at": lines["created_at"],
        }
    )


def telling_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of a :func:`listed_table` that tell something of these lines, in their order.

    Left out are tags and deviations where no line has any, the number of runs where each line is one, the state where
    all are done, and recipes where each name begins with its own.
    """
    names = table["called"].str.removeprefix(PIN)
    silent = {
        "n": (table["n"] == 1).all(),
        "sd": table["sd"].isna().all(),
        "tags": not table["tags"].map(bool).any(),
        "state": (table["state"] == "done").all(),
        "recipe": all(name.startswith(recipe) for name, recipe in zip(names, table["recipe"].fillna(""), strict=True)),
    }
    return [name for name in table if not silent.get(name)]


def date_format(times: pd.Series, now: pd.Timestamp) -> str:
    """Return how a table writes times, in the format of moment.js: without the year if all are of this one.

    Parameters
    ----------
    times : Series of datetime, UTC
        When the runs of the table were begun.
    now : Timestamp, UTC
        The present.
    """
    year = "" if (times.dt.year == now.year).all() else " YYYY"
    return f"D MMM{year}, HH:mm"


def interval_texts(lows: pd.Series, highs: pd.Series) -> list[str]:
    """Return intervals of shares as :func:`digitcore.wording.percent_interval_text`; empty where there is none."""
    pairs = zip(lows.astype(float), highs.astype(float), strict=True)
    return ["" if math.isnan(low) or math.isnan(high) else percent_interval_text(low, high) for low, high in pairs]


def _labels(names: pd.Series, entries: Mapping[str, Any]) -> list[str]:
    """Return the labels of a registry; an entry that is gone keeps its name."""
    return [entries[name].label if name in entries else name for name in names]
