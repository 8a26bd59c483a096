"""What alembic runs: the migrations, in the transaction that the store has begun."""

from alembic import context

from digitcore.runs.schema import metadata

# SQLite cannot change a column in place: batches copy the table.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
