"""The database: where it is, how it is opened, and the connections that come from it.

`sqlite` and `postgresql` have what differs; where the database is a file, no module of PostgreSQL
is imported.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Protocol

import sqlalchemy

from webhookd import __version__
from webhookd.errors import StorageError, WebhookdError
from webhookd.storage.database import sqlite
from webhookd.storage.database.connection import Member
from webhookd.storage.database.sqlite import SqliteKind
from webhookd.storage.schema import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from webhookd.storage.database.connection import (
        Dialect,
        ReadingConnection,
        WritingConnection,
    )
    from webhookd.storage.schema.versions import Version


_REFUSALS: tuple[type[Exception], ...] = (
    sqlalchemy.exc.DBAPIError,
    sqlalchemy.exc.TimeoutError,
)


class NewDatabaseError(StorageError):
    """There is nothing where a database was."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"the database {place} is empty or not there, and this state directory had one:"
            " restore it, or set WEBHOOKD_DATABASE_URL to where it is. To begin anew, with every"
            " record told as created, start once with: webhookd run --new-database"
        )


class Listening(Protocol):
    """A thread that hears the notifications of other daemons."""

    def close(self) -> None:
        """Listen no more; waits for the thread, so never on the event loop."""


class Kind(Protocol):
    """What is different between databases, for one that is at a certain place."""

    dialect: ClassVar[Dialect]
    errors: ClassVar[tuple[type[Exception], ...]]
    is_shared: ClassVar[bool]
    """Whether several daemons may work on it, and go on while its tables are added to."""

    @property
    def place(self) -> str:
        """Return where the database is, as people are told: without a password."""

    def engine(self, *, mode: str) -> sqlalchemy.Engine:
        """Return an engine; *mode* is `rwc`, or `rw` or `ro` for one that must be there."""

    def open_writer(
        self, engine: sqlalchemy.Engine, member: Member, reopened: Callable[[], None]
    ) -> WritingConnection:
        """Return the connection with which *member* writes.

        Raises StateLockedError when another process holds the database exclusively. *reopened* is
        called, on the thread that writes, when the session was lost and made anew.
        """

    def listen(self, heard: Callable[[str], None]) -> Listening | None:
        """Call *heard* on a thread with each notification; None where no daemon shares it."""

    @contextmanager
    def reader(self, raw: sqlalchemy.PoolProxiedConnection) -> Iterator[ReadingConnection]:
        """Lend a connection of the pool for statements that only read."""

    def prepare(self, connection: sqlalchemy.Connection) -> None:
        """Begin the transaction in which tables are looked for, and made if there are none."""

    def is_empty(self) -> bool:
        """Return whether there is no database yet, as far as that shows without opening it."""

    def faults(self, connection: sqlalchemy.Connection, *, is_quick: bool) -> tuple[str, ...]:
        """Return what is damaged; *is_quick*: only where that takes a moment."""

    def claim(self, connection: sqlalchemy.Connection) -> None:
        """Begin a transaction that has the database exclusively; raises if a daemon uses it."""

    def cause(self, error: Exception) -> str:
        """Return what the driver said, in a line."""


