"""Adds who started each run, which other servers on the store need to know, and tables that are computed of runs."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "5", "4"


def upgrade() -> None:
    """Add the column of runs, where it is not known so far, and the table of findings."""
    op.add_column("runs", sa.Column("starter", sa.String(32), nullable=False, server_default=""))
    op.create_table(
        "findings",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, index=True),
        sa.Column("content", sa.Text, nullable=False),
    )
