"""One SQLite file in WAL mode, which one daemon has to itself."""

from __future__ import annotations

import math
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

import orjson
import sqlalchemy

from webhookd.errors import StorageError
from webhookd.storage.database.connection import NO_LOCKS, Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from webhookd.storage.database.connection import (
        ForRows,
        Locks,
        Member,
        MemberSession,
        ReadingConnection,
        WritingConnection,
    )

PREFIX: Final = "sqlite:///"

BUSY_SECONDS = 5.0
"""Seconds that a connection waits for another process's lock before it gives up.

A `sqlite3` shell or a backup keeps it for moments; the writer refuses its queue after that.
"""


class SoleSession:
    """The session of a daemon that is alone: no number, every lock, a lease for ever."""

    is_shared: Final = False
    owner: Final = None
    leased_until: Final = math.inf
    idle_seconds: Final = None

    def look_after(self) -> None:
        """Do nothing: a file is not lost."""

    def keep_order(self, lane: int) -> None:
        """Do nothing: nobody else decides about the lane."""

    def acquire(self, name: str) -> bool:  # noqa: ARG002 - every name is free
        """Return True: nobody else is there to have the lock."""
        return True

    def release(self, name: str) -> None:
        """Do nothing: there is no lock to give back."""

    def require_lock(self, name: str) -> None:
        """Do nothing: this daemon has every lock."""


SOLE_SESSION: Final = SoleSession()


class SqliteConnection(sqlite3.Connection):
    """SQLite's own connection, with what it lacks of a `WritingConnection`."""

    dialect: Final = Dialect.SQLITE
    session: MemberSession = SOLE_SESSION

    def write_rows(
        self,
        statement: ForRows,
        rows: Sequence[Sequence[Any]],
        *shared: object,  # noqa: ARG002 - of the other database
    ) -> int:
        """Run a statement for each of *rows*; return how many it wrote."""
        return self.executemany(statement.each, rows).rowcount

    def listed(self, values: Iterable[Any]) -> object:
        """Return *values* as JSON."""
        return orjson.dumps(list(values)).decode()

    def begin(self, locks: Locks = NO_LOCKS) -> None:  # noqa: ARG002 - nobody else writes
        """Begin a transaction, with the lock for writing."""
        self.execute("BEGIN IMMEDIATE")

    def roll_back(self) -> None:
        """Undo the transaction, unless a full disk or an I/O error did by itself."""
        if self.in_transaction:
            self.rollback()

    def has_committed(self, token: str) -> bool:  # noqa: ARG002 - a file is never uncertain
        """Return False: a commit to a file that fails has not come about."""
        return False

    def cut(self) -> None:
        """Do nothing: a file has no other side."""


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
    ) -> WritingConnection:
        """Return a connection of its own: the state directory's lock keeps other daemons out."""
        raw = engine.raw_connection()
        connection = _own(raw)
        raw.detach()
        return connection

    def listen(self, heard: Callable[[str], None]) -> None:
        """Do nothing: there is nobody else."""

    @contextmanager
    def reader(self, raw: sqlalchemy.PoolProxiedConnection) -> Iterator[ReadingConnection]:
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
