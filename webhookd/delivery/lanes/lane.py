"""One lane for each webhook: how many of its deliveries may be in memory, and which may start now.

    row          holds, pauses and the epoch: the database's, ahead of it by `changes_under_way`
    definition   what the configuration in force says of the webhook
    memory       its deliveries from the fetch to the settlement (`lane_memory`)
    share        how many attempts this daemon may have in flight, window: when the next may start
    breaker      whether the receiver answers at all

Nothing here waits or touches the disk; everything runs on the event loop, called by `Dispatcher`,
`SlotScheduler` and the daemon's peers. Between a fetch and its answer, and between an attempt and
its settlement, a reload, a person or another daemon may have changed any of these.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.delivery.breaker import Breaker
from webhookd.delivery.lanes.lane_memory import LaneMemory
from webhookd.delivery.lanes.lane_outcomes import changes_lane, due_again, row_after
from webhookd.delivery.lanes.lane_share import UNLIMITED
from webhookd.delivery.prepared_webhook import AttemptContext
from webhookd.storage.deliveries.due import FetchRequest
from webhookd.storage.fleet import shares

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.delivery.lanes.lane_share import LaneShare
    from webhookd.delivery.prepared_webhook import PreparedWebhook
    from webhookd.delivery.rate_window import RateWindow
    from webhookd.model import Delivery, Settlement
    from webhookd.storage.deliveries.due import Due
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.storage.fleet.shares import ShareRequest


ELSEWHERE = "in force at other daemons only"
"""The hold's reason, as people read it, of a lane that only other daemons may serve."""


