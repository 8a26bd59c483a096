"""How stores of older versions are brought up to date.

From version 2 on each change of :mod:`digitcore.runs.schema` has a file in ``versions/``, run by alembic: its revision
is the version's number, and :data:`digitcore.runs.schema.SCHEMA_VERSION` that of the last one.
"""
