"""One transaction for many units: the part of the writer that runs on its thread.

The states of a unit that writes, and who moves it between them:

    queued ──serve──► begun ──► run ──► committed ──────────────────────────► answered
      (loop)           │         │         └─ the connection is lost: uncertain ─┘
                       │         │              (`settle_open`, sooner or later)
                       │         ├─ it raised: rolled back; each unit again by itself
                       │         └─ undone by the server in a deadlock: begun again
                       └─ no transaction can be begun: all are refused at once

Everything but "queued" happens on the writer's thread. "Answered" is handed to the event loop,
which completes the futures: in the order of the commits, a group's reads behind its writes
(rule 2 of docs/architecture.md).
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from webhookd import clock
from webhookd.errors import StateLockedError, StorageError
from webhookd.storage.database.connection import (
    NO_LOCKS,
    Connection,
    DeadlockError,
    Locks,
    UncertainError,
)
from webhookd.telemetry import metrics

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from webhookd.storage.database.connection import WritingConnection

Result = TypeVar("Result")

Unit: TypeAlias = "Callable[[Connection], Result]"

MOST_DEADLOCKS: Final = 5
"""Times that a transaction is begun, where the server undoes it each time for another one's sake.

Each takes the server's `deadlock_timeout`, a second.
"""


@dataclass(slots=True, eq=False)
class QueuedUnit:
    """A unit, the future of whoever queued it, and what came of it."""

    unit: Unit[Any]
    future: asyncio.Future[Any]
    writes: bool
    locks: Locks = NO_LOCKS
    result: Any = None
    error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """Take *error* as what came of it, unless there is another; the writer's thread."""
        self.error = self.error or error


class DatabaseLostError(StorageError):
    """Another daemon works on the database now: this one never writes to it again."""


