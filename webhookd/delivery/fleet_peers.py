"""What other daemons are to the lanes of this one: what they did, and what is kept from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.delivery.share_client import LaneShare, Sharing
from webhookd.storage.database.connection import Locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from webhookd.delivery.lane import Lane
    from webhookd.delivery.slots import Turns
    from webhookd.model import Settlement
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.deliveries.lanes import LaneRow


class Neighbours:
    """The lanes of one daemon, by name and by number, as seen from among several.

    *remind* wakes the scheduler where a lane wants something. `says` is told what others should
    know.
    """

    def __init__(
        self,
        writer: Writer,
        turns: Turns,
        lanes: Mapping[str, Lane],
        by_number: Mapping[int, Lane],
        *,
        now: Callable[[], datetime],
        remind: Callable[[Lane], None],
    ) -> None:
        self._turns = turns
        self._lanes = lanes
        self._by_number = by_number
        self._now = now
        self._remind = remind
        self.says: Callable[[str, Iterable[object]], None] = lambda _kind, _about: None
        self.sharing = Sharing(
            writer,
            now=now,
            boottime=clock.boottime,
            serve=turns.serve,
            serve_later=turns.serve_later,
            tell=self.tell,
        )
        turns.sharing = self.sharing

    def tell(self, kind: str, about: Iterable[object]) -> None:
        """Tell other daemons something."""
        self.says(kind, about)

    def forget_everything(self) -> None:
        """Drop all that waits in memory: it is another daemon's by now."""
        now = self._now()
        self.sharing.renumbered()
        for lane in self._lanes.values():
            lane.let_go(now)
            if lane.share is not None:
                lane.share = LaneShare(rate=lane.share.rate)
            lane.look_again(now)
            self._remind(lane)

    @property
    def leased(self) -> set[str]:
        """Return the ids of all that is in memory."""
        return {id_ for lane in self._lanes.values() for id_ in lane.leases}

    @property
    def fetching(self) -> set[int]:
        """Return the lanes of which something may be on its way into memory."""
        return {lane.row.number for lane in self._lanes.values() if lane.is_fetching}

    def due_elsewhere(self, due: Mapping[int, datetime]) -> None:
        """Take note that there is something to fetch, by lane: others stored it, or let it go."""
        for number, at in due.items():
            lane = self._by_number.get(number)
            if lane is not None:
                lane.wait_until(at)
                self._remind(lane)

    def sync(self, rows: Iterable[LaneRow]) -> None:
        """Take over lanes' rows that other daemons may have changed."""
        now = self._now()
        for row in rows:
            lane = self._lanes.get(row.webhook)
            if lane is not None and not lane.changes_under_way and lane.is_other(row):
                lane.take_row(row, now)
                self.share_again([row.number])
                self._turns.serve(lane)

    def share_again(self, lanes: Iterable[int], *, is_free: bool = False) -> None:
        """Ask anew for this daemon's share of *lanes*; *is_free* where only more could come."""
        for number in lanes:
            lane = self._by_number.get(number)
            if lane is None or lane.share is None:
                continue
            if is_free:
                wants_it = lane.is_busy and lane.share.slots < lane.share.wanted
            else:
                wants_it = lane.share.held > 0 or lane.share.wanted > 0
            if wants_it:
                self.sharing.ask(lane)
            if is_free and lane.share.slots == 0:
                lane.look_again(self._now())
                self._remind(lane)

    def look_at_shares(self, contested: Iterable[int]) -> None:
        """Ask anew where a share is too much or too little; *contested* are wanted by others."""
        wanted = set(contested)
        for lane in self._lanes.values():
            share = lane.share
            if share is None:
                continue
            if lane.is_busy:
                is_other = share.slots < lane.most or (share.held > 0 and lane.row.number in wanted)
            else:
                is_contested = share.held > 0 and lane.row.number in wanted
                is_other = bool(share.tokens) or share.wanted > share.slots or is_contested
            if is_other:
                self.sharing.ask(lane)

    def storing(self, webhooks: Iterable[str]) -> tuple[Mapping[str, int], Locks]:
        """Return the room for new deliveries of *webhooks*, and what storing some locks."""
        now = self._now()
        lanes = [lane for name in set(webhooks) if (lane := self._lanes.get(name)) is not None]
        rooms = {lane.name: lane.room_for_new(now) for lane in lanes}
        return rooms, Locks(frozenset(lane.row.number for lane in lanes if lane.row.is_ordered))

    def settling(self, settlements: Iterable[Settlement]) -> Locks:
        """Return what writing *settlements* locks: the lanes that keep an order."""
        lanes = {one.lane for one in settlements}
        return Locks(
            frozenset(
                number
                for number in lanes
                if (lane := self._by_number.get(number)) is not None and lane.row.is_ordered
            )
        )
