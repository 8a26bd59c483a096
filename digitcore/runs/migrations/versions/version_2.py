"""The tables as they were when migrations began; they stay so, whatever :mod:`digitcore.runs.schema` becomes."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2", None

metadata = sa.MetaData()
sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evaluation", sa.JSON, nullable=False),
    sa.Column("evaluated", sa.Boolean, nullable=False),
    sa.Column("background", sa.Boolean, nullable=False),
    sa.Column("stop_requested", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Index("ix_runs_listed", "created_at", "digest"),
    sa.Index("ix_runs_listed_foreground", "background", "created_at", "digest"),
    sa.Index("ix_runs_listed_evaluated", "evaluated", "created_at", "digest"),
    sa.Index("ix_runs_listed_evaluated_foreground", "evaluated", "background", "created_at", "digest"),
)
sa.Table(
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
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
)
sa.Table(
    "owners",
    metadata,
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("beats", sa.Integer, nullable=False),
)


def upgrade() -> None:
    """Make the tables that are missing."""
    metadata.create_all(op.get_bind())
