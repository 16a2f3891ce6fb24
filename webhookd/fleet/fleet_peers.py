"""The other daemons of a fleet: what they did to this one's lanes, and what is kept from them.

Everything runs on the event loop. `delivery` calls the methods of `Peers`; `membership` calls the
rest, after each of its looks at the database and whenever a notification arrives.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd.delivery.lanes.lane_share import LaneShare
from webhookd.fleet.share_client import ShareClient
from webhookd.storage.database.connection import Locks
from webhookd.storage.deliveries.due import find_due

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import RateLimit
    from webhookd.delivery.lanes.lane import Lane
    from webhookd.delivery.peers import Lanes
    from webhookd.model import Settlement
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.deliveries.due import Due, FetchRequest
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.storage.fleet.shares import Grant, ShareRequest

LANES_AT_ONCE: Final = 16
"""Lanes whose due deliveries are claimed in one transaction: others wait for its locks.

Half of what one transaction may lock (`writer.LANES_LIMIT`).
"""


EXCLUSIVE_STEP: Final = 50, 0.05
"""Deliveries that one exclusive transaction changes while all daemons wait for it, and the seconds
after it in which they go on."""


class FleetPeers:
    """The other daemons of this one's fleet. *clock* tells the fleet's time."""

    def __init__(self, writer: Writer, *, clock: Clock) -> None:
        self._writer = writer
        self._clock, self._now = clock, clock.now
        # Membership's, while that runs: a daemon that starts or ends notifies nobody.
        self._send: Callable[[str, Iterable[object]], None] | None = None
        self._lanes: Lanes
        self._shares: ShareClient

    def attach(self, lanes: Lanes) -> None:
        """Work on *lanes* from now on; called once, before any other method."""
        self._lanes = lanes
        self._shares = ShareClient(
            self._writer,
            clock=self._clock,
            serve=lanes.serve,
            serve_later=lanes.serve_later,
            notify=self.notify,
        )

    def join(self) -> None:
        """Let attempts begin, for the member that the running writer's session registered."""
        self._shares.renumbered()

    # What `delivery` asks: see `Peers`.

    @property
    def exclusive_step(self) -> tuple[int, float]:
        """Return shorter steps with longer pauses: every daemon waits for each."""
        return EXCLUSIVE_STEP

    def may_end_unknown(self) -> bool:
        """Return False: another daemon may have a newer configuration."""
        return False

    def new_share(self) -> LaneShare:
        """Return a share of nothing yet: it is requested with the first fetch."""
        return LaneShare()

    def limit_starts(
        self,
        lane: Lane,
        limit: RateLimit | None,
        starts: Sequence[datetime],  # noqa: ARG002 - the database counts those of all daemons
    ) -> None:
        """Have starts requested from the database, in batches."""
        lane.share.limit_starts(limit)

    def may_start(self, lane: Lane) -> bool:
        """Return whether *lane* may begin an attempt now; if not, see to it that it will."""
        return self._shares.may_start(lane)

    def started(
        self,
        lane: Lane,
        delivery_id: str,  # noqa: ARG002 - a start is counted by its token
    ) -> Coroutine[None, None, None] | None:
        """Use a granted start, if the lane's are counted; the attempt need not wait for that."""
        self._shares.started(lane)
        return None

    def sent_nothing(self, lane: Lane, seconds: float) -> None:
        """Return the start, which counts until the database hears of it."""
        self._shares.sent_nothing(lane, seconds)

    def ended(self, lane: Lane) -> None:
        """Return what was only kept for the attempt that has ended."""
        self._shares.ended(lane)

    def share_request(self, lane: Lane) -> ShareRequest | None:
        """Return what to request together with a fetch; None where there is a share already."""
        return self._shares.request_with_fetch(lane)

    def share_granted(self, lane: Lane, grant: Grant) -> None:
        """Take over what came of a request that went together with a fetch."""
        self._shares.granted(lane, grant)

    def share_changed(self, lane: Lane) -> None:
        """Request a new share of *lane*, if it has or wants some."""
        if lane.share.counted > 0 or lane.share.wanted > 0:
            self._shares.request(lane)

    def room_for(self, webhooks: Iterable[str]) -> tuple[Mapping[str, int] | None, Locks]:
        """Return the room for new deliveries of *webhooks*, and what storing some locks."""
        # Asked on the event loop, before the transaction: by its end there may be less room. What a
        # lane then does not take into memory is this daemon's all the same (rule 9).
        now = self._now()
        lanes = [lane for name in set(webhooks) if (lane := self._lanes.by_name.get(name))]
        rooms = {lane.name: lane.room_for_new(now) for lane in lanes}
        # Rule 8: whoever decides about a record's order has its lane's lock.
        return rooms, Locks(frozenset(lane.row.number for lane in lanes if lane.row.is_ordered))

    def locks_for(self, settlements: Iterable[Settlement]) -> Locks:
        """Return what writing *settlements* locks: the lanes that keep an order (rule 8)."""
        numbers = {settlement.lane for settlement in settlements}
        return Locks(
            frozenset(
                number
                for number in numbers
                if (lane := self._lanes.by_number.get(number)) and lane.row.is_ordered
            )
        )

    def batches(self, requests: Sequence[FetchRequest]) -> Iterable[Sequence[FetchRequest]]:
        """Return *requests* in groups that may be fetched in one transaction."""
        for start in range(0, len(requests), LANES_AT_ONCE):
            yield requests[start : start + LANES_AT_ONCE]

    async def fetch(self, requests: Sequence[FetchRequest], now: datetime) -> list[Due]:
        """Claim what is due, as its owner, so that no other daemon fetches it, too."""
        # Rule 8, for the shares that are requested with it. Without one nothing is locked: rows
        # that another daemon is about to take are passed over.
        contended = frozenset(
            request.lane for request in requests if request.share_request is not None
        )
        unit = partial(find_due, wanted=requests, now=now)
        return await self._writer.write(unit, Locks(contended))

    def notify(self, kind: str, about: Iterable[object]) -> None:
        """Notify the other daemons, if membership has connected this one to them."""
        if self._send is not None:
            self._send(kind, about)

    async def stop(self) -> None:
        """Request nothing more, and report the starts that happened."""
        await self._shares.stop()

    # What `membership` tells.

    def connect(self, send: Callable[[str, Iterable[object]], None]) -> None:
        """Notify the other daemons through *send* from now on."""
        self._send = send

    def disconnect(self) -> None:
        """Notify nobody from now on."""
        self._send = None

    @property
    def prefetched(self) -> set[str]:
        """Return the ids of all that is in memory."""
        return {id_ for lane in self._lanes.by_name.values() for id_ in lane.memory}

    @property
    def fetching(self) -> set[int]:
        """Return the lanes of which something may be on its way into memory."""
        return {lane.row.number for lane in self._lanes.by_name.values() if lane.memory.is_fetching}

    def forget_everything(self) -> None:
        """Drop all that waits in memory: another daemon owns it by now."""
        # Called when the daemon has a new number. From its expiry until here `may_start` has
        # refused every start (rule 9).
        now = self._now()
        self._shares.renumbered()
        for lane in self._lanes.by_name.values():
            lane.disowned(now)
            self._lanes.remind(lane)

    def due_elsewhere(self, due: Mapping[int, datetime]) -> None:
        """Note when something is due, by lane: other daemons stored it, or left it."""
        for number, at in due.items():
            lane = self._lanes.by_number.get(number)
            if lane is not None:
                lane.memory.wait_until(at)
                self._lanes.remind(lane)

    def sync(self, rows: Iterable[LaneRow]) -> None:
        """Take over lanes' rows that other daemons may have changed."""
        # Nothing may be awaited between the answer with *rows* and this call: a pause, a reload or
        # a settlement could overtake them, and would be undone here. With changes under way the
        # row in memory is ahead of *rows*; the next pass brings what others wrote.
        now = self._now()
        for row in rows:
            lane = self._lanes.by_name.get(row.webhook)
            if lane is not None and not lane.changes_under_way and lane.is_other(row):
                lane.set_row(row, now)
                self.share_changed(lane)
                self._lanes.serve(lane)

    def shares_wanted(self, lanes: Iterable[int]) -> None:
        """Request shares of *lanes* anew: another daemon has less than its fair share."""
        for number in lanes:
            lane = self._lanes.by_number.get(number)
            if lane is not None:
                self.share_changed(lane)

    def shares_freed(self, lanes: Iterable[int]) -> None:
        """Request shares of *lanes* where this daemon has less than it wants: some came free."""
        for number in lanes:
            lane = self._lanes.by_number.get(number)
            if lane is None:
                continue
            if lane.is_busy and lane.share.slots < lane.share.wanted:
                self._shares.request(lane)
            if lane.share.slots == 0:
                # It may have nothing in memory, so the request goes with a fetch.
                lane.memory.refetch(self._now())
                self._lanes.remind(lane)

    def check_shares(self, contested: Iterable[int]) -> None:
        """Request shares that are too large or too small; others want more of *contested*."""
        wanted = set(contested)
        for lane in self._lanes.by_name.values():
            share = lane.share
            is_contested = share.counted > 0 and lane.row.number in wanted
            # A request that was lost, or a notification, is made up for here: at every pass.
            if lane.is_busy:
                is_other = share.slots < lane.most or is_contested
            else:
                is_other = bool(share.tokens) or share.wanted > share.slots or is_contested
            if is_other:
                self._shares.request(lane)
