"""What storage asks of a database connection, and the statements that two databases say apart.

Statements are written for both, with `?` for each value; a module keeps side by side the few that
cannot be. A connection is in autocommit: whoever writes says when a transaction begins and ends.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import orjson

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
    """What a transaction keeps other daemons from, for as long as it lasts.

    *lanes*, by number, are those in which it decides about the order of records. *is_alone* is one
    beside which no other daemon writes at all: it changes how lanes work.
    """

    lanes: frozenset[int] = frozenset()
    is_alone: bool = False

    def __or__(self, other: Locks) -> Locks:
        return Locks(self.lanes | other.lanes, self.is_alone or other.is_alone)


NO_LOCKS: Final = Locks()
ALONE: Final = Locks(is_alone=True)


@dataclass(frozen=True, slots=True)
class Member:
    """A daemon, as the others of its fleet know it.

    *name* is that of its state directory: only one process at a time has that, so who comes with
    it takes over what the one before left.
    """

    name: str
    host: str
    process_id: int
    version: str


class UncertainError(StorageError):
    """The connection was lost during a commit: *token* will tell whether it came about."""

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self.token = token


class Rows(Protocol):
    """What a statement answered."""

    @property
    def rowcount(self) -> int:
        """Return how many rows were written."""

    def fetchone(self) -> Any:
        """Return the next row, None behind the last."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection that one thread owns. What the database refuses is a StorageError or its own."""

    @property
    def dialect(self) -> Dialect:
        """Return what statements are written for."""

    @property
    def owner(self) -> int | None:
        """Return the number of the daemon that writes with it; None for one that is alone."""

    @property
    def leased_until(self) -> float:
        """Return until when attempts may begin, on the clock of `clock.boottime`."""

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

    @property
    def idle_seconds(self) -> float | None:
        """Return after how long without work it must be looked after; None for never."""

    def look_after(self) -> None:
        """See that the connection is there, and make it anew if not."""

    def begin(self, locks: Locks = NO_LOCKS) -> None:
        """Begin a transaction that will write, and wait for *locks*."""

    def keep_order(self, lane: int) -> None:
        """Wait for a lane's lock, where the transaction does not have it yet."""

    def hold(self, name: str) -> bool:
        """Return whether *name* is this daemon's alone, until `let_go` or its session's end."""

    def let_go(self, name: str) -> None:
        """Give *name* back."""

    def require(self, name: str) -> None:
        """Raise NotHeldError unless this daemon holds *name*."""

    def commit(self) -> None:
        """End the transaction; raises UncertainError when nobody knows what became of it."""

    def roll_back(self) -> None:
        """Undo what was written since `begin`, if anything was."""

    def has_committed(self, token: str) -> bool:
        """Return whether the commit that was uncertain came about, known by its *token*."""

    def cut(self) -> None:
        """Have whatever waits for the other side fail, on whichever thread that waits."""

    def close(self) -> None:
        """End the connection."""


class SqliteConnection(sqlite3.Connection):
    """SQLite's own connection, with what it lacks of ours."""

    dialect = Dialect.SQLITE
    idle_seconds = None
    owner: ClassVar[int | None] = None
    leased_until: ClassVar[float] = math.inf

    def look_after(self) -> None:
        """Do nothing: a file is not lost."""

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

    def keep_order(self, lane: int) -> None:
        """Do nothing: who writes to a file is alone."""

    def hold(self, name: str) -> bool:  # noqa: ARG002 - as above
        """Return True: everything is this daemon's."""
        return True

    def let_go(self, name: str) -> None:
        """Do nothing."""

    require = let_go

    def cut(self) -> None:
        """Do nothing: a file has no other side."""

    def roll_back(self) -> None:
        """Undo the transaction, unless a full disk or an I/O error did by itself."""
        if self.in_transaction:
            self.rollback()

    def has_committed(self, token: str) -> bool:  # noqa: ARG002 - a file is never uncertain
        """Return False: a commit to a file that fails has not come about."""
        return False


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
