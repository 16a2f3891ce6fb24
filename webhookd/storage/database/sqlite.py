"""One SQLite file in WAL mode, which one daemon has to itself."""

from __future__ import annotations

import math
import sqlite3
import stat
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import orjson
import sqlalchemy

from webhookd.errors import StorageError, printable
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


QUICKLY_CHECKED = 64 << 20
"""Bytes of a file whose pages are all looked at when a daemon starts: some 100 ms."""

MOST_FAULTS = 10

_HEADER = 100
_FIELDS = struct.Struct(">16x H 6x I I 60x I")
"""Of a file's header: bytes of a page, changes, pages, and at which change these were counted."""

_BESIDE = ("", "-wal", "-shm", "-journal")


# For each value that is neither a number nor a text, the driver makes and drops an error when it
# finds no adapter, which takes three times as long as to bind it. These return what they are given.
_NOTHING: dict[None, None] = {}
sqlite3.register_adapter(type(None), _NOTHING.get)
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(bool, int)


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
    errors: ClassVar[tuple[type[Exception], ...]] = (sqlite3.Error, UnicodeDecodeError)
    """A damaged file may have SQLite say something that is no text, which Python cannot read."""

    is_shared: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        self.place = url.removeprefix(PREFIX)

    def engine(self, *, mode: str) -> sqlalchemy.Engine:
        """Return an engine on the file, which only the mode `rwc` makes.

        StorageError when something else is in its place, or the file has lost its end.
        """
        _require_file(self.place)
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

    def is_empty(self) -> bool:
        """Return whether there is no file, or one of 0 bytes; it is not opened."""
        try:
            return Path(self.place).stat().st_size == 0
        except OSError:
            return True

    def faults(self, connection: sqlalchemy.Connection, *, is_quick: bool) -> tuple[str, ...]:
        """Return what is damaged in the file's pages; *is_quick*: a large file is left alone."""
        found: list[str] = []
        try:
            # The check of pages does not mind names and statements that are no text.
            connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_schema").all()
            if is_quick and Path(self.place).stat().st_size > QUICKLY_CHECKED:
                return ()
            for (told,) in connection.exec_driver_sql(f"PRAGMA quick_check({MOST_FAULTS})"):
                found += str(told).split("\n")
        except (sqlalchemy.exc.DBAPIError, sqlite3.Error, UnicodeDecodeError) as error:
            # Where a page makes no sense at all, the check itself ends so.
            if not _is_no_text(error) and "malformed" not in str(error):
                raise
            found.append("its pages are malformed")
        return tuple(printable(told) for told in found if told != "ok")

    def claim(self, connection: sqlalchemy.Connection) -> None:
        """Begin a transaction that is refused while any other connection is open.

        Whichever state directory its daemon locked.
        """
        connection.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
        connection.exec_driver_sql("BEGIN EXCLUSIVE")

    def cause(self, error: Exception) -> str:
        """Return what SQLite said, without what SQLAlchemy adds."""
        if _is_no_text(error):
            return f"it is damaged, for it holds names that are no text: {RESTORE}"
        text = printable(str(getattr(error, "orig", None) or error))
        if "malformed" in text or "not a database" in text:
            return f"{text}: {RESTORE}"
        return f"{text}; something else works on it" if "locked" in text else text


RESTORE: Final = (
    "restore it from a backup, its -wal and -shm files removed, or move all three away and begin"
    " anew with: webhookd run --new-database"
)


def _is_no_text(error: Exception) -> bool:
    """Return whether *error* is that SQLite said something which is not UTF-8."""
    return isinstance(error, UnicodeDecodeError) or "decode to UTF-8" in str(error)


def _require_file(place: str) -> None:
    """Raise StorageError unless *place* is a whole file, or nothing yet.

    To open a FIFO would wait for its other end, for ever.
    """
    for end in _BESIDE:
        path = Path(place + end)
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):
            # SQLite says why it cannot be opened.
            continue
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file (a FIFO or device?)"
            raise StorageError(f"{path} is {kind}, where the file of a database should be")
    if _has_lost_its_end(Path(place)):
        raise StorageError(f"the database {place} has lost its end, a part of its pages: {RESTORE}")


def _has_lost_its_end(path: Path) -> bool:
    """Return whether the file says that it has more pages than there are.

    (https://www.sqlite.org/fileformat2.html#in_header_database_size) While there is a journal,
    pages may be there only.
    """
    try:
        if any(Path(f"{path}{end}").stat().st_size for end in _BESIDE[1:] if _is_there(path, end)):
            return False
        with path.open("rb") as file:
            header = file.read(_HEADER)
        size = path.stat().st_size
    except OSError:
        return False
    if len(header) < _HEADER or not header.startswith(b"SQLite format 3\0"):
        return False
    page, changes, pages, valid_for = _FIELDS.unpack(header[:96])
    return bool(changes == valid_for and pages * (65536 if page == 1 else page) > size)


def _is_there(path: Path, end: str) -> bool:
    return end != "-shm" and Path(f"{path}{end}").exists()


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
