"""What a daemon does about the others, every two seconds and when it is told something."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import clock, telemetry
from webhookd.errors import StorageError
from webhookd.storage.deliveries import lanes, record_order
from webhookd.storage.deliveries.due import give_back, next_due, owned
from webhookd.storage.fleet import members, notify, shares
from webhookd.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from webhookd.delivery.dispatcher import Dispatch
    from webhookd.fleet.database_clock import SharedClock
    from webhookd.fleet.exclusive_work import Holding
    from webhookd.fleet.fleet_peers import FleetPeers
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.storage.fleet.members import Daemon, Expired

EVERY: Final = 2.0

PATIENCE: Final = 5.0
"""So long a session must have been there before others are declared dead.

After a restart of the server all leases are over, and everybody needs a moment to come back.
"""

TOLD_AFTER: Final = 0.02
"""Seconds in which what is to be told is gathered: the server tells one transaction at a time."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the others found.

    *owned* is what is this daemon's: ids, each with its lane, and whether it is open.
    """

    dead: tuple[Expired, ...]
    freed: frozenset[int]
    daemons: tuple[Daemon, ...]
    rows: tuple[LaneRow, ...]
    contested: frozenset[int]
    owned: tuple[tuple[str, int, bool], ...]
    is_ordering_unfinished: bool


@dataclass(frozen=True, slots=True)
class Others:
    """The parts of this daemon that others matter to."""

    dispatch: Dispatch
    peers: FleetPeers
    holding: Holding


class Beat:
    """Looks at the others and tells them things, for one daemon of several.

    `rejoin`, when it is set, puts the configuration in force once more; `looked` is called after
    each look.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        parts: Others,
        shared_clock: SharedClock,
    ) -> None:
        self._database = database
        self._writer = writer
        self._dispatch = parts.dispatch
        self._peers = parts.peers
        self._holding = parts.holding
        self._clock = shared_clock
        self._number = writer.owner
        self._session_since = self._looked_at = clock.boottime()
        self._unknown: set[str] = set()
        self._to_tell: dict[str, set[object]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.daemons: tuple[Daemon, ...] = ()
        writer.reopened = self._reopened
        self.rejoin: Callable[[], Awaitable[None]] | None = None
        self.looked: Callable[[], Awaitable[None]] | None = None

    @property
    def has_others(self) -> bool:
        """Return whether other daemons work on the database."""
        return len(self.daemons) > 1

    async def run(self) -> None:
        """Look every two seconds until cancelled."""
        loop = asyncio.get_running_loop()
        self._peers.connect(self.tell)

        def heard(text: str) -> None:
            loop.call_soon_threadsafe(self._heard, text)

        channel = self._database.kind.listen(heard)
        self.tell("joined", ())
        try:
            while True:
                await asyncio.sleep(EVERY)
                await self.look()
        finally:
            self._peers.disconnect()
            for task in self._tasks:
                task.cancel()
            if channel is not None:
                await asyncio.to_thread(channel.close)

    async def end(self, running: asyncio.Task[None]) -> None:
        """End *running* with the daemon, which waits no longer for a silent server than it must."""
        self._writer.is_ending = True
        running.cancel()
        await asyncio.wait([running])

    def tell(self, kind: str, about: Iterable[object]) -> None:
        """Tell the others, in a moment, and if there are any."""
        if not self.has_others:
            return
        if not self._to_tell:
            asyncio.get_running_loop().call_later(TOLD_AFTER, self._tell_gathered)
        self._to_tell.setdefault(kind, set()).update(about)

    def _tell_gathered(self) -> None:
        gathered, self._to_tell = self._to_tell, {}

        def tell(connection: Connection) -> None:
            for kind, about in gathered.items():
                notify.notify(connection, kind, about)

        # What nobody hears they see at their next look.
        self._writer.write(tell).add_done_callback(lambda done: done.exception())

    def _heard(self, text: str) -> None:
        for teller, kind, about in notify.parse(text):
            if teller == self._number:
                continue
            match kind:
                case "due":
                    now = self._clock.now()
                    self._peers.due_elsewhere(dict.fromkeys(map(int, about), now))
                case "want":
                    self._peers.shares_wanted(map(int, about))
                case "free":
                    self._peers.shares_freed(map(int, about))
                case "gone":
                    self._dispatch.forget(about)
                    self._dispatch.look_again()
                case "lanes":
                    self._start(self._sync())
                case "joined":
                    self._start(self.look())
                case _:
                    # Of a newer webhookd: the next look finds what there is to know.
                    pass

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sync(self) -> None:
        try:
            self._peers.sync(await self._writer.read(lanes.all_rows))
        except StorageError:
            # The next look does it.
            return

    def _reopened(self) -> None:
        """Take note that the session is another: what it held is lost, perhaps more."""
        self._session_since = clock.boottime()
        self._holding.lose_all()
        if self._writer.owner != self._number:
            self._number = self._writer.owner
            telemetry.fleet_rejoined(self._number)
            self._peers.forget_everything()
            self._start(self._begin_anew())

    async def _begin_anew(self) -> None:
        """Say what this daemon has in force, as it goes on as another than before."""
        while self.rejoin is not None:
            try:
                await self.rejoin()
            except StorageError as error:
                telemetry.storage_refused("a daemon's return", error, 1)
                await asyncio.sleep(EVERY)
            else:
                return

    async def look(self) -> None:
        """Look at the others once."""
        try:
            now = clock.boottime()
            if now - self._looked_at > PATIENCE:
                # Nobody could write, others neither.
                self._session_since = now
            self._looked_at = now
            may_bury = now - self._session_since >= PATIENCE
            found = await self._writer.write(partial(self._seen, may_bury=may_bury))
            due = await asyncio.to_thread(next_due, self._database, self._number or 0)
        except StorageError as error:
            telemetry.storage_refused("a look at other daemons", error, 1)
            return
        except Exception as error:  # noqa: BLE001 - the next look is another
            telemetry.bug("fleet.look_broke", error)
            return
        for dead in found.dead:
            telemetry.fleet_died(dead.number, dead.host, dead.process_id)
            # Where it may not, the server ends it by itself, and nothing can be written there.
            ended = self._writer.read(partial(members.end_session, expired=dead))
            ended.add_done_callback(lambda done: done.exception())
        self.daemons = found.daemons
        metrics.FLEET_DAEMONS.set(len(found.daemons))
        metrics.FLEET_CONFIGS.set(len({one.config_hash for one in found.daemons}))
        self._peers.sync(found.rows)
        self._peers.due_elsewhere(due)
        self._peers.check_shares(found.contested)
        self._give_back(found.owned)
        if found.is_ordering_unfinished:
            self._dispatch.resume_ordering()
        if found.freed:
            self.tell("free", found.freed)
            self.tell("due", found.freed)
        if self.looked is not None:
            await self.looked()

    def _seen(self, connection: Connection, *, may_bury: bool) -> _Look:
        self._clock.compare(connection)
        dead = members.expire(connection) if may_bury else []
        return _Look(
            tuple(dead),
            members.free(connection),
            tuple(members.daemons(connection)),
            tuple(lanes.all_rows(connection)),
            shares.contested(connection),
            tuple(owned(connection)),
            record_order.is_unfinished(connection),
        )

    def _give_back(self, owned: Iterable[tuple[str, int, bool]]) -> None:
        """Leave to others what is this daemon's and was not in its memory at two looks.

        What somebody cancelled at another daemon is dropped, if its attempt has not begun.
        """
        self._dispatch.forget(id_ for id_, _, is_open in owned if not is_open)
        leased, fetching = self._peers.leased, self._peers.fetching
        missing = {id_: lane for id_, lane, _ in owned if id_ not in leased}
        ids = [
            id_ for id_, lane in missing.items() if id_ in self._unknown and lane not in fetching
        ]
        self._unknown = set(missing)
        if ids:
            unit = partial(give_back, ids=ids)
            self._writer.write(unit).add_done_callback(lambda done: done.exception())
            self.tell("due", {missing[id_] for id_ in ids})
