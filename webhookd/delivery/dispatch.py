"""All lanes, and the attempts that are under way.

Every lane may always have one attempt in flight; what is left of `max_in_flight` is shared in
turn. Attempts come in three ways: `offer` (just committed), `came` (brought back by the
scheduler), and a slot or a pause of a lane that ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.delivery.lanes import Lane, Latest
from webhookd.delivery.pacing import Pacing
from webhookd.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Coroutine,
        Iterable,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from webhookd.delivery.courier import Courier
    from webhookd.delivery.lanes import LaneDefinition
    from webhookd.delivery.settling import Settling
    from webhookd.model import Delivery, Settlement
    from webhookd.storage.lanes import LaneRow
    from webhookd.storage.outbox import Due, Wanted
    from webhookd.storage.writer import Writer

UNSETTLED_MOST = 5_000
"""Attempts that ended and are not on the disk: beyond this nothing new starts."""

STILL_SECONDS = 10.0
"""How long a change of lanes waits for what attempts led to, before it is refused."""


class Dispatch:
    """Starts attempts as lanes allow. *wake* asks the scheduler to look again."""

    def __init__(
        self,
        courier: Courier,
        writer: Writer,
        *,
        max_in_flight: int,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._courier = courier
        self._max_in_flight = max_in_flight
        self._now = now
        self._monotonic = monotonic
        self._pacing = Pacing(writer, now=now, monotonic=monotonic)
        self._lanes: dict[str, Lane] = {}
        self._by_number: dict[int, Lane] = {}
        self._turn: deque[Lane] = deque()
        self._in_turn: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._attempts: set[asyncio.Task[None]] = set()
        self._in_flight = 0
        self._is_open = False
        self._is_choked = False
        self._rings_at: datetime | None = None
        self.settling: Settling
        self.wake: Callable[[], None] = lambda: None

    @property
    def in_flight(self) -> int:
        """Return the number of attempts under way."""
        return self._in_flight

    @property
    def failing(self) -> int:
        """Return how many webhooks in force did not deliver at their latest attempt."""
        lanes = self._lanes.values()
        return sum(lane.is_failing and lane.row.absent_reason is None for lane in lanes)

    def open(self) -> None:
        """Begin to start attempts."""
        self._is_open = True

    async def drain(self, grace: float) -> int:
        """Start nothing more, wait *grace* seconds, and return how many were cut off."""
        self._is_open = False
        for timer in self._timers.values():
            timer.cancel()
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=grace)
        unfinished = set(self._attempts)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)
        return len(unfinished)

    @asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """Judge no reply inside, with all that was judged before on the disk.

        Lanes' rows are changed so: what a reply means for its whole lane (a 410, a Retry-After)
        is then neither missed by the change nor written over it. Raises StorageError when the
        database does not take what was judged.
        """
        async with self._courier.stillness:
            if not await self.settling.drain(STILL_SECONDS):
                raise StorageError("the database does not take what attempts led to; try again")
            yield

    @property
    def paced(self) -> frozenset[str]:
        """Return the webhooks whose late starts are in memory."""
        return frozenset(lane.name for lane in self._lanes.values() if lane.window is not None)

    def adopt(
        self,
        rows: Iterable[LaneRow],
        definitions: Mapping[str, LaneDefinition],
        starts: Mapping[str, Sequence[datetime]],
    ) -> None:
        """Put a configuration in force: *rows* as the database has them, all at once.

        *starts* are the late starts of rate-limited lanes that are not in memory yet.
        """
        now = self._now()
        for row in rows:
            if row.webhook in definitions:
                self._adopt(row, definitions[row.webhook], starts.get(row.webhook, ()), now)
            else:
                self._retire(row, now)
        for lane in tuple(self._lanes.values()):
            self._serve(lane)
        self.wake()

    def offer(self, deliveries: Iterable[Delivery]) -> None:
        """Take deliveries that were just committed; what finds no room is in the database."""
        now = self._now()
        touched = {}
        for delivery in deliveries:
            lane = self._lanes.get(delivery.webhook)
            if lane is not None:
                lane.offer(delivery, now)
                touched[lane.name] = lane
        for lane in touched.values():
            self._serve(lane)

    def wanted(self, now: datetime) -> list[Wanted]:
        """Return what lanes want fetched now."""
        wanted = []
        for lane in self._lanes.values():
            due_at = lane.due_at()
            if due_at is not None and due_at <= now:
                wanted.append(lane.want())
        return wanted

    def next_due(self) -> datetime | None:
        """Return when a lane will want something, None when none will by itself."""
        times = [due_at for lane in self._lanes.values() if (due_at := lane.due_at()) is not None]
        self._rings_at = min(times, default=None)
        return self._rings_at

    def found(self, due: Due) -> list[Delivery]:
        """Lease what was fetched for a lane and return it."""
        lane = self._by_number.get(due.lane)
        return [] if lane is None else lane.found(due, self._now())

    def missed(self, wanted: Iterable[Wanted], *, again_in: float) -> None:
        """Note that a fetch failed; the lanes ask again after *again_in* seconds."""
        for one in wanted:
            lane = self._by_number.get(one.lane)
            if lane is not None:
                lane.is_fetching = False
                lane.next_at = self._now() + timedelta(seconds=again_in)

    def is_leased(self, delivery: Delivery) -> bool:
        """Return whether *delivery* is in memory: waiting for a slot, under way or settling."""
        lane = self._lanes.get(delivery.webhook)
        return lane is not None and delivery.id in lane.leased

    def look_again(self) -> None:
        """Have every lane ask the database anew: something changed there by hand."""
        now = self._now()
        for lane in self._lanes.values():
            lane.look_again(now)
        self.wake()

    def forget(self, ids: Iterable[str]) -> None:
        """Drop deliveries that wait in memory: a person changed them in the database."""
        gone = set(ids)
        for lane in self._lanes.values():
            lane.forget(gone)

    def set_row(self, row: LaneRow) -> None:
        """Take over a lane's row that a person changed: a hold, or its end."""
        lane = self._lanes.get(row.webhook)
        if lane is None:
            return
        now = self._now()
        lane.row = row
        if row.hold is not None:
            lane.let_go(now)
        lane.look_again(now)
        self._serve(lane)

    def latest(self, webhook: str) -> Latest:
        """Return what happened last in a webhook's lane since the start."""
        lane = self._lanes.get(webhook)
        return Latest() if lane is None else replace(lane.latest, in_flight=lane.in_flight)

    def came(self, delivery: Delivery) -> None:
        """Take a leased delivery that the scheduler hands out."""
        lane = self._lanes.get(delivery.webhook)
        if lane is not None:
            lane.came(delivery)
            self._serve(lane)

    def committed(self, settlements: Sequence[Settlement]) -> None:
        """End the leases of deliveries whose settlements are on the disk."""
        touched = {}
        for settlement in settlements:
            lane = self._by_number.get(settlement.lane)
            if lane is not None:
                lane.settled(settlement)
                touched[lane.name] = lane
        for lane in touched.values():
            self._remind(lane)
        if self._is_choked and self.settling.unsettled < UNSETTLED_MOST:
            self._is_choked = False
            for lane in self._lanes.values():
                self._serve(lane)

    def _adopt(
        self, row: LaneRow, definition: LaneDefinition, starts: Sequence[datetime], now: datetime
    ) -> None:
        lane = self._lanes.get(row.webhook)
        if lane is None:
            lane = Lane(row, definition, None)
            self._lanes[row.webhook] = self._by_number[row.number] = lane
            lane.look_again(now)
        if row.epoch != lane.row.epoch or (lane.row.hold and not row.hold):
            lane.look_again(now)
        lane.row = row
        limit = definition.webhook.delivery.rate_limit
        lane.window = self._pacing.window(lane.window, limit, starts)
        lane.definition = definition
        if row.hold is not None:
            lane.let_go(now)

    def _retire(self, row: LaneRow, now: datetime) -> None:
        """Hold a lane whose webhook is not in force; attempts under way finish."""
        lane = self._lanes.get(row.webhook)
        if lane is not None:
            lane.row = row
            lane.let_go(now)

    def _serve(self, lane: Lane) -> None:
        """Let *lane* use its own slot, and stand in line for the shared ones."""
        if self._may_start(lane) and lane.in_flight == 0:
            self._start_next(lane)
        if lane.ready and lane.name not in self._in_turn:
            self._turn.append(lane)
            self._in_turn.add(lane.name)
        self._share()
        self._remind(lane)

    def _share(self) -> None:
        """Give the shared slots out, one to each lane in turn."""
        while self._turn and self._in_flight < self._max_in_flight:
            lane = self._turn.popleft()
            if not self._may_start(lane):
                self._in_turn.discard(lane.name)
                continue
            self._start_next(lane)
            if lane.ready:
                self._turn.append(lane)
            else:
                self._in_turn.discard(lane.name)

    def _may_start(self, lane: Lane) -> bool:
        if not self._is_open or not lane.ready or not lane.has_slot():
            return False
        if self.settling.unsettled >= UNSETTLED_MOST:
            self._is_choked = True
            return False
        wait = lane.wait(self._now(), self._monotonic()) if _is_paced(lane) else 0.0
        if wait > 0:
            self._serve_later(lane, wait)
        return wait <= 0

    def _serve_later(self, lane: Lane, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        timer = self._timers.get(lane.name)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            # It waits for something that a reload took back: a pause, a lower rate.
            timer.cancel()
        self._timers[lane.name] = loop.call_later(seconds, self._pause_ended, lane)

    def _pause_ended(self, lane: Lane) -> None:
        del self._timers[lane.name]
        self._serve(lane)

    def _start_next(self, lane: Lane) -> None:
        delivery = lane.ready.popleft()
        lane.in_flight += 1
        self._in_flight += 1
        paced = self._pacing.start(lane, delivery.id)
        task = asyncio.get_running_loop().create_task(self._attempt(lane, delivery, paced))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)

    async def _attempt(
        self, lane: Lane, delivery: Delivery, paced: Coroutine[None, None, None] | None
    ) -> None:
        try:
            if paced is not None:
                await paced
            settlement = await self._courier.attempt(lane, delivery)
        finally:
            lane.in_flight -= 1
            self._in_flight -= 1
        lane.ended(settlement)
        self.settling.add(settlement)
        telemetry.attempted(settlement)
        self._serve(lane)

    def _remind(self, lane: Lane) -> None:
        """Wake the scheduler if *lane* wants something before its timer will ring."""
        due_at = lane.due_at()
        if due_at is not None and (self._rings_at is None or due_at < self._rings_at):
            self.wake()


def _is_paced(lane: Lane) -> bool:
    return lane.window is not None or lane.row.quiet_until is not None
