"""Catalogue: the kept runs as pages of a table, sorted, filtered, searched and grouped by the database."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from digitcore.errors import InvalidSetting
from digitcore.evaluation.comparison import summarise_accuracies
from digitcore.runs import schema
from digitcore.runs.database import chunks
from digitcore.runs.listed_columns import is_covered_row
from digitcore.runs.run import PARTS
from digitcore.runs.run_query import ALL_LISTED, SORTS, RunQuery, conditions_of, order_of, segments_of
from digitcore.runs.store import Store
from digitcore.specs.run_spec import RunSpec
from digitcore.specs.titles import spec_title

MIXED = "mixed"
_Row = dict[str, Any]
_runs, _epochs, _tags = schema.runs, schema.epochs, schema.tags
_FIGURES = ("gap", "n_epochs", "last_loss", "seconds")
_MEASURED = [name for part in PARTS for name in (f"{part}_accuracy", f"n_{part}")]
_MEMBER_COLUMNS = ["digest", "seedless_digest", "created_at", "state", "name", *_FIGURES, *_MEASURED]
_MEMBER_COLUMNS += ["pinned", "archived", "background"]
_NEWEST_COLUMNS = ["digest", "spec", "note", "reason", "recipe", "dataset", "model", "seed"]
_PART_COLUMNS = [f"{part}_{figure}" for part in PARTS for figure in ("accuracy", "low", "high", "sd")]
COLUMNS = (
    *("digest", "group", "n", "n_evaluated", "name", "tags", "note", "title", "recipe", "dataset", "model", "seed"),
    *("state", "reason", "pinned", "archived", "background", *_PART_COLUMNS, "n_train", "n_validation", "n_test"),
    *(*_FIGURES, "covered", "created_at"),
)


class Catalogue:
    """Answers which runs are kept, page by page. Safe to use from several threads.

    Parameters
    ----------
    store : Store
        Where the runs are.

    Examples
    --------
    >>> Catalogue(store).page(RunQuery(search="dropout", sort="test_accuracy"))
    """

    def __init__(self, store: Store):
        self._database = store.database

    def page(self, query: RunQuery, offset: int = 0, limit: int = 50) -> pd.DataFrame:
        """Return some lines of a list of runs, in its order.

        Parameters
        ----------
        query : RunQuery
            Which runs, and in which order.
        offset, limit : int
            Number of lines that come before, and how many to return at most.

        Returns
        -------
        DataFrame
            One row per run, or per group of runs that differ in the seed alone; the columns are :data:`COLUMNS`.
            ``n`` runs are in a line, ``n_evaluated`` of them have an accuracy. ``digest``, ``note``, ``reason``,
            ``title``, ``recipe`` and ``created_at`` (UTC) are those of the newest; ``name`` is the newest name;
            ``tags`` is a list of all. ``seed`` is missing, and ``state`` may be "mixed", where there are several.
            For each part ``..._accuracy`` (0 to 1) is the mean and ``..._sd`` the sample standard deviation;
            ``..._low`` and ``..._high`` are the 95 % interval, of the mean over seeds by Student's t distribution,
            or Wilson's for one accuracy. ``gap``, ``n_epochs``, ``last_loss`` (training loss of the last epoch) and
            ``seconds`` are means. ``covered``: whether test figures of a locked part are left out, see
            :mod:`digitcore.runs.part_locks`.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        with self._database.transaction("read") as connection:
            if not query.grouped:
                digests = _digests(connection, query, offset, limit)
                return _table(_lines(connection, query, _runs.c.digest, digests))
            groups = list(connection.scalars(_groups(query).offset(offset).limit(limit)))
            return _table(_lines(connection, query, _runs.c.seedless_digest, groups))

    def count(self, query: RunQuery) -> int:
        """Return the number of lines of a list: of runs, or of groups of them."""
        counted = sa.func.count(_runs.c.seedless_digest.distinct()) if query.grouped else sa.func.count()
        with self._database.transaction("read") as connection:
            return connection.scalar(sa.select(counted).select_from(_runs).where(*conditions_of(query))) or 0

    def digests(self, query: RunQuery) -> list[str]:
        """Return the digests of all runs of a list, in its order, each run for itself."""
        with self._database.transaction("read") as connection:
            return _digests(connection, query, 0, None)

    def members(self, group: str, query: RunQuery | None = None) -> pd.DataFrame:
        """Return the runs of a group, by seed, with the columns of :meth:`page`.

        Parameters
        ----------
        group : str
            As a line of :meth:`page` names it.
        query : RunQuery, optional
            Only the runs that this list chose. Default: all that are listed.
        """
        query = ALL_LISTED if query is None else query
        own = sa.select(_runs.c.digest).where(*conditions_of(query), _runs.c.seedless_digest == group)
        with self._database.transaction("read") as connection:
            digests = list(connection.scalars(own.order_by(_runs.c.seed, _runs.c.digest)))
            return _table(_lines(connection, query, _runs.c.digest, digests))

    def lines(self, digests: Sequence[str]) -> pd.DataFrame:
        """Return these runs, each for itself, with the columns of :meth:`page`; those that are gone are left out."""
        with self._database.transaction("read") as connection:
            kept: set[str] = set()
            for some in chunks(digests):
                own = sa.select(_runs.c.digest).where(*conditions_of(ALL_LISTED), _runs.c.digest.in_(some))
                kept.update(connection.scalars(own))
            return _table(_lines(connection, ALL_LISTED, _runs.c.digest, [each for each in digests if each in kept]))

    def latest(self, query: RunQuery) -> str | None:
        """Return the digest of the newest run of a list, whatever its order; None if the list is empty."""
        newest = sa.select(_runs.c.digest).order_by(_runs.c.created_at.desc(), _runs.c.digest.desc()).limit(1)
        with self._database.transaction("read") as connection:
            return connection.scalar(newest.where(*conditions_of(query)))

    def choices(self, query: RunQuery | None = None) -> dict[str, list[str]]:
        """Return the ``datasets``, ``models``, ``recipes``, ``states`` and ``tags`` by which lists can be filtered.

        Parameters
        ----------
        query : RunQuery, optional
            Of the runs of this list. Default: of all that are listed.
        """
        query = ALL_LISTED if query is None else query
        names = {"datasets": "dataset", "models": "model", "recipes": "recipe", "states": "state"}
        shown = conditions_of(query)
        columns = sa.select(*(_runs.c[name] for name in names.values())).where(*shown).distinct()
        tags = sa.select(_tags.c.tag).join(_runs, _runs.c.digest == _tags.c.digest).where(*shown).distinct()
        with self._database.transaction("read") as connection:
            rows = connection.execute(columns).all()
            found: dict[str, set[str]] = {name: {row[place] for row in rows} for place, name in enumerate(names)}
            found["tags"] = set(connection.scalars(tags))
        return {name: sorted(values - {None}) for name, values in found.items()}

    def loss_sparklines(self, digests: Sequence[str], n_points: int = 40) -> dict[str, list[float]]:
        """Return the training loss over the epochs of some runs, by digest; those without epochs are left out.

        Parameters
        ----------
        digests : sequence of str
            Of the runs.
        n_points : int
            About how many epochs to return of each run, from 2: the last one, and others at equal distances.

        Raises
        ------
        InvalidSetting
            If ``n_points`` is smaller than 2.
        """
        if n_points < 2:
            raise InvalidSetting(f"n_points must be at least 2, got {n_points}")
        losses: dict[str, list[float]] = defaultdict(list)
        with self._database.transaction("read") as connection:
            for some in chunks(digests):
                for digest, loss in connection.execute(_thinned_losses(some, n_points)):
                    losses[digest].append(loss)
        return dict(losses)

    def n_tested_alike(self, digest: str) -> int:
        """Return how many trainings were tested on the same images as this run, itself among them; 0 if it was not.

        The best of them was chosen from this many models. Archived and deleted runs count until they are purged; those
        whose test figures were covered all the time do not count, see :mod:`digitcore.runs.part_locks`.
        """
        own = sa.select(_runs.c.test_part).where(_runs.c.digest == digest, _runs.c.test_seen)
        alike = (_runs.c.test_part == own.scalar_subquery()) & _runs.c.test_seen
        with self._database.transaction("read") as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(_runs).where(alike)) or 0

    def n_unread(self) -> int:
        """Return the number of kept runs that no list shows, because this version cannot read their specs."""
        unread = sa.select(sa.func.count()).select_from(_runs).where(_runs.c.seedless_digest.is_(None))
        with self._database.transaction("read") as connection:
            return connection.scalar(unread) or 0


