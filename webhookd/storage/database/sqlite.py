"""One SQLite file in WAL mode."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy

from webhookd.errors import StorageError
from webhookd.storage.database.connection import Dialect, SqliteConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhookd.storage.database.connection import Connection, Member

PREFIX: Final = "sqlite:///"

BUSY_SECONDS = 5.0
"""How long a connection waits for another process's lock before it gives up."""


class SqliteKind:
    """The database in a file."""

    dialect: ClassVar[Dialect] = Dialect.SQLITE
    errors: ClassVar[tuple[type[Exception], ...]] = (sqlite3.Error,)
    is_shared: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        self.place = url.removeprefix(PREFIX)

    def engine(self, *, mode: str) -> sqlalchemy.Engine:
        """Return an engine on the file, which only the mode `rwc` makes."""
        engine = sqlalchemy.create_engine(
            f"{PREFIX}file:{self.place}?mode={mode}&uri=true",
            poolclass=sqlalchemy.pool.QueuePool,
            connect_args={
                "timeout": BUSY_SECONDS,
                "check_same_thread": False,
                "factory": SqliteConnection,
            },
        )
        sqlalchemy.event.listen(engine, "connect", _configure)
        return engine

    def open_writer(
        self,
        engine: sqlalchemy.Engine,
        member: Member,  # noqa: ARG002 - it is alone
        reopened: Callable[[], None],  # noqa: ARG002 - a file is not lost
    ) -> Connection:
        """Return a connection of its own: the state directory's lock keeps other daemons out."""
        raw = engine.raw_connection()
        connection = _own(raw)
        raw.detach()
        return connection

    def listen(self, heard: Callable[[str], None]) -> None:
        """Do nothing: there is nobody else."""

    @contextmanager
    def reader(self, raw: sqlalchemy.PoolProxiedConnection) -> Iterator[Connection]:
        """Lend the connection as it is."""
        yield _own(raw)

    def prepare(self, connection: sqlalchemy.Connection) -> None:
        """Set what a new file keeps, and begin a transaction with the lock for writing."""
        # Only a file without tables takes the setting, so it comes first.
        connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def claim(self, connection: sqlalchemy.Connection) -> None:
        """Begin a transaction that is refused while any other connection is open.

        Whichever state directory its daemon locked.
        """
        connection.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
        connection.exec_driver_sql("BEGIN EXCLUSIVE")

    def cause(self, error: Exception) -> str:
        """Return what SQLite said, without what SQLAlchemy adds."""
        text = str(getattr(error, "orig", None) or error)
        return f"{text}; something else works on it" if "locked" in text else text


def _own(raw: sqlalchemy.PoolProxiedConnection) -> SqliteConnection:
    connection = raw.driver_connection
    if not isinstance(connection, SqliteConnection):
        raise StorageError(f"unexpected driver {type(connection).__name__}")
    return connection


def _configure(connection: Any, _record: Any) -> None:
    """Set what every connection needs, before its first statement."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA cache_size=-16384")
