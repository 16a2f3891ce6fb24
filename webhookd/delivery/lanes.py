"""Who may go now: one lane for each webhook.

A lane holds in memory what it is about to send and nothing more; the database holds the rest,
and `next_at` says when there is something to fetch. Nothing here waits or touches the disk;
everything runs on the event loop.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd.delivery.probing import Probing
from webhookd.model import Delivered, Held, RetryAt
from webhookd.storage.outbox import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.delivery.definition import LaneDefinition
    from webhookd.delivery.probing import Probed
    from webhookd.delivery.window import Window
    from webhookd.model import Delivery, Settlement
    from webhookd.storage.lanes import LaneRow
    from webhookd.storage.outbox import Due

BUFFER_MOST = 400
"""Deliveries that one lane keeps in memory at the most, waiting for a slot."""


@dataclass(frozen=True, slots=True)
class Latest:
    """What happened last in a lane, since the daemon started."""

    in_flight: int = 0
    delivered_at: datetime | None = None
    error: str | None = None
    failed_at: datetime | None = None
    probed: Probed | None = None


class Lane:
    """One webhook's deliveries on their way. *leased* are those in memory, by id.

    In a lane that keeps an order, at most one of a record is leased: what the database says is
    first may have to wait for an attempt that began under another order, or was cancelled.
    """

    def __init__(self, row: LaneRow, definition: LaneDefinition, window: Window | None) -> None:
        self.row = row
        self.definition = definition
        self.window = window
        self.ready: deque[Delivery] = deque()
        self.leased: dict[str, Delivery] = {}
        self._records: Counter[tuple[str, str, str]] = Counter()
        self._has_left_out = False
        self.in_flight = 0
        self.coming: set[str] = set()
        self.next_at: datetime | None = None
        self.is_fetching = False
        self.latest = Latest()
        self.probing = Probing(row.webhook)
        self.is_failing = False
        self._is_overtaken = False

    @property
    def name(self) -> str:
        """Return the webhook's name."""
        return self.row.webhook

    @property
    def buffer(self) -> int:
        """Return how many may wait in memory: enough to keep the slots busy."""
        return min(max(2 * self.definition.webhook.delivery.concurrency, 8), BUFFER_MOST)

    @property
    def room(self) -> int:
        """Return how many more may come into memory."""
        return self.buffer - len(self.ready) - len(self.coming)

    def held_total(self, now: datetime) -> float:
        """Return the seconds this lane was held in all, a hold that is on included."""
        since = self.row.held_since
        on = max(now - since, timedelta()) if since is not None else timedelta()
        return (self.row.held_total + on).total_seconds()

    def held_since_first(self, held_before: float, now: datetime) -> timedelta:
        """Return how long the lane was held since a first attempt at *held_before*."""
        return timedelta(seconds=max(self.held_total(now) - held_before, 0.0))

    def quiet_for(self, now: datetime) -> float:
        """Return the seconds for which a Retry-After keeps the lane quiet."""
        until = self.row.quiet_until
        return 0.0 if until is None else max((until - now).total_seconds(), 0.0)

    @property
    def is_paced(self) -> bool:
        """Return whether starts may have to wait for a rate limit or a pause."""
        return self.window is not None or self.row.quiet_until is not None

    def has_slot(self) -> bool:
        """Return whether one more attempt may be in flight."""
        concurrency = self.definition.webhook.delivery.concurrency
        return self.row.hold is None and self.in_flight < self.probing.slots(concurrency)

    def wait(self, now: datetime, monotonic: float) -> float:
        """Return the seconds until the lane's pause and rate limit let one start."""
        rate = 0.0 if self.window is None else self.window.wait(monotonic)
        return max(rate, self.quiet_for(now))

    def due_at(self) -> datetime | None:
        """Return when there is something to fetch that there is room for, None when never."""
        if self.next_at is None or self.is_fetching or self.row.hold is not None:
            return None
        if self.room < self.buffer // 2:
            return None
        return max(self.next_at, self.row.quiet_until or self.next_at)

    def want(self) -> Wanted:
        """Ask for what there is room for; the answer comes to `found`."""
        self.is_fetching, self._is_overtaken = True, False
        return Wanted(
            self.row.number, self.row.epoch, self.room, self.row.is_ordered, tuple(self.leased)
        )

    def found(self, due: Due, now: datetime) -> list[Delivery]:
        """Lease and return what was found and is not in memory yet."""
        self.is_fetching = False
        self.next_at = now if self._is_overtaken else due.next_at
        if self.row.hold is not None or due.is_ordered != self.row.is_ordered:
            self.next_at = now
            return []
        found = [one for one in due.deliveries if one.id not in self.leased]
        room = max(self.room, 0)
        fresh: list[Delivery] = []
        for delivery in found:
            if self._is_busy(delivery):
                self._has_left_out = True
            elif len(fresh) < room:
                fresh.append(delivery)
                self._lease(delivery)
            else:
                self.next_at = now
        self.coming.update(one.id for one in fresh)
        return fresh

    def came(self, delivery: Delivery) -> None:
        """Take a leased delivery that was fetched, unless it was let go of on its way."""
        if delivery.id in self.coming:
            self.coming.discard(delivery.id)
            self.ready.append(delivery)

    def offer(self, delivery: Delivery, now: datetime) -> bool:
        """Take a delivery just committed, if nothing older waits and there is room."""
        self._is_overtaken = True
        is_behind = self.next_at is not None and self.next_at <= now
        if self.is_fetching or is_behind or self.room <= 0 or self.row.hold or self.quiet_for(now):
            self.wait_until(delivery.due_at)
            return False
        if self._is_busy(delivery):
            self._has_left_out = True
            return False
        self._lease(delivery)
        self.ready.append(delivery)
        return True

    def take_over(self, delivery: Delivery, now: datetime) -> None:
        """Take a delivery just committed in the place of those it superseded."""
        for place, waiting in enumerate(self.ready):
            if waiting.id in delivery.supersedes and not delivery.is_behind:
                self._end_lease(waiting.id)
                self._lease(delivery)
                self.ready[place] = delivery
                return
        self.forget(set(delivery.supersedes))
        if delivery.due_at > now:
            # It is due earlier than it says if the lane was released meanwhile.
            self.look_again(now)
        elif not delivery.is_behind:
            self.offer(delivery, now)

    def next(self, may_start: Callable[[str], bool]) -> Delivery | None:
        """Return the first in memory that *may_start*, and count it as in flight."""
        for place, delivery in enumerate(self.ready):
            if may_start(delivery.id):
                del self.ready[place]
                self.in_flight += 1
                return delivery
        return None

    def look_again(self, now: datetime) -> None:
        """Ask the database anew, whatever a fetch under way is about to say."""
        self.next_at, self._is_overtaken = now, True

    def wait_until(self, due_at: datetime) -> None:
        """Note that something in the database is due at *due_at*."""
        self.next_at = due_at if self.next_at is None else min(self.next_at, due_at)

    def let_go(self, now: datetime) -> None:
        """Forget what waits in memory: the database has it, and it comes back when it may."""
        if self.ready or self.coming:
            self.forget(self.coming.union(delivery.id for delivery in self.ready))
            self.look_again(now)

    def forget(self, ids: set[str]) -> None:
        """Drop those of *ids* that wait in memory."""
        waiting = self.coming.union(delivery.id for delivery in self.ready) & ids
        if waiting:
            for id_ in waiting:
                self._end_lease(id_)
            self.coming -= waiting
            kept = [delivery for delivery in self.ready if delivery.id not in ids]
            self.ready.clear()
            self.ready.extend(kept)

    def define(self, definition: LaneDefinition, now: datetime) -> None:
        """Take over what a configuration says of the webhook."""
        if not definition.asks_as(self.definition):
            self.probing.retargeted(now)
        self.definition = definition

    def ended(self, settlement: Settlement, began_under: LaneDefinition) -> None:
        """Take over at once what an attempt's outcome means for the whole lane."""
        if began_under.asks_as(self.definition):
            self.probing.ended(settlement)
        error, at = settlement.attempt.error, settlement.ended_at
        if error is None:
            self.latest = replace(self.latest, delivered_at=at)
        else:
            self.latest = replace(self.latest, error=error, failed_at=at)
        self.is_failing = not isinstance(settlement.outcome, Delivered)
        match settlement.outcome:
            case Held(why=why):
                since = self.row.held_since or settlement.ended_at
                self.row = replace(self.row, gone_reason=why, held_since=since)
                self.let_go(settlement.ended_at)
            case RetryAt(lane_paused_until=until) if until is not None:
                latest = max(until, self.row.quiet_until or until)
                self.row = replace(self.row, quiet_until=latest)
                self.let_go(settlement.ended_at)
            case _:
                pass

    def take_row(self, row: LaneRow, now: datetime) -> None:
        """Take over the lane's row as the database has it now."""
        is_other_order = row.is_ordered != self.row.is_ordered
        if is_other_order or row.epoch != self.row.epoch or (self.row.hold and not row.hold):
            self.look_again(now)
        self.row = row
        if is_other_order or row.hold is not None:
            self.let_go(now)
        if is_other_order:
            self._records = Counter(one.record for one in self.leased.values() if row.is_ordered)

    def _is_busy(self, delivery: Delivery) -> bool:
        return self.row.is_ordered and delivery.record in self._records

    def _lease(self, delivery: Delivery) -> None:
        self.leased[delivery.id] = delivery
        if self.row.is_ordered:
            self._records[delivery.record] += 1

    def _end_lease(self, id_: str) -> None:
        delivery = self.leased.pop(id_, None)
        if delivery is None or not self.row.is_ordered:
            return
        record = delivery.record
        self._records[record] -= 1
        if self._records[record] <= 0:
            del self._records[record]

    def settled(self, settlement: Settlement) -> None:
        """End the lease of a delivery whose settlement is on the disk."""
        self._end_lease(settlement.delivery.id)
        if self._has_left_out:
            self._has_left_out = False
            self.look_again(settlement.ended_at)
        match settlement.outcome:
            case RetryAt(when=when):
                # A fetch under way leaves it out, and may think that nothing waits.
                self._is_overtaken = True
                self.wait_until(when)
            case Held():
                self._is_overtaken = True
                self.wait_until(settlement.ended_at)
            case _:
                pass
