"""PartLocks: which test parts are locked, and whose test figures were opened.

Every look at a test part, and every choice by it, makes its figures a little less honest. A part that is locked keeps
the figures of all its runs covered, on pages and in lists, until somebody opens those of one run; that is noted with
the run, and cannot be undone. Python is not kept out: ``Store.load`` and ``Engine.run`` return all figures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from digitcore.errors import InvalidSetting, NotAllowed, StoreError
from digitcore.runs import schema
from digitcore.runs.listed_columns import columns_of_evaluation, cover_test_figures, is_covered_row, test_part_digest
from digitcore.runs.run import Evaluation, Run
from digitcore.runs.store import Store
from digitcore.specs.run_spec import RunSpec

# What other servers on the same store lock and open is seen after so many seconds.
LOOK_SECONDS = 1.0
NOT_ALLOWED = 'Test parts are locked and opened by nobody on this server: its setting "edit" is "nobody".'
_runs, _locked = schema.runs, schema.locked_test_parts


class PartLocks:
    """Locks test parts and opens the test figures of runs. Safe to use from several threads and several servers.

    A test part is that of all runs with the same data set and the same settings of what their split draws it by.

    Parameters
    ----------
    store : Store
        Where runs and locks are kept.
    allowed : bool
        Whether parts may be locked and figures opened here.
    """

    def __init__(self, store: Store, *, allowed: bool = True):
        self.allowed = allowed
        self._database = store.database
        self._lock = threading.Lock()
        self._parts: frozenset[str] | None = None
        self._opened: dict[str, datetime] = {}
        # Number of openings, and the time of the last one: with another value they are read anew.
        self._openings: tuple[int, datetime | None] = (0, None)
        self._looked_at = -LOOK_SECONDS

    def lock_part(self, spec: RunSpec) -> None:
        """Lock the test part of a spec: the test figures of all its runs are covered, also of runs to come.

        Raises
        ------
        InvalidSetting
            If the spec has no test part.
        NotAllowed
            If nobody may lock parts here.
        StoreError
            If the store cannot be written.
        """
        if not has_test_part(spec):
            raise InvalidSetting("These settings have no test part to lock: give the split a test size above 0")
        part = test_part_digest(spec)
        self._check_allowed()
        with self._database.transaction("write") as connection:
            schema.insert_if_new(connection, _locked, {"test_part": part, "locked_at": _now()})
            cover_test_figures(connection, _runs.c.test_part == part)
        self._look_again()

    def unlock_part(self, spec: RunSpec) -> None:
        """Unlock the test part of a spec, which opens the test figures of all its runs, and notes that with each.

        Raises
        ------
        NotAllowed
            If nobody may open figures here.
        StoreError
            If the store cannot be written.
        """
        part = test_part_digest(spec)
        self._check_allowed()
        with self._database.transaction("write") as connection:
            rows = sa.select(_runs.c.digest).where(_runs.c.test_part == part, _runs.c.evaluated, is_covered_row())
            digests = list(connection.scalars(rows.order_by(_runs.c.digest).with_for_update()))
            _open(connection, digests)
            connection.execute(sa.delete(_locked).where(_locked.c.test_part == part))
        self._look_again()

    def open_test_figures(self, digest: str) -> None:
        """Open the test figures of a run for good, and note when; of a run that is not covered nothing changes.

        Raises
        ------
        InvalidSetting
            If the run is not kept, or has no results yet.
        NotAllowed
            If nobody may open figures here.
        StoreError
            If the store cannot be written.
        """
        self._check_allowed()
        with self._database.transaction("write") as connection:
            there = (_runs.c.digest == digest) & _runs.c.deleted_at.is_(None) & _runs.c.evaluated
            if connection.scalar(sa.select(_runs.c.digest).where(there).with_for_update()) is None:
                raise InvalidSetting(f"The run {digest} has no results to open: train it to its end first")
            if connection.scalar(sa.select(_runs.c.digest).where(there, is_covered_row())) is not None:
                _open(connection, [digest])
        self._look_again()

    def is_locked(self, spec: RunSpec) -> bool:
        """Return True if the test part of a spec is locked.

        Raises
        ------
        StoreError
            If the store cannot be read for the first time.
        """
        parts = self._look()
        return bool(parts) and test_part_digest(spec) in parts

    def covers(self, run: Run) -> bool:
        """Return True if the test figures of a run are to be covered: its part is locked and they were not opened."""
        return self.is_locked(run.spec) and self.opened_at(run.digest) is None

    def is_covered(self, digest: str) -> bool:
        """Return True if the test figures of the run of this digest are to be covered; False if there is no such run.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        if not self._look():
            return False
        with self._database.transaction("read") as connection:
            query = sa.select(_runs.c.digest).where(_runs.c.digest == digest, is_covered_row())
            return connection.scalar(query) is not None

    def opened_at(self, digest: str) -> datetime | None:
        """Return when the test figures of a run were opened, UTC; None if they never were covered, or still are.

        Raises
        ------
        StoreError
            If the store cannot be read for the first time.
        """
        self._look()
        return self._opened.get(digest)

    @property
    def state(self) -> Hashable:
        """What is another value after each lock, unlocking and opening: what was drawn before may be out of date."""
        return self._look(), self._openings

    def _check_allowed(self) -> None:
        if not self.allowed:
            raise NotAllowed(NOT_ALLOWED)

    def _look_again(self) -> None:
        with self._lock:
            self._looked_at = -LOOK_SECONDS
        self._look()

    def _look(self) -> frozenset[str]:
        """Return the locked parts, as they were at most a second ago."""
        with self._lock:
            if self._parts is not None and time.monotonic() - self._looked_at < LOOK_SECONDS:
                return self._parts
            try:
                with self._database.transaction("read") as connection:
                    self._parts = frozenset(connection.scalars(sa.select(_locked.c.test_part)))
                    self._read_openings(connection)
            except StoreError:
                if self._parts is None:
                    raise
            self._looked_at = time.monotonic()
            return self._parts

    def _read_openings(self, connection: sa.Connection) -> None:
        opened_at = _runs.c.test_opened_at
        counted = sa.select(sa.func.count(opened_at), sa.func.max(opened_at)).where(opened_at.is_not(None))
        openings = tuple(connection.execute(counted).one())
        if openings != self._openings:
            rows = connection.execute(sa.select(_runs.c.digest, opened_at).where(opened_at.is_not(None)))
            self._opened = {digest: opened.replace(tzinfo=UTC) for digest, opened in rows}
            self._openings = openings


def has_test_part(spec: RunSpec) -> bool:
    """Return True if some images are kept for testing."""
    return spec.split.kind == "official" or spec.split.test_size > 0


def _open(connection: sa.Connection, digests: Sequence[str]) -> None:
    """Open the figures of runs, and let lists have them again."""
    rows = []
    for digest in digests:
        kept = connection.scalar(sa.select(_runs.c.evaluation).where(_runs.c.digest == digest))
        columns = columns_of_evaluation(Evaluation.from_json(kept or {}))
        rows.append({"run": digest, "accuracy": columns["test_accuracy"], "difference": columns["gap"]})
    if rows:
        values = {"test_accuracy": sa.bindparam("accuracy"), "gap": sa.bindparam("difference")}
        own = _runs.c.digest == sa.bindparam("run")
        opened = sa.update(_runs).where(own).values(**values, test_seen=True, test_opened_at=_now())
        connection.execute(opened, rows)


def _now() -> datetime:
    """UTC without a zone: SQLite keeps none."""
    return datetime.now(UTC).replace(tzinfo=None)
