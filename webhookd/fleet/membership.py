"""What a daemon does every two seconds, and on a notification, to be a member of its fleet.

There is no leader: every member does the same. One pass (`refresh`) on the event loop:

    on the writer's thread, one transaction    on the event loop, with what it found
    ───────────────────────────────────────    ─────────────────────────────────────────────
    set the shared clock                       end the sessions of expired members
    expire members whose lease is over         lanes as their rows say now  ─► `FleetPeers`
    free what expired members had              shares that others want      ─► `FleetPeers`
    read members, lanes, shares, own rows      own rows in nobody's memory: given back (rule 9)

The transaction itself moves this daemon's lease on. Notifications only make it quicker: whatever
one says stands in the database, and a lost one costs two seconds; one that says that a source has
news (`woken`) costs the time until that is polled anyway.

Threads: `_heard` is called on the event loop, for the listener's thread; `_session_reopened` is
called there for the writer's thread; `fleet_pass.read` runs on the writer's thread. All other
methods run on the event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import clock, telemetry
from webhookd.errors import StorageError
from webhookd.fleet import fleet_pass
from webhookd.fleet.notifications import Notifications
from webhookd.storage.deliveries import lanes
from webhookd.storage.deliveries.due import give_back, next_due
from webhookd.storage.fleet import members, notify
from webhookd.storage.refused_writes import keep_trying
from webhookd.telemetry import metrics
from webhookd.telemetry.events import BugFound, FleetDaemonDied, FleetRejoined, StorageRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from webhookd.delivery.dispatcher import Dispatcher
    from webhookd.fleet.database_clock import SharedClock
    from webhookd.fleet.exclusive_work import ExclusiveWork
    from webhookd.fleet.fleet_pass import FleetPass
    from webhookd.fleet.fleet_peers import FleetPeers
    from webhookd.fleet.known_members import KnownMembers
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.fleet.members import Expired

REFRESH_SECONDS: Final = 2.0
"""Pause between two passes: a lease (15 s) outlasts several that fail."""

MAY_EXPIRE_AFTER_SECONDS: Final = 5.0
"""Seconds a session must have lasted before it may expire other members.

