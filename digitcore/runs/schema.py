"""The tables of the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

# The revision of the last file in migrations/versions.
SCHEMA_VERSION = 2
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

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
    # One for each kind of list, in its order.
    sa.Index("ix_runs_listed", "created_at", "digest"),
    sa.Index("ix_runs_listed_foreground", "background", "created_at", "digest"),
    sa.Index("ix_runs_listed_evaluated", "evaluated", "created_at", "digest"),
    sa.Index("ix_runs_listed_evaluated_foreground", "evaluated", "background", "created_at", "digest"),
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