class Database:
    """The engine, and the kinds of connection that come from it."""

    def __init__(self, kind: Kind, *, mode: str = "rwc") -> None:
        self.kind = kind
        self.engine = kind.engine(mode=mode)
        self._readers: set[ReadingConnection] = set()

    @property
    def place(self) -> str:
        """Return where it is, as people are told."""
        return self.kind.place

    @property
    def dialect(self) -> Dialect:
        """Return what statements are written for."""
        return self.kind.dialect

    def connect(
        self, member: Member | None = None, reopened: Callable[[], None] = lambda: None
    ) -> WritingConnection:
        """Return a new connection, for the one thread that writes with it in the name of *member*.

        Raises StateLockedError when another process holds the database exclusively (PostgreSQL
        only: a file is kept by the lock of its state directory), StorageError when it cannot be
        reached. *reopened* is called, on that thread, when a session was lost and made anew.
        """
        with self.refusing("open"):
            return self.kind.open_writer(self.engine, member or _nameless(), reopened)

    @contextmanager
    def reading(self) -> Iterator[ReadingConnection]:
        """Lend a pooled connection that sees what is committed, to one thread.

        Raises StorageError for whatever the driver raises within. Never on the event loop: it
        waits.
        """
        with self.refusing("read"):
            raw = self.engine.raw_connection()
            try:
                with self.kind.reader(raw) as connection:
                    self._readers.add(connection)
                    try:
                        yield connection
                    finally:
                        self._readers.discard(connection)
            finally:
                if getattr(raw.driver_connection, "closed", False):
                    # It was lost. The pool would roll it back, and tell of that with a traceback.
                    raw.invalidate()
                raw.close()

    @contextmanager
    def connected(self) -> Iterator[sqlalchemy.Connection]:
        """Lend a connection for queries that are made of parts."""
        with self.refusing("read"), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def refusing(self, doing: str) -> Iterator[None]:
        """Raise StorageError for what the driver raises: no more files, no server, no room."""
        try:
            yield
        except _REFUSALS + self.kind.errors as error:
            why = self.kind.cause(error)
            raise StorageError(f"cannot {doing} the database {self.place}: {why}") from error

    def ensure_tables(self, *, may_be_new: bool = True) -> None:
        """Make the tables of a new database; StorageError when its version is not usable.

        And when it is damaged, or new although it may not be.
        """
        if not may_be_new and self.kind.is_empty():
            raise NewDatabaseError(self.place)
        with self.refusing("open"), self.engine.connect() as connection:
            if faults := self.kind.faults(connection, is_quick=True):
                raise StorageError(f"{damage(self.place, faults)}; {sqlite.RESTORE}")
            # What was read was a transaction, behind which settings are taken.
            connection.rollback()
            self.kind.prepare(connection)
            if versions.found(connection) is None:
                if not may_be_new:
                    raise NewDatabaseError(self.place)
                versions.create(connection)
            versions.require_usable(connection, self.place)
            connection.commit()

    def version(self) -> Version:
        """Return its version, old or new; StorageError when webhookd did not make the database."""
        with self.connected() as connection:
            return versions.require_database(versions.found(connection), self.place)

    def cut(self) -> None:
        """Have all statements of `reading` that wait for the server fail; for the event loop."""
        for connection in tuple(self._readers):
            connection.cut()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_database(url: str, *, may_be_new: bool = True) -> Database:
    """Return the database at *url*, its tables made when it is new.

    Raises StateLockedError while somebody else makes its tables or changes them, and StorageError
    when it cannot be opened, is damaged, or this webhookd does not work on its version;
    NewDatabaseError when it is new and not *may_be_new*.
    """
    database = Database(_kind(url))
    try:
        database.ensure_tables(may_be_new=may_be_new)
    except WebhookdError:
        database.close()
        raise
    return database


def open_for_reading(url: str) -> Database:
    """Return an existing database for commands that only look; never creates one."""
    database = Database(_kind(url), mode="ro")
    try:
        with database.connected() as connection:
            versions.require_usable(connection, database.place)
    except StorageError:
        database.close()
        raise
    return database


def open_as_it_is(url: str, *, mode: str = "ro") -> Database:
    """Return an existing database, whatever its version; never creates one."""
    return Database(_kind(url), mode=mode)


def version_of(url: str) -> Version:
    """Return the version of the database at *url*, whichever it is."""
    database = open_as_it_is(url)
    try:
        return database.version()
    finally:
        database.close()


def faults_of(url: str) -> tuple[str, ...]:
    """Return what is damaged in the database at *url*, all of whose pages are looked at."""
    database = open_as_it_is(url)
    try:
        with database.connected() as connection:
            return database.kind.faults(connection, is_quick=False)
    finally:
        database.close()


def damage(place: str, faults: Sequence[str]) -> str:
    """Return the sentence that says what is damaged."""
    return f"the database {place} is damaged: {'; '.join(faults)}"


def place_of(url: str) -> str:
    """Return where the database at *url* is, as people are told: without a password."""
    return _kind(url).place


def _nameless() -> Member:
    return Member(secrets.token_hex(8), socket.gethostname(), os.getpid(), __version__)


def is_file(url: str) -> bool:
    """Return whether the database at *url* is a file, which one daemon has to itself."""
    return url.startswith(sqlite.PREFIX)


def _kind(url: str) -> Kind:
    if is_file(url):
        return SqliteKind(url)
    try:
        from webhookd.storage.database.postgresql import PostgresKind  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StorageError(
            "PostgreSQL needs its driver, and that does not load here"
            f" ({error}); install webhookd[postgresql]"
        ) from error
    return PostgresKind(url)
