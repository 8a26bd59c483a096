"""The store's database: its URL and driver, its connections and transactions, and its errors in one sentence."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from digitcore.errors import StoreError

# SQLite: how long a statement waits for another process that writes.
BUSY_SECONDS = 5.0
# Execution option of a connection: its transactions write, and so wait for other writers at their begin.
WRITES = "digitcore_writes"
# Parameters of one statement that SQLite takes at least.
_AT_ONCE = 500
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


class Database:
    """The database of a store. Safe to use from several threads.

    Parameters
    ----------
    url : URL
        One of :func:`read_url`.
    home : Path
        The store's directory, which messages name.

    Attributes
    ----------
    engine : Engine
        Its pool of connections.

    Raises
    ------
    StoreError
        If the URL's driver is not installed.
    """

    def __init__(self, url: sa.URL, home: Path):
        self.url, self._home = url, home
        self.engine = create_engine(url)

    @property
    def name(self) -> str:
        """The database as messages name it, without its password."""
        return self.url.render_as_string(hide_password=True) if self.url.host else str(self.url.database)

    @contextlib.contextmanager
    def transaction(self, action: str) -> Iterator[sa.Connection]:
        """Connect and begin a transaction, which ends with the block: committed, or undone by an exception.

        Parameters
        ----------
        action : str
            What it does, as a verb for messages. "write" and "prepare" wait for other writers at their begin.

        Raises
        ------
        StoreError
            If the database refuses something, in one sentence.
        """
        with self.translated(action), self.engine.connect() as connection:
            connection.execution_options(**{WRITES: action in ("write", "prepare")})
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def translated(self, action: str) -> Iterator[None]:
        """Turn the database's and the file system's errors into a StoreError of one sentence."""
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(self._sentence(action, str(getattr(error, "orig", None) or error))) from error
        except StoreError:
            raise
        except OSError as error:
            raise StoreError(self._sentence(action, error.strerror or str(error))) from error

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def _sentence(self, action: str, cause: str) -> str:
        cause = cause.strip().splitlines()[0] if cause.strip() else "unknown cause"
        lowered = cause.lower()
        if "full" in lowered or "no space left" in lowered:
            return f"The disk under {self._home} is full: free some space, and the runs will be kept again."
        if "not a database" in lowered or "malformed" in lowered:
            return (
                f"The store {self.name} is not a database (or a damaged one): move that file away, or set "
                "DIGITCORE_STORE to another store."
            )
        if "locked" in lowered:
            return f"The store {self.name} is locked by another process that writes to it: wait for it, or end it."
        return f"Cannot {action} the store {self.name}: {cause}."


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values in pieces that fit into one statement of every database."""
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


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
