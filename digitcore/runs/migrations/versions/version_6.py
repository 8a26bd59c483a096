"""Adds who started each experiment, and whether another server on the store was asked to stop it."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "6", "5"


def upgrade() -> None:
    """Add the columns of experiments; who started those that are kept is not known."""
    op.add_column("experiments", sa.Column("starter", sa.String(32), nullable=False, server_default=""))
    op.add_column("experiments", sa.Column("stop_requested", sa.Boolean, nullable=False, server_default=sa.false()))