class GroupCommit:
    """Runs groups of units on *connection*; one thread calls it.

    *answer* is called with units that are done, in the order in which their futures must be
    completed. *lost* is called once, when another daemon has taken the database over.
    """

    def __init__(
        self,
        connection: WritingConnection,
        *,
        answer: Callable[[list[QueuedUnit]], None],
        lost: Callable[[StateLockedError], None],
    ) -> None:
        self._connection = connection
        self._answer = answer
        self._lost = lost
        self._is_lost = False
        self._open: tuple[str, list[QueuedUnit]] | None = None
        self.refused_at: float | None = None
        """When something was last not written, on a clock that never jumps; None since all is.

        Other threads may read it.
        """

    @property
    def is_uncertain(self) -> bool:
        """Return whether nobody knows yet what became of a commit."""
        return self._open is not None

    def look_after(self) -> None:
        """Make a lost connection anew though nothing is queued, or find that another has it."""
        try:
            self._connection.session.look_after()
        except (StorageError, StateLockedError) as error:
            # Not reported: the next unit is refused with it, or the daemon told by *lost*.
            self._as_storage_error(error)

    def serve(self, group: list[QueuedUnit]) -> None:
        """Write, then read, then answer: all of *group* but units whose commit is uncertain."""
        # Rule 2: every read of a group sees all that the group writes.
        writes = [queued for queued in group if queued.writes]
        reads = [queued for queued in group if not queued.writes]
        if writes:
            self._write(writes)
        for queued in reads:
            self._read(queued)
        # Rule 2. A read saw what the writes beside it did, whichever was queued first: it is
        # answered behind them.
        uncertain = self._open[1] if self._open else []
        self._answer([queued for queued in writes if queued not in uncertain] + reads)

    def _write(self, writes: list[QueuedUnit]) -> None:
        if not self._is_over(writes) and len(writes) > 1:
            # Each by itself, so that one bad unit fails alone. Units run a second time here: what
            # they did outside the database (claims of deliveries) they must bear twice.
            for queued in writes:
                self._is_over([queued])
        is_refused = self._open is not None or any(
            isinstance(queued.error, StorageError) for queued in writes
        )
        self.refused_at = clock.monotonic() if is_refused else None

    def _is_over(self, writes: list[QueuedUnit]) -> bool:
        """Run *writes* as one transaction; return whether they need not be tried each by itself.

        They are committed then, or uncertain, or no transaction could be begun.
        """
        is_over = False
        for _ in range(MOST_DEADLOCKS):
            is_over = not self._begin(writes) or self._commit(writes) or self._open is not None
            # Another one's transaction went on instead: an upgrade's, a person's at a prompt.
            if not any(isinstance(queued.error, DeadlockError) for queued in writes):
                break
        return is_over

    def _begin(self, writes: list[QueuedUnit]) -> bool:
        """Return whether a transaction has begun; if not, all of *writes* are refused.

        Another process may keep its lock for minutes. To try again for each unit would wait for
        it each time, and keep the answers back as long.
        """
        try:
            self._require_certainty()
            self._connection.begin(_locks(writes))
        except (sqlite3.Error, StorageError, StateLockedError) as error:
            self._roll_back()
            for queued in writes:
                queued.error = self._as_storage_error(error)
            return False
        return True

    def _commit(self, writes: list[QueuedUnit]) -> bool:
        """Return whether all of *writes* are now on the disk."""
        queued = writes[0]
        began = clock.monotonic()
        try:
            for queued in writes:
                queued.error = None
                queued.result = queued.unit(self._connection)
            self._connection.commit()
        except UncertainError as error:
            # Neither done nor undone: `settle_open` asks the server before anything else is begun.
            self._open = error.token, writes
            return False
        except BaseException as error:  # noqa: BLE001 - a unit's failure belongs to its future
            # *queued* is the unit that raised, or the last one where the commit did.
            self._roll_back()
            queued.error = self._as_storage_error(error)
            return False
        metrics.COMMIT_SECONDS.observe(clock.monotonic() - began)
        metrics.COMMIT_UNITS.observe(len(writes))
        return True

    def _require_certainty(self) -> None:
        # The mark of the open commit is in the daemon's row, which the next transaction overwrites.
        self.settle_open()
        if self._open:
            raise StorageError("the database has not said what became of a commit")

    def settle_open(self) -> None:
        """Find out what became of an uncertain commit, and answer its units when that is known."""
        if self._open is None:
            return
        token, writes = self._open
        try:
            has_committed = self._connection.has_committed(token)
        except (StorageError, StateLockedError) as error:
            if not isinstance(self._as_storage_error(error), DatabaseLostError):
                return
            has_committed = False
        if not has_committed:
            for queued in writes:
                queued.error = StorageError("the connection to the database was lost")
        self._open = None
        self._answer(writes)

    def give_up_open(self) -> None:
        """Answer the units of a commit that is uncertain for good: the writer is closed."""
        if self._open is None:
            return
        for queued in self._open[1]:
            queued.error = StorageError("nobody knows whether this was written")
        self._answer(self._open[1])

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.roll_back()

    def _read(self, queued: QueuedUnit) -> None:
        try:
            queued.result = queued.unit(self._connection)
        except BaseException as error:  # noqa: BLE001 - a unit's failure belongs to its future
            queued.error = self._as_storage_error(error)

    def _as_storage_error(self, error: BaseException) -> BaseException:
        if isinstance(error, StateLockedError):
            if not self._is_lost:
                self._is_lost = True
                self._lost(error)
            return _caused(DatabaseLostError(str(error)), error)
        if isinstance(error, sqlite3.Error):
            return _caused(StorageError(f"the database refused: {error}"), error)
        return error


def _locks(writes: list[QueuedUnit]) -> Locks:
    locks = NO_LOCKS
    for queued in writes:
        if queued.locks is not NO_LOCKS:
            locks |= queued.locks
    return locks


def _caused(wrapped: StorageError, error: BaseException) -> StorageError:
    wrapped.__cause__ = error
    return wrapped
