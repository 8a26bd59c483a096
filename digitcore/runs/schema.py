"""The tables of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

# The revision of the last file in migrations/versions.
SCHEMA_VERSION = 6
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

# Lists leave out runs that were deleted, and those whose spec this version could not read.
_LISTED = sa.text("deleted_at IS NULL AND seedless_digest IS NOT NULL")
# Lists are sorted by one of these columns; each has an index that also answers which runs are listed.
SORT_COLUMNS = (
    "created_at",
    "sort_name",
    "dataset",
    "model",
    "recipe",
    "state",
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "gap",
    "n_epochs",
    "last_loss",
    "seconds",
)


def _partial_index(name: str, *columns: str, where: sa.TextClause, sqlite: sa.TextClause | None = None) -> sa.Index:
    return sa.Index(name, *columns, sqlite_where=where if sqlite is None else sqlite, postgresql_where=where)


metadata = sa.MetaData()
versions = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("evaluation", sa.JSON, nullable=False, default=dict),
    sa.Column("evaluated", sa.Boolean, nullable=False, default=False),
    # Submitted only by an experiment: lists of runs leave it out.
    sa.Column("background", sa.Boolean, nullable=False, default=False),
    sa.Column("stop_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
    sa.Column("owner", sa.String(200), nullable=False),
    # Which visitor started the training, as limits.visitor_key tells it; empty for calls from Python.
    sa.Column("starter", sa.String(32), nullable=False, default="", server_default=""),
    # What visitors write. Other servers may still insert rows that lack it.
    sa.Column("name", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("note", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("pinned", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("archived", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("deleted_at", sa.DateTime),
    # The name for sorting, NULL without one; name, note and tags for searching. Both are case-folded.
    sa.Column("sort_name", sa.Text),
    sa.Column("search_text", sa.Text, nullable=False, default="", server_default=""),
    # What lists show of spec, evaluation and epochs, so that no query reads JSON; see listed_columns.py.
    sa.Column("dataset", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("recipe", sa.Text),
    sa.Column("seed", sa.BigInteger),
    sa.Column("seedless_digest", sa.String(64)),
    sa.Column("test_part", sa.String(64)),
    sa.Column("train_accuracy", sa.Float),
    sa.Column("validation_accuracy", sa.Float),
    sa.Column("test_accuracy", sa.Float),
    sa.Column("n_train", sa.Integer),
    sa.Column("n_validation", sa.Integer),
    sa.Column("n_test", sa.Integer),
    sa.Column("gap", sa.Float),
    sa.Column("n_epochs", sa.Integer),
    sa.Column("last_loss", sa.Float),
    # Whether the test figures were ever in a list, and when those of a locked part were opened; see part_locks.py.
    sa.Column("test_seen", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("test_opened_at", sa.DateTime),
    *(
        _partial_index(f"ix_runs_by_{name}", "pinned", name, "digest", "background", "archived", where=_LISTED)
        for name in SORT_COLUMNS
    ),
    # Holds all figures by which groups are sorted, so that no row of the table is read.
    _partial_index(
        "ix_runs_grouped",
        *("seedless_digest", "background", "archived", "pinned", "created_at", "seconds", "n_epochs", "last_loss"),
        *("train_accuracy", "validation_accuracy", "test_accuracy", "gap"),
        where=_LISTED,
    ),
    # SQLite has no booleans: a query's condition has to be that of the index, letter by letter.
    _partial_index("ix_runs_seen_alike", "test_part", where=sa.text("test_seen"), sqlite=sa.text("test_seen = 1")),
    _partial_index("ix_runs_opened", "test_opened_at", where=sa.text("test_opened_at IS NOT NULL")),
    _partial_index("ix_runs_deleted", "deleted_at", where=sa.text("deleted_at IS NOT NULL")),
    _partial_index("ix_runs_unread", "digest", where=sa.text("seedless_digest IS NULL")),
    # One for each kind of list, in its order.
    sa.Index("ix_runs_listed", "created_at", "digest"),
    sa.Index("ix_runs_listed_foreground", "background", "created_at", "digest"),
    sa.Index("ix_runs_listed_evaluated", "evaluated", "created_at", "digest"),
    sa.Index("ix_runs_listed_evaluated_foreground", "evaluated", "background", "created_at", "digest"),
)
locked_test_parts = sa.Table(
    "locked_test_parts",
    metadata,
    sa.Column("test_part", sa.String(64), primary_key=True),
    sa.Column("locked_at", sa.DateTime, nullable=False),
)
tags = sa.Table(
    "run_tags",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Index("ix_run_tags_by_tag", "tag", "digest"),
)
epochs = sa.Table(
    "epochs",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("train_loss", sa.Float, nullable=False),
    sa.Column("train_accuracy", sa.Float, nullable=False),
    sa.Column("validation_loss", sa.Float),
    sa.Column("validation_accuracy", sa.Float),
    sa.Column("seconds", sa.Float, nullable=False),
)
# Tables that were computed of a run after its end, such as its robustness, as JSON; gone with its next attempt.
findings = sa.Table(
    "findings",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("content", sa.Text, nullable=False),
)
experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("created_at", sa.DateTime, nullable=False, index=True),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("owner", sa.String(200), nullable=False),
    # As those of runs.
    sa.Column("starter", sa.String(32), nullable=False, default="", server_default=""),
    sa.Column("stop_requested", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
)
# Heartbeats are counted, not dated: hosts' clocks differ and are set.
owners = sa.Table(
    "owners",
    metadata,
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("beats", sa.Integer, nullable=False),
)


def read_version(connection: sa.Connection) -> int | None:
    """Return the version of the store's tables, or None when there are none."""
    inspector = sa.inspect(connection)
    version = connection.scalar(sa.select(versions.c.version)) if inspector.has_table(versions.name) else None
    if version is None and inspector.has_table(runs.name):
        return 1  # whose first server was killed between the tables and their version
    return version


def insert_if_new(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert a row, unless one of the same key is there, and return whether it was inserted."""
    insert = _INSERT[connection.dialect.name](table).values(row).on_conflict_do_nothing()
    return connection.execute(insert, execution_options={"preserve_rowcount": True}).rowcount == 1


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of the rows whose keys are not there yet."""
    connection.execute(_INSERT[connection.dialect.name](table).on_conflict_do_nothing(), rows)