def _digests(connection: sa.Connection, query: RunQuery, offset: int, limit: int | None) -> list[str]:
    """Return the digests of the runs of a list, walking along an index from segment to segment."""
    digests: list[str] = []
    for segment in segments_of(query):
        chosen = [*conditions_of(query), *segment]
        order = order_of(query, _runs.c[SORTS[query.sort]], _runs.c.digest)
        rows = sa.select(_runs.c.digest).where(*chosen).order_by(*order)
        if offset or limit is not None:
            rows = rows.offset(offset).limit(limit)
        found = connection.scalars(rows).all()
        digests += found
        if limit is not None:
            limit -= len(found)
            if limit == 0:
                break
        if offset:
            n_rows = connection.scalar(sa.select(sa.func.count()).select_from(_runs).where(*chosen)) or 0
            offset = max(0, offset - n_rows)
    return digests


def _groups(query: RunQuery) -> sa.Select[tuple[str]]:
    """Return the query of the groups of a list in its order: by the newest time, the mean figure, the largest text."""
    column, group = _runs.c[SORTS[query.sort]], _runs.c.seedless_digest
    numeric = isinstance(column.type, sa.Float | sa.Integer)
    value = sa.func.avg(column) if numeric else sa.func.max(column)
    pinned = sa.func.max(sa.case((_runs.c.pinned, 1), else_=0))
    groups = sa.select(group).where(*conditions_of(query)).group_by(group)
    return groups.order_by(pinned.desc(), value.is_(None), *order_of(query, value, group))


