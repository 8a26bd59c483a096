"""Intervals of the mean log-loss of compared models, computed beside the page."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

import pandas as pd

from digitcore.runs import Run
from digitcore.wording import interval_text
from pages.parts import session, shared, turns
from pages.parts.interval_cache import Intervals


def ask(models: Mapping[str, Sequence[Run]], part: str) -> list[Future[Intervals] | None]:
    """Return the bootstrap interval of each model of one run, as soon as it is computed; None for other models."""
    return [_of_run(members[0], part) if len(members) == 1 else None for members in models.values()]


def wait(asked: Sequence[Future[Intervals] | None], seconds: float) -> bool:
    """Wait so long at most; return True if all intervals are there."""
    futures = [future for future in asked if future is not None]
    with turns.pause():
        return not concurrent.futures.wait(futures, seconds).not_done


def texts(table: pd.DataFrame, asked: Sequence[Future[Intervals] | None]) -> list[str]:
    """Return the interval of each model's loss as text, empty where there is none, or none yet.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.experiments.side_by_side.figures_table`: of several seeds it has the interval.
    asked : sequence of Future or None
        From :func:`ask`.
    """
    over_seeds = zip(table["loss_low"], table["loss_high"], strict=True)
    ends = [own if future is None else _result(future) for own, future in zip(over_seeds, asked, strict=True)]
    return [interval_text(*each) if each is not None and pd.notna(each[0]) else "" for each in ends]


def _of_run(run: Run, part: str) -> Future[Intervals] | None:
    if part not in run.figures:
        return None
    images = getattr(session.parts_of(run), part)
    # The same as on Mistakes.
    key = (run.digest, run.created_at, part)
    return shared.intervals.get(key, images.labels, session.probabilities_of(run, images), patience=0.0)


def _result(future: Future[Intervals]) -> tuple[float, float] | None:
    return future.result().loss if future.done() and future.exception() is None else None
