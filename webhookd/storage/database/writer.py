"""The one writer: a thread that commits whatever was queued while it last committed.

Grouping makes a full fsync cheap per row: a group is all the units that came in during the commit
before it. Which thread does what:

    event loop     write, read ─► queue        futures completed ◄─ _complete
                                    │                   ▲
    writer thread                   └─► _run: _take_group ─► `GroupCommit.serve`

* The event loop appends to the queue and completes futures; nobody else does either.
* The writer's thread takes from the queue and has the connection to itself.
* `_watch`, on the event loop, cuts a connection whose server does not answer.

Reads that are queued here run between groups, and their answers reach the event loop in the order
of the commits: that is what makes handing out due deliveries free of races (rule 2 of
docs/architecture.md).
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from webhookd import clock, telemetry
from webhookd.errors import StateLockedError, StorageError
from webhookd.storage.database.connection import NO_LOCKS
from webhookd.storage.database.group_commit import GroupCommit, QueuedUnit, Result, Unit
from webhookd.telemetry.events import BugFound
from webhookd.telemetry.unhandled import watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.storage.database.connection import Locks, Member
    from webhookd.storage.database.database import Database

__all__ = ["Unit", "Writer"]

GROUP_LIMIT: Final = 1000
"""Units in one transaction at the most: a commit of more would keep its first unit waiting."""

LANES_LIMIT: Final = 32
"""Lanes that one transaction locks at the most: all daemons that want one of them wait for it."""

OPEN_COMMIT_SECONDS: Final = 0.5
"""Pause before a server is asked again what became of a commit, and between looks of `_watch`."""

SILENT_SECONDS: Final = 15.0
"""How long a server may take to answer before the connection is cut: as long as a lease lasts."""

ENDING_SECONDS: Final = 5.0
"""The same while the daemon ends, which must not take longer than systemd waits."""

LAST_ANSWER_SECONDS: Final = 5.0
"""How long the writer asks for the fate of an uncertain commit when it is closed."""


class Writer:
    """The thread that owns the only writing connection. An async context manager.

    *lost* is called on the event loop, once, when another process has taken the database over
    while this one's connection was lost (PostgreSQL only): nothing is ever written again.

    Where several daemons share the database it writes in the name of *member*. `watch_session` has
    a function called when the session was lost and made anew, with all locks by name gone.

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
        self._reopened: Callable[[], None] = lambda: None
        self._queue: deque[QueuedUnit] = deque()
        self._wake = threading.Event()
        self._is_closing = False
        # In seconds of the monotonic clock; the writer's thread sets it, `_watch` reads it. None
        # while the thread waits for work, and for no server.
        self._busy_since: float | None = None
        self._watching: asyncio.Task[None] | None = None
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop

    async def __aenter__(self) -> Self:
        """Connect and start the thread; raises as `Database.connect` does."""
        self._loop = asyncio.get_running_loop()
        self._connection = self._database.connect(self._member, self._session_reopened)
        self._commits = GroupCommit(self._connection, answer=self._answer, lost=self._database_lost)
        self._thread.start()
        if self.is_shared:
            self._watching = watched(self._loop.create_task(self._watch()), "watch")
        return self

    def begin_ending(self) -> None:
        """Wait no longer for a silent server than the daemon's end may take; the event loop."""
        self._is_ending = True

    async def __aexit__(self, *_: object) -> None:
        """Commit what is queued, then stop: without a server that does not answer any more."""
        # From here on `_enqueue` refuses, so the queue that the thread empties is the last.
        self._is_closing = True
        self._wake.set()
        self.begin_ending()
        # On another thread: the event loop must go on completing futures, and cut a silent server.
        await asyncio.to_thread(self._thread.join)
        if self._watching is not None:
            self._watching.cancel()
        self._connection.close()

    def watch_session(self, reopened: Callable[[], None]) -> None:
        """Have *reopened* called, on the event loop, whenever the session is a new one."""
        self._reopened = reopened

    @property
    def is_shared(self) -> bool:
        """Return whether other daemons may work on the database."""
        return self._database.kind.is_shared

    @property
    def refused_at(self) -> float | None:
        """Return when the database last did not take something; None since it takes all."""
        return self._commits.refused_at

    @property
    def owner(self) -> int | None:
        """Return the number of this daemon in its fleet.

        None for a daemon that is alone, and for one that was expired and has no new number yet.
        """
        return self._connection.session.owner

    @property
    def has_lease(self) -> bool:
        """Return whether attempts may begin: no other daemon thinks that this one is gone."""
        return clock.boottime() < self._connection.session.leased_until

    def write(self, unit: Unit[Result], locks: Locks = NO_LOCKS) -> asyncio.Future[Result]:
        """Run *unit* in the next transaction; the future is done when it is on the disk.

        Called on the event loop; *unit* runs on the writer's thread, and again by itself where
        another unit of its group failed. The transaction waits for *locks* first, as they are
        needed against other daemons. The future raises StorageError when the database refused,
        else what *unit* raised.
        """
        return self._enqueue(unit, writes=True, locks=locks)

    def read(self, unit: Unit[Result]) -> asyncio.Future[Result]:
        """Run *unit*, which must not write, on the writer's thread after the next commit.

        Called on the event loop. The future raises as that of `write` does.
        """
        return self._enqueue(unit, writes=False)

    async def _watch(self) -> None:
        """Cut a connection whose other side does not answer: it may never do."""
        while True:
            await asyncio.sleep(OPEN_COMMIT_SECONDS)
            limit = ENDING_SECONDS if self._is_ending else SILENT_SECONDS
            since = self._busy_since
            # The answer may come at this moment; then an idle connection is cut, and made anew.
            if since is not None and clock.monotonic() - since >= limit:
                # Begin to count anew: what follows over another connection has its own time.
                self._busy_since = clock.monotonic()
                self._connection.cut()
                self._database.cut()

    def _enqueue(
        self, unit: Unit[Result], *, writes: bool, locks: Locks = NO_LOCKS
    ) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = self._loop.create_future()
        if self._is_closing:
            future.set_exception(StorageError("the database is closed"))
            return future
        self._queue.append(QueuedUnit(unit, future, writes, locks))
        # Set once is enough: the thread clears it before it looks at the queue, so a unit that is
        # appended behind that look sets it again.
        if not self._wake.is_set():
            self._wake.set()
        return future

    def _run(self) -> None:
        """Serve the queue until it is empty and the writer closes; the writer's thread."""
        while True:
            session = self._connection.session
            pause = OPEN_COMMIT_SECONDS if self._commits.is_uncertain else session.idle_seconds
            # An open commit comes first: the next transaction would take its mark away.
            if not self._wake.wait(pause) and not self._commits.is_uncertain:
                self._busy_since = clock.monotonic()
                self._commits.look_after()
            self._wake.clear()
            while self._queue:
                self._busy_since = clock.monotonic()
                self._serve(self._take_group())
            self._commits.settle_open()
            # In this order: once it is closing, nothing is queued. What was queued behind the look
            # at the queue, while `settle_open` waited for the server, has a round of its own.
            if self._is_closing and not self._queue:
                self._settle_at_last()
                return
            self._busy_since = None

    def _serve(self, group: list[QueuedUnit]) -> None:
        """Serve *group*; a bug there is its units' error, and the thread goes on."""
        try:
            self._commits.serve(group)
        except Exception as error:  # noqa: BLE001 - without this thread nothing would be written
            telemetry.report(BugFound("daemon.task_broke", error, {"task": "writer"}))
            for queued in group:
                queued.fail(error)
            self._answer(group)

    def _take_group(self) -> list[QueuedUnit]:
        """Return what is done next, as one transaction: not with too many locks."""
        group: list[QueuedUnit] = []
        lanes: frozenset[int] = frozenset()
        while self._queue and len(group) < GROUP_LIMIT:
            locks = self._queue[0].locks
            if locks is not NO_LOCKS:
                # The first always goes: a unit that alone needs more would wait for ever.
                lanes |= locks.lanes
                if group and len(lanes) > LANES_LIMIT:
                    break
            group.append(self._queue.popleft())
        return group

    def _settle_at_last(self) -> None:
        """Wait a little for a commit that is still open, before the connection is closed."""
        end = clock.monotonic() + LAST_ANSWER_SECONDS
        while self._commits.is_uncertain and clock.monotonic() < end:
            self._commits.settle_open()
            self._wake.wait(OPEN_COMMIT_SECONDS)
        self._commits.give_up_open()

    # Callbacks of the writer's thread. Each hands over to the event loop, whose callbacks run in
    # the order in which they were handed over.

    def _answer(self, group: list[QueuedUnit]) -> None:
        self._loop.call_soon_threadsafe(_complete, group)

    def _session_reopened(self) -> None:
        # `_reopened` is read on the event loop, where it is set.
        self._loop.call_soon_threadsafe(self._call_reopened)

    def _call_reopened(self) -> None:
        self._reopened()

    def _database_lost(self, error: StateLockedError) -> None:
        if self._lost is not None:
            self._loop.call_soon_threadsafe(self._lost, error)


def _complete(group: list[QueuedUnit]) -> None:
    """Complete the futures of *group*; the event loop, rule 2: in the order of the commits."""
    for queued in group:
        if queued.future.done():
            # Whoever queued it has gone: what was written stays.
            continue
        if queued.error is None:
            queued.future.set_result(queued.result)
        else:
            queued.future.set_exception(queued.error)