def _lines(
    connection: sa.Connection, query: RunQuery, key: sa.ColumnElement[Any], keys: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the lines of a table whose runs have ``key`` in common, in the order of ``keys``."""
    members: dict[str, list[_Row]] = defaultdict(list)
    tags: dict[str, set[str]] = defaultdict(set)
    newest: dict[str, _Row] = {}
    for some in chunks(keys):
        # Of the runs of a group a filter may have chosen some only.
        chosen = [key.in_(some)] if key is _runs.c.digest else [*conditions_of(query), key.in_(some)]
        covered = (_runs.c.evaluated & is_covered_row()).label("covered")
        rows = sa.select(key.label("key"), *(_runs.c[name] for name in _MEMBER_COLUMNS), covered).where(*chosen)
        for row in connection.execute(rows.order_by(_runs.c.created_at.desc(), _runs.c.digest.desc())):
            members[row[0]].append(dict(zip((*_MEMBER_COLUMNS, "covered"), row[1:], strict=True)))
        tagged = sa.select(key, _tags.c.tag).join(_tags, _tags.c.digest == _runs.c.digest).where(*chosen).distinct()
        for each, tag in connection.execute(tagged):
            tags[each].add(tag)
        shown = [members[each][0]["digest"] for each in some if each in members]
        own = sa.select(*(_runs.c[name] for name in _NEWEST_COLUMNS)).where(_runs.c.digest.in_(shown))
        newest |= {row.digest: dict(row._mapping) for row in connection.execute(own)}
    # Another server may have removed one since its digest was read.
    whole = [each for each in keys if each in members and members[each][0]["digest"] in newest]
    return [_line(members[each], newest[members[each][0]["digest"]], tags[each]) for each in whole]


def _line(members: Sequence[_Row], newest: _Row, tags: Collection[str]) -> dict[str, Any]:
    alone, states = len(members) == 1, {row["state"] for row in members}
    line = {
        "digest": newest["digest"],
        "group": members[0]["seedless_digest"],
        "n": len(members),
        "n_evaluated": max(sum(row[f"{part}_accuracy"] is not None for row in members) for part in PARTS),
        "name": next((row["name"] for row in members if row["name"]), ""),
        "tags": sorted(tags),
        "title": _title(newest["spec"], alone) or f"{newest['dataset']}, {newest['model']}",
        "seed": newest["seed"] if alone else None,
        "state": states.pop() if len(states) == 1 else MIXED,
        "pinned": any(row["pinned"] for row in members),
        "archived": all(row["archived"] for row in members),
        "background": all(row["background"] for row in members),
        "covered": any(row["covered"] for row in members),
        "created_at": members[0]["created_at"].replace(tzinfo=UTC),
    }
    line |= {name: newest[name] for name in ("note", "reason", "recipe", "dataset", "model")}
    for part in PARTS:
        line |= _accuracy_of(part, members)
    return line | {name: _mean([row[name] for row in members]) for name in _FIGURES}


def _accuracy_of(part: str, members: Sequence[_Row]) -> dict[str, Any]:
    """Return the mean accuracy of a part with its interval: over seeds, or of a single accuracy by its images."""
    accuracies = [row[f"{part}_accuracy"] for row in members if row[f"{part}_accuracy"] is not None]
    if not accuracies:
        return {}
    n_images = next(row[f"n_{part}"] for row in members if row[f"n_{part}"])
    summary = summarise_accuracies(accuracies, n_images)
    values = {"accuracy": summary.mean, "low": summary.low, "high": summary.high, "sd": summary.sd}
    return {f"n_{part}": n_images, **{f"{part}_{figure}": value for figure, value in values.items()}}


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan


def _table(lines: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    columns: dict[str, Any] = {name: [line.get(name) for line in lines] for name in COLUMNS}
    columns |= {name: np.array(columns[name], dtype=float) for name in (*_PART_COLUMNS, *_FIGURES)}
    columns["created_at"] = pd.DatetimeIndex(columns["created_at"], dtype="datetime64[us, UTC]")
    return pd.DataFrame(columns)


@lru_cache(maxsize=4096)
def _title(spec: str, with_seed: bool) -> str:
    """Return a spec in a few words; empty where it names what this version does not know."""
    try:
        return spec_title(RunSpec.from_json(spec), varied=() if with_seed else ("seed",))
    except InvalidSetting:
        return ""


def _thinned_losses(digests: Sequence[str], n_points: int) -> sa.Select[tuple[str, float]]:
    """Return the query of every nth training loss of some runs, counted back from the last epoch."""
    own = _epochs.c.digest.in_(digests)
    last = sa.select(_epochs.c.digest, sa.func.max(_epochs.c.number).label("number")).where(own)
    ends = last.group_by(_epochs.c.digest).subquery()
    step = (ends.c.number + n_points - 1) // n_points
    kept = (ends.c.number - _epochs.c.number) % step == 0
    query = sa.select(_epochs.c.digest, _epochs.c.train_loss).join(ends, ends.c.digest == _epochs.c.digest)
    return query.where(own, kept).order_by(_epochs.c.digest, _epochs.c.number)
