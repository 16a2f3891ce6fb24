"""What storage asks of a database connection, and the statements that two databases say apart.

Statements are written for both databases, with `?` for each value; a module keeps side by side the
few that cannot be. A connection is in autocommit: whoever writes says when a transaction begins and
ends.

Four protocols, so that a function asks for no more than it needs:

* `Statements` runs statements. All that reads, and most of what writes within a transaction.
* `Connection` is what a unit of the writer gets: statements, and the `MemberSession` of the daemon
  that writes.
* `Transaction` begins and ends transactions. Only the writer's thread does.
* `WritingConnection` is all of these, `ReadingConnection` the statements of a pooled connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from webhookd.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class Dialect(Enum):
    """A database that statements are written for."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True)
class ForRows:
    """A statement for many rows: SQLite runs *each* for each row, PostgreSQL *at_once* for all.

    *at_once* takes each column of the rows as an array.
    """

    each: str
    at_once: str


@dataclass(frozen=True, slots=True)
class Locks:
    """What a transaction keeps other daemons from, until it ends.

    *lanes*, by number, are those in which it decides about the order of records. An *exclusive*
    transaction changes how lanes work: no other daemon writes anything beside it.
    """

    lanes: frozenset[int] = frozenset()
    exclusive: bool = False

    def __or__(self, other: Locks) -> Locks:
        return Locks(self.lanes | other.lanes, self.exclusive or other.exclusive)


NO_LOCKS: Final = Locks()
EXCLUSIVE: Final = Locks(exclusive=True)


@dataclass(frozen=True, slots=True)
class Member:
    """A daemon, as the others of its fleet know it.

    *name* is the name of its state directory. Only one process at a time has that, so a process
    that comes with the same name takes over what the process before it left.
    """

    name: str
    host: str
    process_id: int
    version: str


class UncertainError(StorageError):
    """The connection was lost during a commit; *token* finds out whether it came about."""

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self.token = token


class DeadlockError(StorageError):
    """The server undid the transaction, since another one and it waited for each other.

    Nothing speaks against the same once more: the other goes on meanwhile.
    """


class Rows(Protocol):
    """The rows that a statement answered."""

    @property
    def rowcount(self) -> int:
        """Return how many rows were written."""

    def fetchone(self) -> Any:
        """Return the next row, None behind the last."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Statements(Protocol):
    """Runs statements, on the one thread that has the connection at the time.

    What the database refuses is a StorageError, or the driver's own error, which the writer and
    `Database.reading` turn into one.
    """

    @property
    def dialect(self) -> Dialect:
        """Return the database that statements are written for."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Rows:
        """Run one statement."""

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> object:
        """Run one statement for each row of *parameters*, in their order."""

    def write_rows(self, statement: ForRows, rows: Sequence[Sequence[Any]], *shared: object) -> int:
        """Run a statement for all *rows*, in their order; return how many rows it wrote.

        No two may be of the same key. *shared* are the same for all, and only for `at_once`.
        """

    def listed(self, values: Iterable[Any]) -> object:
        """Return *values* as the one parameter that `one_of` and `none_of` take."""


class MemberSession(Protocol):
    """The daemon's standing on the database: its number, its lease and its locks.

    Where a daemon has the database to itself this is `sqlite.SoleSession`, which has no number,
    never loses its lease and gets every lock. All methods are called on the writer's thread; the
    attributes may be read on any.
    """

    @property
    def is_shared(self) -> bool:
        """Return whether other daemons may work on the same database."""

    @property
    def owner(self) -> int | None:
        """Return the number of this daemon, which stands in the rows that it has.

        None where it is not shared, and while a daemon that was expired has no new number yet.
        """

    @property
    def leased_until(self) -> float:
        """Return until when attempts may begin, in seconds on the clock of `clock.boottime`."""

    @property
    def idle_seconds(self) -> float | None:
        """Return after how many seconds without work `look_after` is due; None for never."""

    def look_after(self) -> None:
        """Move the lease on, in a session that is made anew if it was lost.

        Raises StorageError while there is no server, StateLockedError where another process has
        the database.
        """

    def keep_order(self, lane: int) -> None:
        """Wait for a lane's lock, where the transaction does not have it yet."""

    def acquire(self, name: str) -> bool:
        """Return whether this daemon has the lock *name* now.

        It keeps the lock until `release` or the end of its session, over any number of
        transactions. Never waits for the daemon that has it.
        """

    def release(self, name: str) -> None:
        """Give the lock *name* back, if this daemon has it."""

    def require_lock(self, name: str) -> None:
        """Raise NotHeldError unless this daemon has the lock *name*."""


class Connection(Statements, Protocol):
    """What a unit of the writer works with: statements, in the name of this daemon."""

    @property
    def session(self) -> MemberSession:
        """Return the daemon's session."""


class Transaction(Protocol):
    """Begins and ends transactions; the writer's thread alone does."""

    def begin(self, locks: Locks = NO_LOCKS) -> None:
        """Begin a transaction that will write, and wait for *locks*."""

    def commit(self) -> None:
        """End the transaction; UncertainError where nobody knows whether it is on the disk."""

    def roll_back(self) -> None:
        """Undo what was written since `begin`, if anything was."""

    def has_committed(self, token: str) -> bool:
        """Return whether the commit that was uncertain came about, known by its *token*."""


class ReadingConnection(Statements, Protocol):
    """A pooled connection, lent to one thread."""

    def cut(self) -> None:
        """Have a statement that waits for the server fail; called on any thread."""


class WritingConnection(Connection, Transaction, Protocol):
    """The one connection with which a daemon writes."""

    def cut(self) -> None:
        """Have a statement that waits for the server fail; called on any thread."""

    def close(self) -> None:
        """End the connection, and the daemon's membership."""


_LISTS = {
    Dialect.SQLITE: {
        "one_of": "IN (SELECT value FROM json_each(?))",
        "none_of": "NOT IN (SELECT value FROM json_each(?))",
    },
    Dialect.POSTGRESQL: {"one_of": "= ANY(?)", "none_of": "<> ALL(?)"},
}


def with_lists(statement: str) -> Mapping[Dialect, str]:
    """Return *statement* for each database, `{one_of}` and `{none_of}` in it said as it does."""
    return {dialect: statement.format_map(lists) for dialect, lists in _LISTS.items()}
