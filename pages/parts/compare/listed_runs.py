"""What the catalogue says, kept for all visitors until something changes here, or for a few seconds.

A page is drawn again at each click, and nearly always the list is what it was.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from digitcore.runs import Run
from digitcore.runs.choice import lines_of
from digitcore.runs.listed_table import listed_table
from digitcore.runs.run_query import ALL_LISTED, RunQuery
from pages.parts import shared

# After so many seconds, what other servers on the same store have done is seen, too.
KEPT_SECONDS = 5.0
MOST_KEPT = 64


@dataclass(frozen=True)
class Listing:
    """A page of a list of runs, not to be changed.

    Attributes
    ----------
    lines : DataFrame
        As :meth:`digitcore.runs.catalogue.Catalogue.page` returns them.
    table : DataFrame
        The same as :func:`digitcore.runs.listed_table.listed_table` shows them.
    n_tested : int
        Number of runs of the whole list that have results.
    """

    lines: pd.DataFrame
    table: pd.DataFrame
    n_tested: int


def count_lines(query: RunQuery) -> int:
    """Return the number of lines of a list."""
    return _count(repr(query), _state(), _query=query)


def filter_choices(query: RunQuery = ALL_LISTED) -> dict[str, list[str]]:
    """Return by what a list can be filtered, see :meth:`digitcore.runs.catalogue.Catalogue.choices`."""
    return _choices(repr(query), _state(), _query=query)


def page_of_runs(query: RunQuery, offset: int, limit: int) -> Listing:
    """Return so many lines of a list, from the one at ``offset`` on."""
    return _page(repr(query), offset, limit, _state(), _query=query)


def chosen_lines(entries: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the lines of each entry, see :func:`digitcore.runs.choice.lines_of`; not to be changed."""
    return dict(_chosen(tuple(entries), _state()))


def chosen_runs(digests: Sequence[str]) -> list[Run]:
    """Return the runs of these digests, with their epochs; those that are gone are left out."""
    return [run for run in _runs(tuple(digests), _state()) if run is not None]


def count_tested(query: RunQuery) -> int:
    """Return the number of runs of a list that have results by now: it is looked up each time."""
    return shared.engine().catalogue.count(replace(query, grouped=False, evaluated=True))


def _state() -> Hashable:
    """What is another one after each change that this server has made."""
    engine = shared.engine()
    active = tuple((run.digest, run.state) for run in engine.active())
    return str(engine.store.url), engine.n_ended, engine.editor.n_edits, active


@st.cache_resource(show_spinner=False, ttl=KEPT_SECONDS, max_entries=MOST_KEPT)
def _count(query: str, state: Hashable, _query: RunQuery) -> int:
    return shared.engine().catalogue.count(_query)


@st.cache_resource(show_spinner=False, ttl=KEPT_SECONDS, max_entries=MOST_KEPT)
def _choices(query: str, state: Hashable, _query: RunQuery) -> dict[str, list[str]]:
    return shared.engine().catalogue.choices(_query)


@st.cache_resource(show_spinner=False, ttl=KEPT_SECONDS, max_entries=MOST_KEPT)
def _page(query: str, offset: int, limit: int, state: Hashable, _query: RunQuery) -> Listing:
    catalogue, n_tested = shared.engine().catalogue, count_tested(_query)
    lines = catalogue.page(_query, offset, limit)
    losses = catalogue.loss_sparklines(lines["digest"].tolist())
    return Listing(lines, listed_table(lines, losses), n_tested)


@st.cache_resource(show_spinner=False, ttl=KEPT_SECONDS, max_entries=MOST_KEPT)
def _chosen(entries: tuple[str, ...], state: Hashable) -> dict[str, pd.DataFrame]:
    return lines_of(shared.engine().catalogue, entries)


@st.cache_resource(show_spinner=False, ttl=KEPT_SECONDS, max_entries=MOST_KEPT)
def _runs(digests: tuple[str, ...], state: Hashable) -> list[Run | None]:
    return [shared.engine().run(digest) for digest in digests]
