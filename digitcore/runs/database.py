"""The store's database: its URL, its driver, and how connections to SQLite are set up."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from digitcore.errors import StoreError

# SQLite: how long a statement waits for another process that writes.
BUSY_SECONDS = 5.0
# Execution option of a connection: its transactions write, and so wait for other writers at their begin.
WRITES = "digitcore_writes"
_URL_EXAMPLES = "sqlite:////folder/runs.db or postgresql+psycopg://user:password@host/database"


def read_url(url: str) -> sa.URL:
    """Return the URL of a SQLite or PostgreSQL database.

    Raises
    ------
    StoreError
        If it is none. The message leaves the URL out, for it may hold a password.
    """
    try:
        read = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError(
            f"DIGITCORE_STORE is not the URL of a database: set it to one such as {_URL_EXAMPLES}, or unset it."
        ) from None
    if read.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            f"Runs are kept in SQLite or PostgreSQL, DIGITCORE_STORE names {read.get_backend_name()}: "
            f"set it to a URL such as {_URL_EXAMPLES}."
        )
    return read


def create_engine(url: sa.URL) -> sa.Engine:
    """Return an engine for a URL of :func:`read_url`.

    Raises
    ------
    StoreError
        If its driver is not installed.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    try:
        # Where a PostgreSQL server was set up without a locale, psycopg would else return texts as bytes.
        of_psycopg = {"client_encoding": "utf8"} if url.get_driver_name().startswith("psycopg") else {}
        arguments = {"timeout": BUSY_SECONDS} if is_sqlite else of_psycopg
        engine = sa.create_engine(url, connect_args=arguments, pool_pre_ping=not is_sqlite)
    except (ImportError, NoSuchModuleError):
        raise StoreError(_missing_driver(url)) from None
    if is_sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _missing_driver(url: sa.URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"The driver of DIGITCORE_STORE's {url.drivername} is not installed: write sqlite:// instead."
    install = "run pip install -e '.[postgresql]' in digitcore's directory"
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        return f"The driver psycopg of DIGITCORE_STORE's database is not installed: {install}."
    return (
        f"The driver of DIGITCORE_STORE's {url.drivername} is not installed: write postgresql+psycopg:// instead, "
        f"and {install}."
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transactions would begin only with the first change, after what that is decided by was read.
    connection.isolation_level = None
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            # Readers never wait for the writer; a killed process loses nothing that was committed.
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            # This change alone does not wait for another process that makes it, too.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
