"""The one writer: a thread that commits whatever was queued while it last committed.

Grouping makes a full fsync cheap per row: a group is all the units that came in during the
commit before it. A group that fails is run again unit by unit, so that one bad unit fails
alone; where no transaction can be begun, the whole group is refused at once. Reads asked of the
writer run between groups; what they return is committed, and the answers reach the event loop in
the order of the commits, which is what makes handing out due deliveries free of races.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from webhookd import clock
from webhookd.errors import StateLockedError, StorageError
from webhookd.storage.database.connection import NO_LOCKS, Connection, Locks, UncertainError
from webhookd.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.storage.database.connection import Member
    from webhookd.storage.database.database import Database

Result = TypeVar("Result")

Unit: TypeAlias = "Callable[[Connection], Result]"

GROUP_LIMIT = 1000
"""Units in one transaction at the most."""

LANES_LIMIT = 32
"""Lanes that one transaction locks at the most: all daemons that want one of them wait for it."""

ASK_AGAIN_SECONDS = 0.5
"""Pause before a server is asked again what became of a commit."""

SILENT_SECONDS = 15.0
ENDING_SECONDS = 5.0
"""How long a server may take to answer before the connection is cut; the second when it ends."""

LAST_ANSWER_SECONDS = 5.0
"""How long that is waited for when the writer is closed."""


@dataclass(slots=True, eq=False)
class _Asked:
    unit: Unit[Any]
    future: asyncio.Future[Any]
    writes: bool
    locks: Locks = NO_LOCKS
    result: Any = None
    error: BaseException | None = None


class Writer:
    """The thread that owns the only writing connection. An async context manager.

    *lost* is called on the event loop when another daemon has taken the database over, which
    only a server's can be, after its connection was lost: nothing is ever written again.

    Where several daemons share the database it writes in the name of *member*; *reopened* is called
    on the event loop when its session was lost and made anew, whatever it held.

    A connection that is lost during a commit leaves open what became of it. Those units are
    answered when the server has said so; until then nothing else is begun.
    """

    def __init__(
        self,
        database: Database,
        lost: Callable[[StateLockedError], None] | None = None,
        member: Member | None = None,
    ) -> None:
        self._database = database
        self._lost = lost
        self._member = member
        self.reopened: Callable[[], None] = lambda: None
        self._uncertain: tuple[str, list[_Asked]] | None = None
        self._queue: deque[_Asked] = deque()
        self._wake = threading.Event()
        self._is_closing = False
        self._busy_since: float | None = None
        self._watching: asyncio.Task[None] | None = None
        self.is_ending = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._connection = self._database.connect(self._member, self._tell_reopened)
        self._thread.start()
        if self.is_shared:
            self._watching = self._loop.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commit what is queued, then stop: without a server that does not answer any more."""
        self._is_closing = True
        self._wake.set()
        self.is_ending = True
        await asyncio.to_thread(self._thread.join)
        if self._watching is not None:
            self._watching.cancel()
        self._connection.close()

    @property
    def is_shared(self) -> bool:
        """Return whether other daemons may work on the database."""
        return self._database.kind.is_shared

    @property
    def owner(self) -> int | None:
        """Return the number of this daemon in its fleet.

        None for one that is alone, and for one that was declared dead and has no new one yet.
        """
        return self._connection.owner

    @property
    def has_lease(self) -> bool:
        """Return whether attempts may begin: no other daemon thinks that this one is gone."""
        return clock.boottime() < self._connection.leased_until

    def write(self, unit: Unit[Result], locks: Locks = NO_LOCKS) -> asyncio.Future[Result]:
        """Run *unit* in the next transaction; the future is done when it is on the disk.

        It waits for *locks*, as they are needed against other daemons. The future raises
        StorageError when the database refused, else what *unit* raised.
        """
        return self._ask(unit, writes=True, locks=locks)

    def read(self, unit: Unit[Result]) -> asyncio.Future[Result]:
        """Run *unit*, which must not write, after the next commit."""
        return self._ask(unit, writes=False)

    async def _watch(self) -> None:
        """Cut a connection whose other side does not answer: it may never do."""
        while True:
            await asyncio.sleep(ASK_AGAIN_SECONDS)
            limit = ENDING_SECONDS if self.is_ending else SILENT_SECONDS
            since = self._busy_since
            if since is not None and clock.monotonic() - since >= limit:
                self._busy_since = clock.monotonic()
                self._connection.cut()
                self._database.cut()

    def _ask(
        self, unit: Unit[Result], *, writes: bool, locks: Locks = NO_LOCKS
    ) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = self._loop.create_future()
        if self._is_closing:
            future.set_exception(StorageError("the database is closed"))
            return future
        self._queue.append(_Asked(unit, future, writes, locks))
        # Woken once is enough: it looks at the queue after it has taken note.
        if not self._wake.is_set():
            self._wake.set()
        return future

    def _run(self) -> None:
        while True:
            pause = ASK_AGAIN_SECONDS if self._uncertain else self._connection.idle_seconds
            # An answer that is open comes first: the next transaction would take its mark away.
            if not self._wake.wait(pause) and not self._uncertain:
                self._busy_since = clock.monotonic()
                self._look_after()
            self._wake.clear()
            while self._queue:
                self._busy_since = clock.monotonic()
                self._serve(self._take_group())
            self._find_out()
            if self._is_closing:
                self._part()
                return
            self._busy_since = None

    def _look_after(self) -> None:
        """Make a lost connection anew though nothing is asked, or find that another has it."""
        try:
            self._connection.look_after()
        except (StorageError, StateLockedError) as error:
            self._as_storage_error(error)

    def _tell_reopened(self) -> None:
        self._loop.call_soon_threadsafe(self._was_reopened)

    def _was_reopened(self) -> None:
        self.reopened()

    def _take_group(self) -> list[_Asked]:
        """Return what is done next, as one transaction: not with too many locks."""
        group: list[_Asked] = []
        lanes: frozenset[int] = frozenset()
        while self._queue and len(group) < GROUP_LIMIT:
            locks = self._queue[0].locks
            if locks is not NO_LOCKS:
                lanes |= locks.lanes
                if group and len(lanes) > LANES_LIMIT:
                    break
            group.append(self._queue.popleft())
        return group

    def _serve(self, group: list[_Asked]) -> None:
        writes = [asked for asked in group if asked.writes]
        reads = [asked for asked in group if not asked.writes]
        if writes:
            self._write(writes)
        for asked in reads:
            self._attempt(asked)
        # A read saw what the writes beside it did, whichever was asked first: it is told later.
        open_ones = self._uncertain[1] if self._uncertain else []
        self._answer([asked for asked in writes if asked not in open_ones] + reads)

    def _answer(self, group: list[_Asked]) -> None:
        self._loop.call_soon_threadsafe(_answer, group)

    def _write(self, writes: list[_Asked]) -> None:
        if not self._begin(writes) or self._commit(writes) or self._uncertain:
            return
        if len(writes) > 1:
            for asked in writes:
                if self._begin([asked]):
                    self._commit([asked])

    def _begin(self, writes: list[_Asked]) -> bool:
        """Return whether a transaction has begun; if not, all of *writes* are refused.

        Another process may keep its lock for minutes. Asking again for each unit would wait
        for it each time, and keep the answers back as long.
        """
        try:
            self._require_certainty()
            self._connection.begin(_locks(writes))
        except (sqlite3.Error, StorageError, StateLockedError) as error:
            self._roll_back()
            for asked in writes:
                asked.error = self._as_storage_error(error)
            return False
        return True

    def _commit(self, writes: list[_Asked]) -> bool:
        """Return whether all of *writes* are now on the disk."""
        asked = writes[0]
        began = clock.monotonic()
        try:
            for asked in writes:
                asked.error = None
                asked.result = asked.unit(self._connection)
            self._connection.commit()
        except UncertainError as error:
            self._uncertain = error.token, writes
            return False
        except BaseException as error:  # noqa: BLE001 - a unit's failure belongs to its future
            self._roll_back()
            asked.error = self._as_storage_error(error)
            return False
        metrics.COMMIT_SECONDS.observe(clock.monotonic() - began)
        metrics.COMMIT_UNITS.observe(len(writes))
        return True

    def _require_certainty(self) -> None:
        self._find_out()
        if self._uncertain:
            raise StorageError("the database has not said what became of a commit")

    def _find_out(self) -> None:
        """Ask what became of a commit; its units are answered when that is known."""
        if self._uncertain is None:
            return
        token, writes = self._uncertain
        try:
            has_committed = self._connection.has_committed(token)
        except (StorageError, StateLockedError) as error:
            if not isinstance(self._as_storage_error(error), _TakenOverError):
                return
            has_committed = False
        if not has_committed:
            for asked in writes:
                asked.error = StorageError("the connection to the database was lost")
        self._uncertain = None
        self._answer(writes)

    def _part(self) -> None:
        """Wait a little for what is still open, before the connection is closed."""
        end = clock.monotonic() + LAST_ANSWER_SECONDS
        while self._uncertain and clock.monotonic() < end:
            self._find_out()
            self._wake.wait(ASK_AGAIN_SECONDS)
        if self._uncertain:
            for asked in self._uncertain[1]:
                asked.error = StorageError("nobody knows whether this was written")
            self._answer(self._uncertain[1])

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.roll_back()

    def _attempt(self, asked: _Asked) -> None:
        try:
            asked.result = asked.unit(self._connection)
        except BaseException as error:  # noqa: BLE001 - a unit's failure belongs to its future
            asked.error = self._as_storage_error(error)

    def _as_storage_error(self, error: BaseException) -> BaseException:
        if isinstance(error, StateLockedError):
            if self._lost is not None:
                self._loop.call_soon_threadsafe(self._lost, error)
                self._lost = None
            return _caused(_TakenOverError(str(error)), error)
        if isinstance(error, sqlite3.Error):
            return _caused(StorageError(f"the database refused: {error}"), error)
        return error


def _locks(writes: list[_Asked]) -> Locks:
    locks = NO_LOCKS
    for asked in writes:
        if asked.locks is not NO_LOCKS:
            locks |= asked.locks
    return locks


class _TakenOverError(StorageError):
    """Another daemon works on the database now."""


def _caused(wrapped: StorageError, error: BaseException) -> StorageError:
    wrapped.__cause__ = error
    return wrapped


def _answer(group: list[_Asked]) -> None:
    for asked in group:
        if asked.future.done():
            continue
        if asked.error is None:
            asked.future.set_result(asked.result)
        else:
            asked.future.set_exception(asked.error)
