"""Who started a training, so that on another server of the same store nobody else stops it."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "5", "4"


def upgrade() -> None:
    """Add the column of runs; of those so far it is not known."""
    op.add_column("runs", sa.Column("starter", sa.String(32), nullable=False, server_default=""))
