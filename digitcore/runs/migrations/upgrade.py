"""Bring a store's tables up to date."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from digitcore.runs import schema
from digitcore.runs.migrations.version_1 import migrate_from_1

log = logging.getLogger(__name__)

FIRST = 2
# Any number will do, as long as no other program of the same PostgreSQL database locks it.
_PREPARING = 7_304_991_216_020
_HERE = Path(__file__).parent
VERSION_FOLDERS = [_HERE / "versions"]


def prepare(connection: sa.Connection) -> int:
    """Make or bring up to date the tables, in the given transaction, and return the version that they have then.

    Of several processes that open a store at once one makes the tables, and the others wait for it. A version that is
    not known is left as it is; one that is older is copied first.
    """
    if connection.dialect.name == "postgresql":
        # Held until the transaction ends; SQLite's own write transactions exclude each other.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARING)))
    version = schema.read_version(connection)
    if version is not None and version >= schema.SCHEMA_VERSION:
        return version
    if version is not None:
        where = back_up(connection, version, schema.metadata.tables)
        log.warning(
            "The store has version %d and becomes one of version %d; a copy: %s", version, schema.SCHEMA_VERSION, where
        )
    version = upgrade(connection, version)
    # What earlier versions look at, which know no migrations.
    connection.execute(sa.delete(schema.versions))
    connection.execute(sa.insert(schema.versions).values(version=version))
    return version


def upgrade(connection: sa.Connection, version: int | None) -> int:
    """Run the migrations after ``version`` in the given transaction, and return the version of the tables then.

    Parameters
    ----------
    connection : Connection
        In a transaction that writes: if a migration fails, the tables stay as they were.
    version : int or None
        Of the tables, from 1; None where there are none yet.
    """
    config = _config(connection)
    if version is not None:
        if version < FIRST:
            migrate_from_1(connection)
        if not sa.inspect(connection).has_table("alembic_version"):
            command.stamp(config, str(max(version, FIRST)))
    command.upgrade(config, "head")
    return int(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))


def back_up(connection: sa.Connection, version: int, tables: Mapping[str, sa.Table]) -> str:
    """Copy a store before its tables are changed, unless a copy of this version is there, and return where it is.

    SQLite's file is copied beside itself, PostgreSQL's tables within their database.

    Parameters
    ----------
    connection : Connection
        In a transaction; a copy of a SQLite file is made before that has changed anything.
    version : int
        Of the tables.
    tables : mapping of str to Table
        All of them, by name.
    """
    if connection.dialect.name == "sqlite":
        path = connection.engine.url.database
        copy = f"{path}.version-{version}"
        if not Path(copy).exists():
            unfinished = f"{copy}.unfinished"
            Path(unfinished).unlink(missing_ok=True)
            with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
                other.connection.driver_connection.execute("VACUUM INTO ?", (unfinished,))
            Path(unfinished).rename(copy)
        return copy
    there = set(sa.inspect(connection).get_table_names())
    for name in set(tables) & there:
        copy = f"{name}_of_version_{version}"
        if copy not in there:
            connection.exec_driver_sql(f'CREATE TABLE "{copy}" AS TABLE "{name}"')
    return f"the tables *_of_version_{version}"


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("version_locations", "\n".join(map(str, VERSION_FOLDERS)).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config
