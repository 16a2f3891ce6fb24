"""Which lane starts an attempt now.

Every lane may always have one attempt in flight; the rest of `max_in_flight` is dealt out in turn.
So a slow webhook never keeps others from going on.

    ready --serve: lane's own slot, or a shared one in turn--> in flight (a task each)
                                                                  |  the courier's settlement
    ready again <--serve-- settling (`SettlementWriter.add`) <----'

Everything runs on the event loop. A lane that may not start says why, and each reason ends with
somebody serving it again (rule 4):

    no slot, in the line        `_attempt` of whichever ends next
    pause or rate limit         a timer of `serve_later`
    settlements are behind      `resume`, after the next commit
    no share, lease or start    the peers, when they have it
    claimed by a transaction    `ClaimTable`, when the transaction has ended
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from webhookd import telemetry
from webhookd.delivery.settlements import BUG_SECONDS
from webhookd.model import Held
from webhookd.telemetry.events import BugFound, DeliveryAttempted, WebhookHeld

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from webhookd.clock import Clock
    from webhookd.delivery.claims import ClaimTable
    from webhookd.delivery.courier import Courier
    from webhookd.delivery.lanes.lane import Lane
    from webhookd.delivery.peers import Peers
    from webhookd.delivery.prepared_webhook import PreparedWebhook
    from webhookd.delivery.settlements import SettlementWriter
    from webhookd.model import Delivery, Settlement


class SlotScheduler:
    """Starts what lanes have ready. *served* is told of every lane after its turn.

    *peers* says what of a lane is this daemon's.
    """

    def __init__(
        self,
        courier: Courier,
        peers: Peers,
        settling: SettlementWriter,
        claims: ClaimTable,
        *,
        max_in_flight: int,
        clock: Clock,
        served: Callable[[Lane], None],
    ) -> None:
        self._courier = courier
        self._peers = peers
        self._settlements = settling
        self._claims = claims
        self._max_in_flight = max_in_flight
        self._now = clock.now
        self._monotonic = clock.monotonic
        self._served = served
        self._line: deque[Lane] = deque()
        self._in_line: set[str] = set()
        self._timers: dict[str, tuple[float, asyncio.TimerHandle]] = {}
        # By the delivery's id: a claim keeps each from being attempted twice at a time (rule 7).
        self._attempts: dict[str, asyncio.Task[None]] = {}
        # While a task that has ended its attempt looks for another, and the one that it makes next:
        # nothing is awaited meanwhile.
        self._is_task_free = False
        self._taken_over: _Started | None = None
        self._is_open = False
        # A lane was refused because settlements are behind: `resume` has to serve all again.
        self._is_backpressured = False
        self.in_flight = 0

    def open(self) -> None:
        """Begin to start attempts."""
        self._is_open = True

    async def drain(self, grace: float) -> int:
        """Start nothing more, wait *grace* seconds, and return how many were cut off."""
        # From here on `_may_start` refuses, so attempts that end start nothing more.
        self._is_open = False
        for _, timer in self._timers.values():
            timer.cancel()
        if self._attempts:
            await asyncio.wait(self._attempts.values(), timeout=grace)
        unfinished = set(self._attempts.values())
        # Their deliveries were never settled: the next start attempts them again.
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)
        return len(unfinished)

    def serve(self, lane: Lane) -> None:
        """Let *lane* use its own slot, and stand in line for the shared ones.

        Call it after anything that may let the lane start (rule 4); it may be called at any time.
        """
        # The lane's own slot is beyond `max_in_flight`: slow webhooks cannot take it away.
        if lane.in_flight == 0 and self._may_start(lane):
            self._start_next(lane)
        # Whether it may start is asked when its turn comes, not when it gets in line.
        if lane.memory.ready and lane.name not in self._in_line:
            self._line.append(lane)
            self._in_line.add(lane.name)
        self._hand_out_slots()
        self._served(lane)

    def resume(self, lanes: Iterable[Lane]) -> None:
        """Serve *lanes* again if settling was behind, and no longer is."""
        if self._is_backpressured and not self._settlements.is_behind:
            self._is_backpressured = False
            for lane in lanes:
                self.serve(lane)

    def _hand_out_slots(self) -> None:
        """Give the shared slots out, one to each lane in turn."""
        while self._line and self.in_flight < self._max_in_flight:
            lane = self._line.popleft()
            if not self._may_start(lane):
                # Rule 4: whatever refused it serves it again; see the table at the head.
                self._in_line.discard(lane.name)
                continue
            if self._start_next(lane) and lane.memory.ready:
                self._line.append(lane)
            else:
                self._in_line.discard(lane.name)

    def _may_start(self, lane: Lane) -> bool:
        if not self._is_open or not lane.memory.ready or not lane.has_slot():
            return False
        if self._settlements.is_behind:
            self._is_backpressured = True
            return False
        wait = lane.wait(self._now(), self._monotonic()) if lane.is_throttled else 0.0
        if wait > 0:
            self.serve_later(lane, wait)
            return False
        return self._peers.may_start(lane)

    def serve_later(self, lane: Lane, seconds: float) -> None:
        """Serve *lane* after some seconds, or earlier."""
        loop = asyncio.get_running_loop()
        rings_at = loop.time() + seconds
        if lane.name in self._timers:
            earlier, timer = self._timers[lane.name]
            if earlier <= rings_at:
                return
            # It waits for something that a reload took back: a pause, a lower rate.
            timer.cancel()
        timer = loop.call_later(seconds, self._pause_ended, lane)
        self._timers[lane.name] = rings_at, timer

    def _pause_ended(self, lane: Lane) -> None:
        del self._timers[lane.name]
        self.serve(lane)

    def _start_next(self, lane: Lane) -> bool:
        """Start the next ready delivery of *lane*.

        Return False if every ready one is claimed by a transaction that is about to supersede it.
        """
        # Rule 7: claimed here, on the event loop, until the settlement is committed.
        delivery = lane.next(self._claims.start)
        if delivery is None:
            return False
        # Counted before it runs, so that the loops above see it at once.
        self.in_flight += 1
        started = _Started(lane, delivery, self._peers.started(lane, delivery.id))
        if self._is_task_free and self._taken_over is None:
            self._taken_over = started
        else:
            # Kept, for the event loop itself does not keep tasks alive.
            self._attempts[delivery.id] = asyncio.get_running_loop().create_task(
                self._attempt(started)
            )
        return True

    async def _attempt(self, started: _Started | None) -> None:
        """Make an attempt, and those that may start when it has ended, one after the other.

        A task for each would cost more than to judge the reply.
        """
        task = asyncio.current_task()
        while started is not None and task is not None:
            self._attempts[started.delivery.id] = task
            started = await self._attempt_once(started)

    async def _attempt_once(self, started: _Started) -> _Started | None:
        """Make an attempt; return the one that the same task is to make next, if there is one."""
        lane, delivery = started.lane, started.delivery
        settlement = None
        try:
            if started.paced is not None:
                # A start that a rate limit counts is on the disk before it happens (rule 1).
                await started.paced
            # The courier reads the same one, at once: nothing is awaited in between.
            definition = lane.definition
            settlement = await self._courier.attempt(delivery, lane.attempt_context)
        except Exception as error:  # noqa: BLE001 - a bug costs a wait, never the lane
            self._broke(error, delivery)
        finally:
            # Also where the attempt is cut off at the end of the daemon: the slot is free.
            lane.attempt_over()
            self.in_flight -= 1
            # No callback of the task: nothing is awaited from here to the task's end, or to the
            # attempt that it makes next, so `drain` sees either.
            del self._attempts[delivery.id]
        if settlement is None:
            asyncio.get_running_loop().call_later(BUG_SECONDS, self._give_back, lane, delivery)
        else:
            self._ended(lane, settlement, definition)
        # Only behind an answer, for which the event loop had its turn: attempts that end without
        # one, each at once, must not keep it for themselves.
        self._is_task_free = settlement is not None and settlement.attempt.status is not None
        try:
            self.serve(lane)
        except Exception as error:  # noqa: BLE001 - what was started is attempted all the same
            self._broke(error, delivery)
        self._is_task_free = False
        taken_over, self._taken_over = self._taken_over, None
        return taken_over

    def _ended(self, lane: Lane, settlement: Settlement, definition: PreparedWebhook) -> None:
        is_held = isinstance(settlement.outcome, Held) and lane.row.gone_reason is None
        try:
            # First the lane, then the slot for the next: a hold counts from this attempt on.
            lane.ended(settlement, definition)
            if not settlement.made_request:
                self._peers.sent_nothing(lane, settlement.attempt.seconds)
            self._peers.ended(lane)
        except Exception as error:  # noqa: BLE001 - the attempt was made, and must be remembered
            self._broke(error, settlement.delivery)
        self._settlements.add(settlement, is_held=is_held)
        telemetry.report(DeliveryAttempted(settlement))
        if isinstance(settlement.outcome, Held):
            telemetry.report(WebhookHeld(lane.name, settlement.attempt.error))

    def _give_back(self, lane: Lane, delivery: Delivery) -> None:
        """Let the database hand out a delivery again whose attempt broke before it was made."""
        now = self._now()
        self._claims.settled((delivery.id,))
        lane.memory.settled(delivery.id, now, now)
        self.serve(lane)

    def _broke(self, error: Exception, delivery: Delivery) -> None:
        telemetry.report(BugFound("delivery.attempt_broke", error, {"delivery_id": delivery.id}))


class _Started(NamedTuple):
    """A delivery whose attempt has a slot; *paced* puts its start on the disk first."""

    lane: Lane
    delivery: Delivery
    paced: Coroutine[None, None, None] | None
