"""Opening the database: one SQLite file in WAL mode, its tables made, or their version checked."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy

from webhookd.errors import StorageError
from webhookd.storage import versions

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

    @property
    def place(self) -> str:
        """Return where it is, as people are told."""
        return place_of(str(self.engine.url))

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
            raise StorageError(f"cannot read the database: {cause(error)}") from error

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Return the database at *url*, its tables made when the file is new.

    Raises StorageError when it cannot be opened, or its version is not this webhookd's.
    """
    engine = _engine(url)
    database = Database(engine)
    try:
        _ensure_tables(engine, database.place)
    except (sqlalchemy.exc.DBAPIError, sqlite3.Error) as error:
        database.close()
        raise StorageError(f"cannot open the database {url}: {cause(error)}") from error
    except StorageError:
        database.close()
        raise
    return database


def open_for_reading(url: str) -> Database:
    """Return an existing database for commands that only look; never creates one."""
    database = Database(_engine(_with_mode(url, "ro")))
    try:
        with database.engine.connect() as connection:
            versions.require_newest(connection, database.place)
    except sqlalchemy.exc.DBAPIError as error:
        database.close()
        raise StorageError(f"cannot read the database {database.place}: {cause(error)}") from error
    except StorageError:
        database.close()
        raise
    return database


def place_of(url: str) -> str:
    """Return where the database at *url* is, as people are told."""
    return (sqlalchemy.make_url(url).database or "").removeprefix("file:")


def open_as_it_is(url: str) -> Database:
    """Return an existing database, whatever its version; never creates one."""
    return Database(_engine(_with_mode(url, "rw")))


def version_of(url: str) -> str:
    """Return the version of the database at *url*: the newest, or an older one.

    Raises StorageError when it cannot be read, or has a version that is not known.
    """
    database = Database(_engine(_with_mode(url, "ro")))
    try:
        with database.engine.connect() as connection:
            return versions.require_known(versions.found(connection), database.place)
    except sqlalchemy.exc.DBAPIError as error:
        raise StorageError(f"cannot read the database {database.place}: {cause(error)}") from error
    finally:
        database.close()


def _with_mode(url: str, mode: str) -> str:
    return f"sqlite:///file:{sqlalchemy.make_url(url).database or ''}?mode={mode}&uri=true"


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


def _ensure_tables(engine: sqlalchemy.Engine, place: str) -> None:
    with engine.connect() as connection:
        # Only a file without tables takes the setting, so it comes first.
        connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if versions.found(connection) is None:
            versions.create(connection)
        versions.require_newest(connection, place)
        connection.exec_driver_sql("COMMIT")


def cause(error: Exception) -> str:
    """Return what the driver said, without what SQLAlchemy adds."""
    return str(getattr(error, "orig", None) or error)
