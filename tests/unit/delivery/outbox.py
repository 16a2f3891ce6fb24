"""A database, a courier and a clock that do what a test says, step by step, in memory.

The database answers as the real one does: units of work are executed one after the other, and
their answers reach the event loop later, in the same order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.making import NOW, a_settlement
from webhookd.clock import Clock
from webhookd.delivery.peers import Alone
from webhookd.model import Delivered, GivenUp, Held, RetryAt
from webhookd.storage.database.connection import NO_LOCKS
from webhookd.storage.deliveries.due import Due
from webhookd.storage.deliveries.record_order import Step

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model import Delivery, Outcome
    from webhookd.storage.deliveries.lanes import LaneRow


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock moves only when a test moves it."""

    def __init__(self) -> None:
        self.at = 0.0
        super().__init__()

    def time(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self.at

    def now(self) -> datetime:
        """Return the virtual time of day."""
        return NOW + timedelta(seconds=self.at)

    @property
    def clock(self) -> Clock:
        """Return the clock that parts of the engine are built with."""
        return Clock(now=self.now, monotonic=self.time, boottime=self.time)

    def settle(self) -> None:
        """Run whatever can run without the clock."""
        self.run_until_complete(_turns())

    def advance(self, seconds: float) -> None:
        """Move the clock, and run what is due by then."""
        self.at += seconds
        self.settle()

    def end(self) -> None:
        """Cancel what still runs, and close."""
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        if tasks:
            self.run_until_complete(asyncio.wait(tasks))
        self.close()


async def _turns() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


@dataclass
class Row:
    """A delivery as the database has it."""

    delivery: Delivery
    number: int
    due_at: datetime
    epoch: int
    is_behind: bool
    is_open: bool = True


class Outbox:
    """Stands for the writer and the database behind it."""

    def __init__(self, loop: VirtualLoop, *lanes: LaneRow) -> None:
        self.loop = loop
        self.lanes = {lane.number: lane for lane in lanes}
        self.numbers = {lane.webhook: lane.number for lane in lanes}
        self.rows: dict[str, Row] = {}
        self.units: deque[tuple[Any, ...]] = deque()
        self.answers: deque[tuple[Any, ...]] = deque()
        self.settling: list[Any] | None = None
        # What transactions have claimed that the event loop has not heard of: whose, and the id.
        self.claimed: list[tuple[Any, str]] = []

    def write(self, unit: object, locks: object = NO_LOCKS) -> asyncio.Future[Any]:
        """Queue what the engine writes: settlements, or a step of a reordering."""
        done = self.loop.create_future()
        group, self.settling = self.settling, None
        self.units.append(("other" if group is None else "settle", group, done))
        return done

    def execute(self) -> None:
        """Execute the next unit, as the writer's thread does; its answer is on its way then."""
        kind, what, done = self.units.popleft()
        result = getattr(self, f"_{kind}")(what)
        self.answers.append((kind, what, done, result))

    def of_record(self, delivery: Delivery) -> list[Row]:
        """Return the open rows of a record in a lane, the oldest first."""
        return [
            row
            for row in self.rows.values()
            if row.is_open
            and (row.delivery.webhook, row.delivery.record) == (delivery.webhook, delivery.record)
        ]

    def _other(self, _what: object) -> Step:
        return Step(frozenset(), is_done=True)

    def _fetch(self, what: tuple[Any, datetime]) -> Due:
        wanted, at = what
        rows = [
            row
            for row in self.rows.values()
            if row.is_open and self.numbers[row.delivery.webhook] == wanted.lane
        ]
        free = [row for row in rows if not row.is_behind]
        due = [
            row
            for row in free
            if row.delivery.id not in wanted.prefetched
            and (row.epoch < wanted.epoch or (row.epoch == wanted.epoch and row.due_at <= at))
        ]
        due.sort(key=lambda row: (row.epoch, row.due_at, row.number))
        found = tuple(
            replace(row.delivery, due_at=row.due_at, is_behind=False, supersedes=())
            for row in due[: wanted.limit]
        )
        later = [row.due_at for row in free if row.epoch == wanted.epoch and row.due_at > at]
        next_at = at if len(found) == wanted.limit else min(later, default=None)
        return Due(wanted.lane, found, next_at, wanted.is_ordered)

    def _store(self, what: tuple[Delivery, Any]) -> list[Delivery]:
        delivery, claims = what
        lane = self.lanes[self.numbers[delivery.webhook]]
        before = self.of_record(delivery) if lane.is_ordered else []
        stored = replace(delivery, is_behind=bool(before))
        epoch = lane.epoch
        place = self._claim(before, claims)
        if place is not None:
            place.is_open = False
            epoch = place.epoch
            stored = replace(
                delivery,
                is_behind=place.is_behind,
                due_at=place.due_at,
                supersedes=(place.delivery.id,),
            )
        number = len(self.rows) + 1
        self.rows[stored.id] = Row(stored, number, stored.due_at, epoch, stored.is_behind)
        return [stored]

    def _refused(self, what: tuple[Delivery, Any]) -> list[Delivery]:
        """Claim as `_store` does, and then fail: nothing is stored, and nothing superseded."""
        delivery, claims = what
        if self.lanes[self.numbers[delivery.webhook]].is_ordered:
            self._claim(self.of_record(delivery), claims)
        return []

    def _claim(self, waiting: list[Row], claims: Any) -> Row | None:
        """Return the newest of a record if a transaction may supersede it."""
        if not waiting or not claims.claim(waiting[-1].delivery.id):
            return None
        self.claimed.append((claims, waiting[-1].delivery.id))
        return waiting[-1]

    def claims_ended(self, claims: Any) -> None:
        """Note that the event loop knows what became of a transaction."""
        self.claimed = [one for one in self.claimed if one[0] is not claims]

    def _settle(self, group: list[Any]) -> tuple[list[Delivery], dict[int, Any], None]:
        promoted = []
        for settlement in group:
            row = self.rows[settlement.delivery.id]
            lane = self.lanes[settlement.lane]
            match settlement.outcome:
                case RetryAt(when=when, lane_paused_until=until):
                    row.due_at, row.epoch = when, settlement.epoch
                    if until is not None:
                        lane = replace(lane, quiet_until=max(until, lane.quiet_until or until))
                case Held(why=why):
                    row.due_at, row.epoch = settlement.ended_at, settlement.epoch
                    lane = replace(lane, gone_reason=why, held_since=settlement.ended_at)
                case Delivered() | GivenUp():
                    row.is_open = False
                    promoted += self._promote(row.delivery)
            self.lanes[settlement.lane] = lane
        # No sum is left: there is no other daemon that could have locked a row. No event is caused.
        return promoted, {}, None

    def _promote(self, ended: Delivery) -> list[Delivery]:
        behind = [row for row in self.of_record(ended) if row.is_behind]
        if not behind:
            return []
        behind[0].is_behind = False
        return [
            replace(behind[0].delivery, due_at=behind[0].due_at, is_behind=False, supersedes=())
        ]


class GatheringPeers(Alone):
    """No other daemons; tells the outbox which settlements are about to be written."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox, clock=outbox.loop.clock)
        self._outbox = outbox

    def locks_for(self, settlements):
        """Return no locks: the writer gets these settlements next."""
        self._outbox.settling = list(settlements)
        return NO_LOCKS


class ScriptedCourier:
    """Makes attempts that end when a test says so; *begun* is told of each first."""

    def __init__(self, loop: VirtualLoop, begun) -> None:
        self._loop = loop
        self._begun = begun
        self.quiesce = asyncio.Lock()
        self.under_way: dict[str, tuple[Any, Delivery, asyncio.Future[Outcome]]] = {}

    async def attempt(self, delivery, context_at):
        """Wait for an outcome and return it as a settlement."""
        lane = context_at.__self__
        self._begun(lane, delivery)
        ending = self._loop.create_future()
        self.under_way[delivery.id] = lane, delivery, ending
        try:
            outcome = await ending
        finally:
            del self.under_way[delivery.id]
        return a_settlement(
            delivery,
            outcome,
            lane=lane.row.number,
            epoch=lane.row.epoch,
            ended_at=self._loop.now(),
        )