After a restart of the server all leases are over, and every daemon needs a moment to come back.
"""


@dataclass(frozen=True, slots=True)
class MembershipDependencies:
    """The parts of this daemon that other members matter to.

    Each pass writes the members it found into *members*, and calls *refreshed* at its end.
    *timed* looks for the next moments: another daemon planned some.
    *put_in_force* is called when this daemon goes on under a new number: it writes once more which
    configuration is in force here. *wake* lets sources that rest go on: somebody reloaded another
    daemon. Should that notification be lost, they end their rest by themselves. *hint* has a source
    polled soon: another daemon was told that it has news. Lost, that costs `poll_every`.
    """

    dispatcher: Dispatcher
    peers: FleetPeers
    exclusive_work: ExclusiveWork
    members: KnownMembers
    put_in_force: Callable[[], Awaitable[None]]
    refreshed: Callable[[], Awaitable[None]]
    wake: Callable[[], None]
    hint: Callable[[str], object]
    timed: Callable[[], Coroutine[None, None, None]]


class Membership:
    """This daemon's membership in its fleet: sees the other members, and notifies them.

    Call `join` once the writer runs, then `refresh` before and after the first configuration comes
    into force, then `run` until the end.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        dependencies: MembershipDependencies,
        shared_clock: SharedClock,
    ) -> None:
        self._database = database
        self._writer = writer
        self._dependencies = dependencies
        self._dispatcher = dependencies.dispatcher
        self._peers = dependencies.peers
        self._clock = shared_clock
        self._number: int | None = None
        self._session_since = self._refreshed_at = clock.boottime()
        self._notifications = Notifications(writer)
        # Owned at the latest pass, and in nobody's memory then (rule 9).
        self._unknown: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self) -> None:
        """Be the member that the writer's session registered, and watch for other sessions."""
        self._number = self._writer.owner
        self._peers.join()
        self._session_since = self._refreshed_at = clock.boottime()
        self._writer.watch_session(self._session_reopened)

    async def run(self) -> None:
        """Make a pass every two seconds, and hear notifications, until cancelled."""
        loop = asyncio.get_running_loop()
        self._peers.connect(self.notify)

        # Called on the listener's thread.
        def heard(text: str) -> None:
            loop.call_soon_threadsafe(self._heard, text)

        listening = self._database.kind.listen(heard)
        self.notify("joined", ())
        try:
            while True:
                await asyncio.sleep(REFRESH_SECONDS)
                await self.refresh()
        finally:
            self._peers.disconnect()
            for task in self._tasks:
                task.cancel()
            if listening is not None:
                await asyncio.to_thread(listening.close)

    async def end(self, running: asyncio.Task[None]) -> None:
        """End *running* with the daemon, which waits no longer for a silent server than it must."""
        self._writer.begin_ending()
        running.cancel()
        await asyncio.wait([running])

    def notify(self, kind: str, about: Iterable[object]) -> None:
        """Notify the other members in a few milliseconds, if there are any."""
        if self._dependencies.members.has_others:
            self._notifications.add(kind, about)

    def _heard(self, text: str) -> None:
        for sender, kind, about in notify.parse(text):
            if sender != self._number:
                self._act(kind, about)

    def _act(self, kind: str, about: list[str]) -> None:  # noqa: C901 - one case for each kind
        match kind:
            case "due":
                now = self._clock.now()
                self._peers.due_elsewhere(dict.fromkeys(map(int, about), now))
            case "want":
                self._peers.shares_wanted(map(int, about))
            case "free":
                self._peers.shares_freed(map(int, about))
            case "gone":
                self._dispatcher.lanes.forget(about)
                self._dispatcher.fetches.refetch()
            case "lanes":
                self._spawn(self._sync())
            case "reloaded":
                self._dependencies.wake()
            case "woken":
                for source in about:
                    self._dependencies.hint(source)
            case "moments":
                self._spawn(self._dependencies.timed())
            case "joined":
                self._spawn(self.refresh())
            case _:
                # Of a newer webhookd: the next pass finds what there is to know.
                pass

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sync(self) -> None:
        try:
            self._peers.sync(await self._writer.read(lanes.all_rows))
        except StorageError:
            # The next pass does it.
            return

    def _session_reopened(self) -> None:
        """Take note that the session is a new one: its locks are lost, perhaps its number too.

        The writer calls it, on the event loop.
        """
        # The pause before this member may expire others begins anew: all may have lost theirs.
        self._session_since = clock.boottime()
        self._dependencies.exclusive_work.lose_all()
        if self._writer.owner != self._number:
            self._number = self._writer.owner
            telemetry.report(FleetRejoined(self._number))
            # Rule 9: under the old number nothing is owned any more, so nothing may be in memory.
            self._peers.forget_everything()
            again = self._dependencies.put_in_force
            self._spawn(keep_trying(again, what="a daemon's return", pause=REFRESH_SECONDS))

    async def refresh(self) -> None:
        """Make one pass. Raises nothing: what fails is reported, and the next pass is another."""
        try:
            await self._pass()
        except StorageError as error:
            telemetry.report(StorageRefused("a look at other daemons", 1, str(error)))
        except Exception as error:  # noqa: BLE001 - the next pass is another
            telemetry.report(BugFound("fleet.look_broke", error))

    async def _pass(self) -> None:
        found = await self._writer.write(
            partial(
                fleet_pass.read,
                shared_clock=self._clock,
                may_expire=self._may_expire(clock.boottime()),
            )
        )
        # At once: behind another await, what a pause or a settlement did to a lane meanwhile
        # would be undone by the row that was read before it.
        self._take_over(found)
        # After the members that expired were freed of what they had, so that it is found.
        due = await asyncio.to_thread(next_due, self._database, self._number or 0)
        # Only a hint: a time that is over by now costs a fetch that finds nothing.
        self._peers.due_elsewhere(due)
        await self._dependencies.refreshed()

    def _take_over(self, found: FleetPass) -> None:
        """Bring what is in memory in line with what a pass found; nothing is awaited."""
        self._end_sessions(found.expired)
        self._dependencies.members.replace(found.daemons)
        metrics.FLEET_DAEMONS.set(len(found.daemons))
        metrics.FLEET_CONFIGS.set(len({one.config_hash for one in found.daemons}))
        self._peers.sync(found.rows)
        self._peers.check_shares(found.contested)
        self._give_back(found.owned)
        if found.is_ordering_unfinished:
            self._dispatcher.resume_reordering()
        if found.freed:
            self.notify("free", found.freed)
            self.notify("due", found.freed)

    def _may_expire(self, now: float) -> bool:
        """Return whether this pass, at *now* (`boottime`), may expire other members."""
        if now - self._refreshed_at > MAY_EXPIRE_AFTER_SECONDS:
            # This daemon stood still, or could not write; perhaps the others could not either.
            self._session_since = now
        self._refreshed_at = now
        return now - self._session_since >= MAY_EXPIRE_AFTER_SECONDS

    def _end_sessions(self, expired: Iterable[Expired]) -> None:
        for member in expired:
            telemetry.report(FleetDaemonDied(member.number, member.host, member.process_id))
            # Behind the commit. Where the user may not, the server ends it by itself; nothing is
            # written there, for each transaction begins with the member's row.
            ended = self._writer.read(partial(members.end_session, expired=member))
            ended.add_done_callback(lambda done: done.exception())

    def _give_back(self, owned: Iterable[tuple[str, int, bool]]) -> None:
        """Leave to others what is this daemon's and was not in its memory at two passes.

        A delivery that a person cancelled at another daemon is dropped, if its attempt has not
        begun.
        """
        self._dispatcher.lanes.forget(id_ for id_, _, is_open in owned if not is_open)
        prefetched, fetching = self._peers.prefetched, self._peers.fetching
        missing = {id_: lane for id_, lane, _ in owned if id_ not in prefetched}
        # Rule 9. Two passes, and no fetch under way: a delivery may have been claimed on the
        # writer's thread while the answer is on its way to the lane.
        ids = [
            id_ for id_, lane in missing.items() if id_ in self._unknown and lane not in fetching
        ]
        self._unknown = set(missing)
        if ids:
            unit = partial(give_back, ids=ids)
            self._writer.write(unit).add_done_callback(lambda done: done.exception())
            self.notify("due", {missing[id_] for id_ in ids})
