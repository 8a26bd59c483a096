"""RunQuery: which kept runs a list shows, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from digitcore.datasets import DATASETS
from digitcore.models import MODELS
from digitcore.parameters import unknown_name
from digitcore.runs import schema
from digitcore.runs.texts import check_length, clean_line, searchable

MAX_SEARCH_LENGTH = 200
# Name of an order: the column that it sorts by.
SORTS: Mapping[str, str] = {{"sort_name": "name"}.get(column, column): column for column in schema.SORT_COLUMNS}
_runs, _tags = schema.runs, schema.tags
_ALWAYS_KNOWN = ("created_at", "dataset", "model", "state", "seconds")


@dataclass(frozen=True)
class RunQuery:
    """Which runs to list, and in which order. Runs that were deleted are never listed.

    Attributes
    ----------
    search : str
        Words that must all occur in a run's name, note, tags, recipe, model or data set, in either case.
    datasets, models, recipes, states : tuple of str
        One of these; empty for any. The empty recipe stands for runs of no recipe.
    tags : tuple of str
        All of these.
    evaluated, pinned : bool
        Only those that are.
    sort : str
        A name in :data:`SORTS`. Pinned runs come first, runs without a value last.
    descending : bool
        The largest, or newest, first.
    background, archived : bool
        Those of experiments, or those that were archived, too.
    grouped : bool
        Whether runs that differ in the seed alone are one line. Filters choose runs; a line is of those chosen.

    Raises
    ------
    InvalidSetting
        If the order is unknown or the search is too long.
    """

    search: str = ""
    datasets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    evaluated: bool = False
    pinned: bool = False
    sort: str = "created_at"
    descending: bool = True
    background: bool = False
    archived: bool = False
    grouped: bool = True

    def __post_init__(self) -> None:
        if self.sort not in SORTS:
            raise unknown_name("order", self.sort, SORTS)
        check_length(self.search, "The search", MAX_SEARCH_LENGTH)
        for field in fields(self):
            if isinstance(getattr(self, field.name), list | set):
                object.__setattr__(self, field.name, tuple(getattr(self, field.name)))


# Every run that lists can show, with runs that differ in the seed alone as one line.
ALL_LISTED = RunQuery(background=True, archived=True)


def listed() -> list[sa.ColumnElement[bool]]:
    """Return the conditions of all lists, as the indexes have them."""
    return [_runs.c.deleted_at.is_(None), _runs.c.seedless_digest.is_not(None)]


def conditions_of(query: RunQuery) -> list[sa.ColumnElement[bool]]:
    """Return what must be true of the rows that a query lists."""
    hidden = [_runs.c.background] * (not query.background) + [_runs.c.archived] * (not query.archived)
    # A case, by which SQLite chooses no index: nearly every run is in the foreground and not archived.
    conditions = listed() + [sa.case((sa.or_(sa.false(), *hidden), 1), else_=0) == 0] * bool(hidden)
    conditions += [_runs.c.evaluated] * query.evaluated + [_runs.c.pinned] * query.pinned
    chosen = {"dataset": query.datasets, "model": query.models, "state": query.states}
    conditions += [_runs.c[name].in_(_clean(values)) for name, values in chosen.items() if values]
    if query.recipes:
        of_none = [_runs.c.recipe.is_(None)] * ("" in query.recipes)
        conditions.append(sa.or_(_runs.c.recipe.in_(_clean(query.recipes)), *of_none))
    for tag in _clean(query.tags):
        conditions.append(_runs.c.digest.in_(sa.select(_tags.c.digest).where(_tags.c.tag == tag)))
    return conditions + [_found(word) for word in searchable(clean_line(query.search)).split()]


def segments_of(query: RunQuery) -> list[list[sa.ColumnElement[bool]]]:
    """Return further conditions that divide a query's rows into those that are listed first, next, and so on.

    Within each segment an index has the order, in both directions: it holds pinned runs or others, with a value of the
    sort column or without.
    """
    column = _runs.c[SORTS[query.sort]]
    known: list[list[sa.ColumnElement[bool]]] = [[]]
    if column.name not in _ALWAYS_KNOWN:
        known = [[column.is_not(None)], [column.is_(None)]]
    return [[pinned, *conditions] for pinned in (_runs.c.pinned, ~_runs.c.pinned) for conditions in known]


def order_of(query: RunQuery, *columns: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    """Return columns in the query's direction."""
    return [column.desc() if query.descending else column.asc() for column in columns]


def _found(word: str) -> sa.ColumnElement[bool]:
    """Return the condition that a case-folded word occurs in what a run is called."""
    names = {
        "dataset": _matching(word, {name: entry.label for name, entry in DATASETS.items()}),
        "model": _matching(word, {name: entry.label for name, entry in MODELS.items()}),
    }
    # A data set or model of a plugin that is gone is still found by its name.
    texts = [_runs.c.search_text, *(sa.func.lower(_runs.c[name]) for name in ("dataset", "model", "recipe"))]
    known = [_runs.c[name].in_(values) for name, values in names.items() if values]
    return sa.or_(*(text.contains(word, autoescape=True) for text in texts), *known)


def _matching(word: str, labels: Mapping[str, str]) -> list[str]:
    return [name for name, label in labels.items() if word in searchable(label)]


def _clean(values: Iterable[str]) -> list[str]:
    return [clean_line(value) for value in values]
