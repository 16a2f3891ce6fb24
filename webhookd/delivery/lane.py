"""One lane for each webhook: which of its deliveries are in memory, and which may start now.

    in database --fetched--> arriving --arrived--> ready --next--> in flight --ended--> settling
        |                                            ^  |                                  |
        '--------------- offer ----------------------'  '--- unload, forget --> database   |
        ^                                                                                  |
        '-------------------------------- settled -----------------------------------------'

    prefetched   every id from arriving to settling: no fetch may return it (rule 2)
    next_at      when there is something to fetch; None while nothing waits in the database

Nothing here waits or touches the disk; everything runs on the event loop, called by `Dispatcher`,
`SlotScheduler` and the daemon's peers. A fetch or an attempt that is under way meanwhile may bring
news of a state that is over: `_is_overtaken` and `prefetched` are there for that.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd.delivery.breaker import Breaker
from webhookd.delivery.lane_share import UNLIMITED
from webhookd.delivery.prefetched import Prefetched
from webhookd.delivery.prepared_webhook import AttemptContext
from webhookd.model import Delivered, Held, RetryAt
from webhookd.storage.deliveries.due import FetchRequest
from webhookd.storage.fleet import shares

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.delivery.breaker import Probed
    from webhookd.delivery.lane_share import LaneShare
    from webhookd.delivery.prepared_webhook import PreparedWebhook
    from webhookd.delivery.rate_window import RateWindow
    from webhookd.model import Delivery, Settlement
    from webhookd.storage.deliveries.due import Due
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.storage.fleet.shares import ShareRequest


DENIED_SECONDS = 3.0
"""Seconds until a lane asks again of which other daemons have all slots.

Longer than membership takes to notice freed slots (two seconds), so it is the last resort.
"""

ELSEWHERE = "in force at other daemons only"
"""The hold's reason, as people read it, of a lane that only other daemons may serve."""


@dataclass(frozen=True, slots=True)
class Latest:
    """What happened last in a lane, since the daemon started."""

    in_flight: int = 0
    delivered_at: datetime | None = None
    error: str | None = None
    failed_at: datetime | None = None
    probed: Probed | None = None