class Lane:
    """One webhook's deliveries on their way; those in its *memory* are this daemon's.

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
        self.memory = LaneMemory(is_ordered=row.is_ordered)
        self.in_flight = 0
        self.breaker = Breaker(row.webhook)
        self.is_in_force = True
        self._lanes = 1
        # The same from one attempt to the next, until the lane changes.
        self._context_of: tuple[LaneRow, PreparedWebhook, bool] | None = None
        self._context: AttemptContext
        # Outcomes and breaker states that are in `row` and not on the disk: while there is one, a
        # row that another daemon wrote is not taken over, for it may be older.
        self.changes_under_way = 0

    @property
    def name(self) -> str:
        """Return the webhook's name."""
        return self.row.webhook

    @property
    def buffer(self) -> int:
        """Return how many may wait in memory: enough to keep the slots busy."""
        return self.share.room(self.definition.webhook.delivery.concurrency, self._lanes)

    @property
    def is_busy(self) -> bool:
        """Return whether it has something to do, or to look for."""
        return self.row.hold is None and (self.in_flight > 0 or self.memory.is_busy)

    def room_for_new(self, now: datetime) -> int:
        """Return how many deliveries about to be stored it would take."""
        # Older deliveries wait in the database, or are on their way: they go first. This is asked
        # before the transaction, so `offer` asks once more when it is committed.
        if self.memory.is_behind(now) or self.row.hold or self.row.quiet_seconds(now):
            return 0
        return max(self.room, 0)

    @property
    def room(self) -> int:
        """Return how many more may come into memory."""
        return self.buffer - self.memory.waiting

    def attempt_context(self, at: datetime) -> AttemptContext:
        """Return what a courier must know of the lane at *at*, as values that no longer change."""
        state = row, definition, is_paced = self.row, self.definition, self.window is not None
        if state != self._context_of or row.held_since is not None:
            held = row.held_seconds(at)
            self._context_of = state
            self._context = AttemptContext(definition, row.number, row.epoch, held, is_paced)
        return self._context

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
        return max(rate, self.row.quiet_seconds(now))

    def due_at(self) -> datetime | None:
        """Return when the next fetch is worthwhile; None: nothing is due, or a fetch is running.

        It is when something is due and enough of the buffer is free: each fetch is a
        statement, and passes over all that is in memory.
        """
        next_at = self.memory.next_at
        if next_at is None or self.memory.is_fetching or self.row.hold is not None:
            return None
        if not self.share.is_due(self.buffer, self.memory.waiting):
            return None
        return max(next_at, self.row.quiet_until or next_at)

    def fetch_request(self, ask: Callable[[Lane], ShareRequest | None]) -> FetchRequest:
        """Ask for what there is room for; the answer comes to `fetched`.

        *ask* gives what to ask for of the lane before.
        """
        self.memory.begin_fetch()
        of_lane = ask(self)
        room = self.room if of_lane is None else shares.room(of_lane.wanted)
        return FetchRequest(
            self.row.number,
            self.row.epoch,
            room,
            self.row.is_ordered,
            self.memory.ids,
            of_lane,
        )

    def fetched(self, due: Due, now: datetime) -> list[Delivery]:
        """Take into memory, and return, what was found and is not there yet.

        Called on the event loop, with answers in the order of the commits.
        """
        if due.share is not None and due.share.slots == 0:
            self.memory.fetch_denied(now)
            return []
        self.memory.fetch_answered(due.next_at, now)
        if self.row.hold is not None or due.is_ordered != self.row.is_ordered:
            # The lane was held, or its order changed, while the fetch was under way. In a fleet
            # these rows are this daemon's now: it claims them again later, or gives them back
            # (rule 9).
            self.memory.ask_at(now)
            return []
        return self.memory.take(due.deliveries, max(self.room, 0), now)

    def offer(self, delivery: Delivery, room: int) -> int:
        """Take a delivery just committed, where there is *room* for so many (`room_for_new`).

        Return for how many more. What finds no room is fetched later (rule 1: it is stored in any
        case), and so are newer ones, which must not go before it.
        """
        if room <= 0 or delivery.is_unclaimed:
            self.memory.leave(delivery)
            return 0
        return room - self.memory.offer(delivery)

    def supersede(self, delivery: Delivery, now: datetime) -> None:
        """Take a delivery just committed in the place of those it superseded."""
        if self.memory.replace(delivery):
            return
        if delivery.due_at > now:
            # It is due earlier than it says if the lane was released meanwhile: of an older epoch.
            self.memory.refetch(now)
        elif not delivery.is_behind:
            self.offer(delivery, self.room_for_new(now))

    def next(self, may_start: Callable[[str], bool]) -> Delivery | None:
        """Return the first in memory that *may_start*, and count it as in flight.

        *may_start* claims a delivery for an attempt by its id (rule 7). Where it is False, a newer
        change is about to supersede the delivery, and the one behind it goes first.
        """
        delivery = self.memory.next(may_start)
        if delivery is not None:
            self.in_flight += 1
        return delivery

    def attempt_over(self) -> None:
        """Free the slot of an attempt that ended, or was cut off."""
        self.in_flight -= 1

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

    def limit_memory(self, lanes: int) -> None:
        """Note how many *lanes* there are, which share what may wait in memory."""
        self._lanes = lanes

    def disowned(self, now: datetime) -> None:
        """Drop what waits here and the lane's share: this daemon goes on as another member."""
        self.memory.unload(now)
        self.share = self.share.renewed()
        self.memory.refetch(now)

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
        if changes_lane(settlement):
            # The row changes in memory first. Until `settled`, `changes_under_way` keeps away the
            # row that the database still has.
            self.changes_under_way += 1
            self.row = row_after(self.row, settlement)
            self.memory.unload(settlement.ended_at)

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
        # Each of the three makes other deliveries due, and a fetch under way asked by the old row.
        is_other_order = row.is_ordered != self.row.is_ordered
        if is_other_order or row.epoch != self.row.epoch or (self.row.hold and not row.hold):
            self.memory.refetch(now)
        self.row = row
        self.share.sync_breaker(self.breaker, row.probed_since, row.probed_reason)
        # Behind `self.row`: what waits in memory waits under the old order, or for a lane that is
        # held; the database has all of it. Attempts under way are not touched.
        if is_other_order or row.hold is not None:
            self.memory.unload(now)
        if is_other_order:
            self.memory.order(is_ordered=row.is_ordered)

    def settled(self, settlement: Settlement) -> None:
        """Take a delivery out of memory, as its settlement is on the disk (rule 2)."""
        self.changes_under_way -= changes_lane(settlement)
        self.memory.settled(settlement.delivery.id, due_again(settlement), settlement.ended_at)
