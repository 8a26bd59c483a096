"""The tables as they were when migrations began."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2", None


def upgrade() -> None:
    """Make the tables; stores that have them are only marked."""
    op.create_table("schema_version", sa.Column("version", sa.Integer, primary_key=True))
    op.create_table(
        "runs",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evaluation", sa.JSON, nullable=False),
        sa.Column("evaluated", sa.Boolean, nullable=False),
        sa.Column("background", sa.Boolean, nullable=False),
        sa.Column("stop_requested", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
    )
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_index("ix_runs_listed", "runs", ["created_at", "digest"])
    op.create_index("ix_runs_listed_foreground", "runs", ["background", "created_at", "digest"])
    op.create_index("ix_runs_listed_evaluated", "runs", ["evaluated", "created_at", "digest"])
    op.create_index("ix_runs_listed_evaluated_foreground", "runs", ["evaluated", "background", "created_at", "digest"])
    op.create_table(
        "epochs",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("train_loss", sa.Float, nullable=False),
        sa.Column("train_accuracy", sa.Float, nullable=False),
        sa.Column("validation_loss", sa.Float),
        sa.Column("validation_accuracy", sa.Float),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "experiments",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
    )
    op.create_index("ix_experiments_state", "experiments", ["state"])
    op.create_index("ix_experiments_created_at", "experiments", ["created_at"])
    op.create_table(
        "owners",
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("beats", sa.Integer, nullable=False),
    )