class Lane:
    """One webhook's deliveries on their way; *prefetched* are those in memory.

    *share* is what this daemon has of it, *window* the starts that its rate limit counts here.
    *changes_under_way* are those of its row that are not on the disk yet.
    """

    def __init__(
        self,
        row: LaneRow,
        definition: PreparedWebhook,
        share: LaneShare = UNLIMITED,
    ) -> None:
        self.row = row
        self.definition = definition
        self.share = share
        self.window: RateWindow | None = None
        self.ready: deque[Delivery] = deque()
        self.prefetched = Prefetched(is_ordered=row.is_ordered)
        self.in_flight = 0
        self.arriving: set[str] = set()
        self.next_at: datetime | None = None
        self.is_fetching = False
        self.latest = Latest()
        self.breaker = Breaker(row.webhook)
        self.is_failing = False
        self.is_in_force = True
        # Outcomes and breaker states that are in `row` and not on the disk: while there is one, a
        # row that another daemon wrote is not taken over, for it may be older.
        self.changes_under_way = 0
        # Something was stored or released since the latest fetch was requested: its answer may not
        # know of it, so the lane asks again at once.
        self._is_overtaken = False
        # The latest fetch brought no slot: other daemons have all of the lane.
        self._is_denied = False

    @property
    def name(self) -> str:
        """Return the webhook's name."""
        return self.row.webhook

    @property
    def buffer(self) -> int:
        """Return how many may wait in memory: enough to keep the slots busy."""
        return shares.room(self.share.slots_of(self.definition.webhook.delivery.concurrency))

    @property
    def is_busy(self) -> bool:
        """Return whether it has something to do, or to look for."""
        has_some = self.ready or self.arriving or self.in_flight
        return self.row.hold is None and bool(has_some or self.is_fetching or self._is_denied)

    def room_for_new(self, now: datetime) -> int:
        """Return how many deliveries about to be stored it would take."""
        # Older deliveries wait in the database, or are on their way: they go first. This is asked
        # before the transaction, so `offer` asks once more when it is committed.
        is_behind = self.next_at is not None and self.next_at <= now
        if self.is_fetching or is_behind or self.row.hold or self.quiet_for(now):
            return 0
        return max(self.room, 0)

    @property
    def room(self) -> int:
        """Return how many more may come into memory."""
        return self.buffer - len(self.ready) - len(self.arriving)

    def held_total(self, now: datetime) -> float:
        """Return the seconds this lane was held in all, a hold that is on included."""
        since = self.row.held_since
        on = max(now - since, timedelta()) if since is not None else timedelta()
        return (self.row.held_total + on).total_seconds()

    def attempt_context(self, at: datetime) -> AttemptContext:
        """Return what a courier must know of the lane at *at*, as values that no longer change."""
        row, is_paced = self.row, self.window is not None
        return AttemptContext(
            self.definition, row.number, row.epoch, self.held_total(at), is_paced=is_paced
        )

    def quiet_for(self, now: datetime) -> float:
        """Return the seconds for which a Retry-After keeps the lane quiet."""
        until = self.row.quiet_until
        return 0.0 if until is None else max((until - now).total_seconds(), 0.0)

    @property
    def is_throttled(self) -> bool:
        """Return whether starts may have to wait for a rate limit or a pause."""
        return self.window is not None or self.row.quiet_until is not None

    @property
    def most(self) -> int:
        """Return how many attempts may be in flight, at all daemons together."""
        return self.breaker.slots(self.definition.webhook.delivery.concurrency)

    def has_slot(self) -> bool:
        """Return whether one more attempt may be in flight."""
        return self.row.hold is None and self.in_flight < self.share.may_have(self.most)

    def wait(self, now: datetime, monotonic: float) -> float:
        """Return the seconds until the lane's pause and rate limit let one start."""
        rate = 0.0 if self.window is None else self.window.wait(monotonic)
        return max(rate, self.quiet_for(now))

    def due_at(self) -> datetime | None:
        """Return when the next fetch is worthwhile; None: nothing is due, or a fetch is running.

        It is when something is due and at least half the buffer is free: each fetch is a
        statement, and costs the same for one row as for many.
        """
        if self.next_at is None or self.is_fetching or self.row.hold is not None:
            return None
        if self.room < self.buffer // 2:
            return None
        return max(self.next_at, self.row.quiet_until or self.next_at)

    def fetch_request(self, ask: Callable[[Lane], ShareRequest | None]) -> FetchRequest:
        """Ask for what there is room for; the answer comes to `fetched`.

        *ask* gives what to ask for of the lane before.
        """
        self.is_fetching, self._is_overtaken = True, False
        of_lane = ask(self)
        room = self.room if of_lane is None else shares.room(of_lane.wanted)
        return FetchRequest(
            self.row.number,
            self.row.epoch,
            room,
            self.row.is_ordered,
            self.prefetched.ids,
            of_lane,
        )

    def fetched(self, due: Due, now: datetime) -> list[Delivery]:
        """Take into memory, and return, what was found and is not there yet."""
        self.is_fetching = False
        # Rule 4: what was stored or released after the rows were read is not in the answer. Whether
        # it came before or after is not known here, so the lane asks again in either case.
        self.next_at = now if self._is_overtaken else due.next_at
        self._is_denied = due.share is not None and due.share.slots == 0
        if self._is_denied:
            # Nothing was claimed. A freed slot is notified, and `shares_freed` asks at once then.
            self.next_at = now + timedelta(seconds=DENIED_SECONDS)
            return []
        if self.row.hold is not None or due.is_ordered != self.row.is_ordered:
            # The lane was held, or its order changed, while the fetch was under way. In a fleet
            # these rows are this daemon's now: it claims them again later, or gives them back
            # (rule 9).
            self.next_at = now
            return []
        # Rule 2: a delivery that was offered meanwhile is in memory already.
        found = [one for one in due.deliveries if one.id not in self.prefetched]
        room = max(self.room, 0)
        fresh: list[Delivery] = []
        for delivery in found:
            if self.prefetched.is_refused(delivery):
                # Another of its record is in memory: `settled` of that one asks again.
                continue
            if len(fresh) < room:
                fresh.append(delivery)
                self.prefetched.add(delivery)
            else:
                # Offers took the room while the fetch was under way.
                self.next_at = now
        self.arriving.update(one.id for one in fresh)
        return fresh

    def fetch_failed(self, again_at: datetime) -> None:
        """Note that a fetch failed; the lane asks again at *again_at*."""
        self.is_fetching = False
        self.next_at = again_at

    def arrived(self, delivery: Delivery) -> None:
        """Take a fetched delivery, unless it was unloaded on its way."""
        # Between `fetched` and this round of the scheduler a hold, a newer change or a person may
        # have taken it out of memory.
        if delivery.id in self.arriving:
            self.arriving.discard(delivery.id)
            self.ready.append(delivery)

    def offer(self, delivery: Delivery, now: datetime) -> bool:
        """Take a delivery just committed, if nothing older waits and there is room.

        Return whether it is in memory now; if not, the lane fetches it later (rule 1: it is
        stored in any case).
        """
        # Rule 4: a fetch under way may have read before this commit.
        self._is_overtaken = True
        if delivery.is_unclaimed or self.room_for_new(now) <= 0:
            self.wait_until(delivery.due_at)
            return False
        if self.prefetched.is_refused(delivery):
            return False
        self.prefetched.add(delivery)
        self.ready.append(delivery)
        return True

    def supersede(self, delivery: Delivery, now: datetime) -> None:
        """Take a delivery just committed in the place of those it superseded."""
        # At most one of them is in memory, for they are of one record in a lane with an order. It
        # was not started meanwhile: the transaction's claim (rule 7) ends after this call.
        for place, waiting in enumerate(self.ready):
            if waiting.id in delivery.supersedes and not delivery.is_behind:
                self.prefetched.discard(waiting.id)
                self.prefetched.add(delivery)
                self.ready[place] = delivery
                return
        # On its way from a fetch, behind another, or not in memory at all.
        self.forget(set(delivery.supersedes))
        if delivery.due_at > now:
            # It is due earlier than it says if the lane was released meanwhile: of an older epoch.
            self.refetch(now)
        elif not delivery.is_behind:
            self.offer(delivery, now)

    def next(self, may_start: Callable[[str], bool]) -> Delivery | None:
        """Return the first in memory that *may_start*, and count it as in flight.

        *may_start* claims a delivery for an attempt by its id (rule 7). Where it is False, a newer
        change is about to supersede the delivery, and the one behind it goes first.
        """
        # Nearly always the first: claims of a transaction last for milliseconds.
        for place, delivery in enumerate(self.ready):
            if may_start(delivery.id):
                del self.ready[place]
                self.in_flight += 1
                return delivery
        return None

    def attempt_over(self) -> None:
        """Free the slot of an attempt that ended, or was cut off."""
        self.in_flight -= 1

    def refetch(self, now: datetime) -> None:
        """Ask the database anew, whatever a fetch under way is about to say (rule 4)."""
        self.next_at, self._is_overtaken = now, True

    def wait_until(self, due_at: datetime) -> None:
        """Note that something in the database is due at *due_at*."""
        self.next_at = due_at if self.next_at is None else min(self.next_at, due_at)

    def unload(self, now: datetime) -> None:
        """Drop what waits in memory: the database has it, and it is fetched when it may go.

        Attempts under way are not touched.
        """
        if self.ready or self.arriving:
            self.forget(self.arriving.union(delivery.id for delivery in self.ready))
            self.refetch(now)

    def forget(self, ids: set[str]) -> None:
        """Drop those of *ids* that wait in memory."""
        waiting = self.arriving.union(delivery.id for delivery in self.ready) & ids
        if waiting:
            for id_ in waiting:
                self.prefetched.discard(id_)
            self.arriving -= waiting
            kept = [delivery for delivery in self.ready if delivery.id not in ids]
            self.ready.clear()
            self.ready.extend(kept)

    def put_in_force(self, row: LaneRow, definition: PreparedWebhook, now: datetime) -> None:
        """Take over what a configuration says of the webhook, and the row that it made."""
        self.is_in_force = True
        self.set_row(row, now)
        if not definition.has_same_request(self.definition):
            self.breaker.retargeted(now)
        self.definition = definition

    def retire(self, row: LaneRow, now: datetime) -> None:
        """Hold the lane: its webhook is not in force here. Attempts under way finish."""
        self.is_in_force = False
        self.set_row(row, now)

    def limit_starts(self, window: RateWindow | None) -> None:
        """Count starts in *window* from now on, or not at all."""
        self.window = window

    def disowned(self, now: datetime) -> None:
        """Drop what waits here and the lane's share: this daemon goes on as another member."""
        self.unload(now)
        self.share = self.share.renewed()
        self.refetch(now)

    def breaker_published(self) -> tuple[datetime | None, str]:
        """Put the breaker's state into the lane's row, a change that is now under way.

        Return it: since when the lane is probed (None: it is not), and why.
        """
        probed = self.breaker.probed
        since, reason = (None, "") if probed is None else (probed.since, probed.reason)
        self.row = replace(self.row, probed_since=since, probed_reason=reason)
        self.changes_under_way += 1
        return since, reason

    def change_ended(self) -> None:
        """Note that a change of the row was written, or that it failed."""
        self.changes_under_way -= 1

    def ended(self, settlement: Settlement, began_under: PreparedWebhook) -> None:
        """Take over at once what an attempt's outcome means for the whole lane.

        The attempt's task calls it, before the settlement is on the disk: a lane whose receiver
        is gone, or asked for a pause, must start nothing in between. *began_under* is the
        definition in force when the attempt began.
        """
        # A reload may have put another request in force since: of that nothing is known yet.
        if began_under.has_same_request(self.definition):
            self.breaker.ended(settlement)
        error, at = settlement.attempt.error, settlement.ended_at
        if error is None:
            self.latest = replace(self.latest, delivered_at=at)
        else:
            self.latest = replace(self.latest, error=error, failed_at=at)
        self.is_failing = not isinstance(settlement.outcome, Delivered)
        self.changes_under_way += _changes_lane(settlement)
        match settlement.outcome:
            # The row changes in memory first. Until `settled`, `changes_under_way` keeps away the
            # row that the database still has.
            case Held(why=why):
                since = self.row.held_since or settlement.ended_at
                self.row = replace(self.row, gone_reason=why, held_since=since)
                self.unload(settlement.ended_at)
            case RetryAt(lane_paused_until=until) if until is not None:
                # Of two attempts that ended close together, the longer pause holds.
                latest = max(until, self.row.quiet_until or until)
                self.row = replace(self.row, quiet_until=latest)
                self.unload(settlement.ended_at)
            case _:
                pass

    def is_other(self, row: LaneRow) -> bool:
        """Return whether the lane has another row than *row*."""
        return self._as_here(row) != self.row

    def _as_here(self, row: LaneRow) -> LaneRow:
        """Return *row* held, where only other daemons have the webhook in force."""
        if self.is_in_force or row.hold is not None:
            return row
        return replace(row, absent_reason=ELSEWHERE)

    def set_row(self, row: LaneRow, now: datetime) -> None:
        """Take over the lane's row as the database has it now.

        The caller has made sure that no outcome is on its way to the row (rule 5), or that the
        lane has no `changes_under_way`.
        """
        row = self._as_here(row)
        # After each of the three other deliveries are due: a fetch under way asked by the old row.
        is_other_order = row.is_ordered != self.row.is_ordered
        if is_other_order or row.epoch != self.row.epoch or (self.row.hold and not row.hold):
            self.refetch(now)
        self.row = row
        self.share.sync_breaker(self.breaker, row.probed_since, row.probed_reason)
        # Behind `self.row`: what waits in memory waits under the old order, or for a lane that is
        # held; the database has all of it. Attempts under way are not touched.
        if is_other_order or row.hold is not None:
            self.unload(now)
        if is_other_order:
            self.prefetched.order(is_ordered=row.is_ordered)

    def settled(self, settlement: Settlement) -> None:
        """Take a delivery out of memory, as its settlement is on the disk (rule 2)."""
        self.prefetched.discard(settlement.delivery.id)
        self.changes_under_way -= _changes_lane(settlement)
        if self.prefetched.has_refused():
            # Perhaps for this one: what was refused then is first of its record now.
            self.refetch(settlement.ended_at)
        match settlement.outcome:
            case RetryAt(when=when):
                # A fetch under way leaves it out, and may think that nothing waits.
                self._is_overtaken = True
                self.wait_until(when)
            case Held():
                # Due when the hold ends; `due_at` returns nothing until then.
                self._is_overtaken = True
                self.wait_until(settlement.ended_at)
            case _:
                pass


def _changes_lane(settlement: Settlement) -> bool:
    """Return whether an attempt's outcome is one for its whole lane."""
    match settlement.outcome:
        case Held():
            return True
        case RetryAt(lane_paused_until=until):
            return until is not None
        case _:
            return False
