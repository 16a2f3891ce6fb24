"""Opening the database: one SQLite file in WAL mode, its schema made or checked."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy

from webhookd.errors import StorageError
from webhookd.storage import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_SECONDS = 5.0
"""How long a connection waits for another process's lock before it gives up."""


class Database:
    """The engine, and the two kinds of connection that come from it.

    Every connection is in autocommit: whoever writes says BEGIN and COMMIT.
    """

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self.engine = engine

    def connect(self) -> sqlite3.Connection:
        """Return a new driver connection, for the thread that will own it."""
        raw = self.engine.raw_connection()
        connection = raw.driver_connection
        raw.detach()
        if not isinstance(connection, sqlite3.Connection):
            raise StorageError(f"unexpected driver {type(connection).__name__}")
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a pooled driver connection that sees what is committed, to one thread."""
        raw = self._lend()
        try:
            connection = raw.driver_connection
            if not isinstance(connection, sqlite3.Connection):
                raise StorageError(f"unexpected driver {type(connection).__name__}")
            yield connection
        except sqlite3.Error as error:
            raise StorageError(f"cannot read the database: {error}") from error
        finally:
            raw.close()

    def _lend(self) -> sqlalchemy.PoolProxiedConnection:
        try:
            return self.engine.raw_connection()
        except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
            # No more files may be opened, or every connection of the pool is lent.
            raise StorageError(f"cannot read the database: {_cause(error)}") from error

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Return the database at *url*, its schema made when the file is new.

    Raises StorageError when it cannot be opened, or was made by another version.
    """
    engine = _engine(url)
    database = Database(engine)
    try:
        _ensure_schema(engine)
    except (sqlalchemy.exc.DBAPIError, sqlite3.Error) as error:
        database.close()
        raise StorageError(f"cannot open the database {url}: {_cause(error)}") from error
    except StorageError:
        database.close()
        raise
    return database


def open_for_reading(url: str) -> Database:
    """Return an existing database for commands that only look; never creates one."""
    path = sqlalchemy.make_url(url).database or ""
    engine = _engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    database = Database(engine)
    try:
        with engine.connect() as connection:
            _check_version(connection, url)
    except sqlalchemy.exc.DBAPIError as error:
        database.close()
        raise StorageError(f"cannot read the database {path}: {_cause(error)}") from error
    except StorageError:
        database.close()
        raise
    return database


def _engine(url: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        url,
        poolclass=sqlalchemy.pool.QueuePool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    sqlalchemy.event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    """Set what every connection needs, before its first statement."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA cache_size=-16384")


def _ensure_schema(engine: sqlalchemy.Engine) -> None:
    with engine.connect() as connection:
        # Only a file without tables takes the setting, so it comes first.
        connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if not _has_tables(connection):
            tables.METADATA.create_all(connection)
            version = {"key": "schema_version", "value": str(tables.SCHEMA_VERSION)}
            connection.execute(tables.META.insert(), version)
        _check_version(connection, str(engine.url))
        connection.exec_driver_sql("COMMIT")


def _has_tables(connection: sqlalchemy.Connection) -> bool:
    return sqlalchemy.inspect(connection).has_table("meta")


def _check_version(connection: sqlalchemy.Connection, url: str) -> None:
    if not _has_tables(connection):
        raise StorageError(f"{url} is not a database of webhookd")
    query = sqlalchemy.select(tables.META.c.value).where(tables.META.c.key == "schema_version")
    found = connection.execute(query).scalar_one_or_none()
    if found != str(tables.SCHEMA_VERSION):
        raise StorageError(
            f"the database has schema version {found}, and this webhookd works with "
            f"{tables.SCHEMA_VERSION}; use the version of webhookd that made it"
        )


def _cause(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
