"""From version 1, whose heartbeats were dated, to version 2."""

from __future__ import annotations

import sqlalchemy as sa

from digitcore.runs.migrations.versions.version_2 import experiments, metadata, runs


def migrate_from_1(connection: sa.Connection) -> None:
    """Copy runs and experiments into new tables, without their dated heartbeats.

    Version 1 kept the digests of background runs in a table, which a store of its first days lacks.
    """
    backgrounds = sa.table("background_runs", sa.column("digest"))
    old = {table: _set_aside(connection, table) for table in (runs, experiments) if _is_there(connection, table.name)}
    metadata.create_all(connection)
    background_digests = sa.select(backgrounds.c.digest) if _is_there(connection, backgrounds.name) else [""]
    for table, aside in old.items():
        computed = {
            "evaluated": sa.cast(sa.column("evaluation"), sa.Text).not_in(["{}", "null"]),
            "background": sa.column("digest").in_(background_digests),
            "stop_requested": sa.false(),
        }
        values = {column.name: computed.get(column.name, sa.column(column.name)) for column in table.columns}
        query = sa.select(*values.values()).select_from(aside)
        connection.execute(sa.insert(table).from_select(list(values), query))
        connection.exec_driver_sql(f"DROP TABLE {aside.name}")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {backgrounds.name}")


def _set_aside(connection: sa.Connection, table: sa.Table) -> sa.TableClause:
    aside = sa.table(f"{table.name}_version_1")
    # The new table's indexes take their names.
    for index in sa.inspect(connection).get_indexes(table.name):
        connection.exec_driver_sql(f"DROP INDEX {index['name']}")
    connection.exec_driver_sql(f"ALTER TABLE {table.name} RENAME TO {aside.name}")
    return aside


def _is_there(connection: sa.Connection, name: str) -> bool:
    return sa.inspect(connection).has_table(name)
