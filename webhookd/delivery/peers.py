"""The other daemons on the same database, as deliveries see them.

The engine asks its `Peers` wherever another daemon could matter: before a start, about what a
transaction locks, whom to notify. It never asks whether there are other daemons: `Alone` answers
for a database that only one daemon writes to, `FleetPeers` for one that several daemons share.
`process.assembly.engine_assembly` chooses one of them, once.

All methods run on the event loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from webhookd.delivery.lanes.lane_share import UNLIMITED
from webhookd.delivery.rate_limit import RateLimiter
from webhookd.storage.database.connection import NO_LOCKS, Locks
from webhookd.storage.deliveries.due import find_due

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import RateLimit
    from webhookd.delivery.lanes.lane import Lane
    from webhookd.delivery.lanes.lane_share import LaneShare
    from webhookd.model import Settlement
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.deliveries.due import Due, FetchRequest
    from webhookd.storage.fleet.shares import Grant, ShareRequest


EXCLUSIVE_STEP = 500, 0.02
"""Deliveries that one exclusive transaction changes where nobody else waits: a few milliseconds of
the writer's time; and the seconds after it, in which the daemon does what it does besides."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """This daemon's lanes, as its peers reach them.

    *serve* lets a lane start what it may, *serve_later* does so after some seconds; *remind* wakes
    the scheduler where a lane has something to fetch before the timer rings.
    """

    by_name: Mapping[str, Lane]
    by_number: Mapping[int, Lane]
    serve: Callable[[Lane], None]
    serve_later: Callable[[Lane, float], None]
    remind: Callable[[Lane], None]


class Peers(Protocol):
    """The other daemons on the database."""

    @property
    def exclusive_step(self) -> tuple[int, float]:
        """Return how many deliveries one exclusive transaction may change, and the seconds after.

        Nothing else is written during it, and in the seconds after it everybody catches up.
        """

    def may_end_unknown(self) -> bool:
        """Return whether what waits for a webhook that this daemon does not know may be ended.

        Another daemon, with a newer configuration, may know it.
        """

    def attach(self, lanes: Lanes) -> None:
        """Work on *lanes* from now on; called once, before any other method."""

    def new_share(self) -> LaneShare:
        """Return this daemon's share of a lane that it has not had in force before."""

    def limit_starts(self, lane: Lane, limit: RateLimit | None, starts: Sequence[datetime]) -> None:
        """Put a rate limit in force, or none; *starts* are late ones that only the disk has."""

    def may_start(self, lane: Lane) -> bool:
        """Return whether *lane* may begin an attempt now; if not, see to it that it will."""

    def started(self, lane: Lane, delivery_id: str) -> Coroutine[None, None, None] | None:
        """Count a start; return what must be awaited before the attempt, None for nothing."""

    def sent_nothing(self, lane: Lane, seconds: float) -> None:
        """Note that the attempt that just ended, after *seconds*, used no start."""

    def ended(self, lane: Lane) -> None:
        """Do what follows from the end of an attempt, whose outcome the lane knows already."""

    def share_request(self, lane: Lane) -> ShareRequest | None:
        """Return what to request together with a fetch; None where there is a share already."""

    def share_granted(self, lane: Lane, grant: Grant) -> None:
        """Take over what came of a request that went together with a fetch."""

    def share_changed(self, lane: Lane) -> None:
        """Request a new share of a lane whose definition or row is another."""

    def room_for(self, webhooks: Iterable[str]) -> tuple[Mapping[str, int] | None, Locks]:
        """Return for how many new deliveries of each webhook there is room, and what to lock.

        A transaction that stores deliveries must have these locks. None instead of room: this
        daemon owns all that it stores, wherever there is room.
        """

    def locks_for(self, settlements: Iterable[Settlement]) -> Locks:
        """Return what a transaction that writes *settlements* must lock."""

    def batches(self, requests: Sequence[FetchRequest]) -> Iterable[Sequence[FetchRequest]]:
        """Return *requests* in groups that may be fetched in one transaction."""

    async def fetch(self, requests: Sequence[FetchRequest], now: datetime) -> list[Due]:
        """Fetch what is due at *now*, for this daemon alone. Raises StorageError."""

    def notify(self, kind: str, about: Iterable[object]) -> None:
        """Notify the other daemons."""

    async def stop(self) -> None:
        """Request nothing more, and write what is still to be reported."""


class Alone:
    """No other daemon writes to the database: everything is this daemon's, and nobody is told.

    Rate limits are counted here, in memory and on the disk.
    """

    def __init__(self, writer: Writer, *, clock: Clock) -> None:
        self._writer = writer
        self._limiter = RateLimiter(writer, clock=clock)

    @property
    def exclusive_step(self) -> tuple[int, float]:
        """Return steps of a few milliseconds, after which this daemon's own work goes on."""
        return EXCLUSIVE_STEP

    def may_end_unknown(self) -> bool:
        """Return True: it is ended here, or by nobody."""
        return True

    def attach(self, lanes: Lanes) -> None:
        """Do nothing: no other daemon changes anything about the lanes."""

    def new_share(self) -> LaneShare:
        """Return the share that is all of a lane."""
        return UNLIMITED

    def limit_starts(self, lane: Lane, limit: RateLimit | None, starts: Sequence[datetime]) -> None:
        """Give the lane a window of its late starts."""
        lane.limit_starts(self._limiter.window(lane.window, limit, starts))

    def may_start(self, lane: Lane) -> bool:  # noqa: ARG002 - the answer is the same for all
        """Return True: the lane's own slots and window decide."""
        return True

    def started(self, lane: Lane, delivery_id: str) -> Coroutine[None, None, None] | None:
        """Count the start; where there is a limit, it must be on the disk before the attempt."""
        return self._limiter.start(lane, delivery_id)

    def sent_nothing(self, lane: Lane, seconds: float) -> None:
        """Give the start back."""
        self._limiter.give_back(lane, seconds)

    def ended(self, lane: Lane) -> None:
        """Do nothing."""

    def share_request(self, lane: Lane) -> ShareRequest | None:  # noqa: ARG002 - as above
        """Return None: there is nothing to request."""
        return None

    def share_granted(self, lane: Lane, grant: Grant) -> None:
        """Do nothing: nothing is requested."""

    def share_changed(self, lane: Lane) -> None:
        """Do nothing."""

    def room_for(
        self,
        webhooks: Iterable[str],  # noqa: ARG002 - as above
    ) -> tuple[Mapping[str, int] | None, Locks]:
        """Return that this daemon takes all, and that nothing needs a lock."""
        return None, NO_LOCKS

    def locks_for(self, settlements: Iterable[Settlement]) -> Locks:  # noqa: ARG002 - as above
        """Return no locks."""
        return NO_LOCKS

    def batches(self, requests: Sequence[FetchRequest]) -> Iterable[Sequence[FetchRequest]]:
        """Return all in one group: reading keeps nobody waiting."""
        return (requests,) if requests else ()

    async def fetch(self, requests: Sequence[FetchRequest], now: datetime) -> list[Due]:
        """Read what is due, between two commits: what is in memory already is left out."""
        return await self._writer.read(partial(find_due, wanted=requests, now=now))

    def notify(self, kind: str, about: Iterable[object]) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""
