"""What visitors write about runs, and columns by which lists of runs are sorted, filtered and grouped.

The columns of specs and results are filled by :func:`digitcore.runs.listed_columns.fill_in`, in the same transaction.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision = "3", "2"

LISTED = sa.text("deleted_at IS NULL AND seedless_digest IS NOT NULL")
SORTED = (
    *("created_at", "sort_name", "dataset", "model", "recipe", "state", "train_accuracy", "validation_accuracy"),
    *("test_accuracy", "gap", "n_epochs", "last_loss", "seconds"),
)


def upgrade() -> None:
    """Add the columns, their indexes, and the table of tags."""
    for column in _columns():
        op.add_column("runs", column)
    for name in SORTED:
        _create_index(f"ix_runs_by_{name}", ("pinned", name, "digest", "background", "archived"), LISTED)
    listed = ("seedless_digest", "background", "archived", "pinned", "created_at", "seconds", "n_epochs", "last_loss")
    figures = ("train_accuracy", "validation_accuracy", "test_accuracy", "gap")
    _create_index("ix_runs_grouped", (*listed, *figures), LISTED)
    _create_index("ix_runs_tested_alike", ("test_part",), sa.text("test_accuracy IS NOT NULL"))
    _create_index("ix_runs_deleted", ("deleted_at",), sa.text("deleted_at IS NOT NULL"))
    _create_index("ix_runs_unread", ("digest",), sa.text("seedless_digest IS NULL"))
    op.create_table(
        "run_tags",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
    )
    op.create_index("ix_run_tags_by_tag", "run_tags", ["tag", "digest"])


def _create_index(name: str, columns: tuple[str, ...], where: sa.TextClause) -> None:
    op.create_index(name, "runs", list(columns), sqlite_where=where, postgresql_where=where)


def _columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("deleted_at", sa.DateTime),
        sa.Column("sort_name", sa.Text),
        sa.Column("search_text", sa.Text, nullable=False, server_default=""),
        *(sa.Column(name, sa.Text) for name in ("dataset", "model", "recipe")),
        sa.Column("seed", sa.BigInteger),
        *(sa.Column(name, sa.String(64)) for name in ("seedless_digest", "test_part")),
        *(sa.Column(name, sa.Float) for name in ("train_accuracy", "validation_accuracy", "test_accuracy", "gap")),
        *(sa.Column(name, sa.Integer) for name in ("n_train", "n_validation", "n_test", "n_epochs")),
        sa.Column("last_loss", sa.Float),
    )
