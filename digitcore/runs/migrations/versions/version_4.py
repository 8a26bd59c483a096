"""Locked test parts, whose figures lists leave out, and when each run's test figures were opened or first seen."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "4", "3"


def upgrade() -> None:
    """Add the table of locked parts and the columns of runs; the figures of all runs so far have been seen."""
    op.create_table(
        "locked_test_parts",
        sa.Column("test_part", sa.String(64), primary_key=True),
        sa.Column("locked_at", sa.DateTime, nullable=False),
    )
    op.add_column("runs", sa.Column("test_seen", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("test_opened_at", sa.DateTime))
    runs = sa.table("runs", sa.column("test_seen", sa.Boolean), sa.column("test_accuracy", sa.Float))
    op.execute(sa.update(runs).where(runs.c.test_accuracy.is_not(None)).values(test_seen=True))
    op.drop_index("ix_runs_tested_alike", "runs")
    _create_index("ix_runs_seen_alike", "test_part", "test_seen", "test_seen = 1")
    _create_index("ix_runs_opened", "test_opened_at", "test_opened_at IS NOT NULL", "test_opened_at IS NOT NULL")


def _create_index(name: str, column: str, where: str, sqlite_where: str) -> None:
    op.create_index(name, "runs", [column], sqlite_where=sa.text(sqlite_where), postgresql_where=sa.text(where))
