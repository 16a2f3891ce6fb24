"""All lanes, and the one way in for whatever happens to their deliveries.

    in database --fetched--> arriving --arrived--> ready --next--> in flight --add--> settling
         |                                           ^                                   |
         '---------- offer, just committed ----------'                                   |
         ^                                                                               |
         '------ retry, hold or end: committed, after the commit of the settlement <-----'

    step             caller, always on the event loop           what ran before on another thread
    offer            intake's callback after a commit           the writer's: rows were stored
    fetch            `LaneFetches`: a round, then a task        the writer's: rows were read
    arrived          the scheduler's next round                 -
    next             `SlotScheduler.serve`                      -
    add              the task of the attempt, when it ended     -
    committed        `SettlementWriter`, after a commit         the writer's: rows were settled

From arriving to settling a delivery is in memory (`Lane.memory`), and no fetch returns it.
"Rule 1" to "Rule 9" in comments are the nine rules of docs/architecture.md.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.delivery.caused_events import NO_EVENTS
from webhookd.delivery.claims import ClaimTable
from webhookd.delivery.lanes.lane_fetches import LaneFetches
from webhookd.delivery.lanes.lane_table import LaneTable
from webhookd.delivery.peers import Lanes
from webhookd.delivery.reordering import Reordering
from webhookd.delivery.settlements import SettlementWriter
from webhookd.delivery.slots import SlotScheduler
from webhookd.errors import StorageError
from webhookd.telemetry.events import BugFound, DeliveriesStored, DeliverySuperseded

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Iterable,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.delivery.caused_events import CausedEvents
    from webhookd.delivery.courier import Courier
    from webhookd.delivery.peers import Peers
    from webhookd.delivery.prepared_webhook import PreparedWebhook
    from webhookd.model import Delivery, Settlement
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.deliveries.lanes import LaneRow

QUIESCE_SECONDS = 10.0
"""Seconds that a change of lanes waits for settlements to be written, before it is refused.

As long as a person waits for a reload or a pause; a healthy database needs milliseconds.
"""


class Dispatcher:
    """Has deliveries attempted as lanes and *peers* allow.

    All methods run on the event loop. *clock* tells when deliveries are due; at most
    *max_in_flight* attempts are under way, and one of each lane besides. *events* says what is told
    of what attempts lead to.
    """

    def __init__(
        self,
        courier: Courier,
        writer: Writer,
        peers: Peers,
        *,
        max_in_flight: int,
        clock: Clock,
        events: CausedEvents = NO_EVENTS,
    ) -> None:
        self._quiesce = courier.quiesce
        self._now = clock.now
        self.peers = peers
        self.lanes = LaneTable(peers)
        self.fetches = LaneFetches(self.lanes, peers, clock)
        self.claims = ClaimTable(self._claims_released, peers.room_for)
        self.settlements = SettlementWriter(
            writer,
            self.committed,
            peers.locks_for,
            claims=self.claims,
            offer=self.offer,
            events=events,
        )
        self._slots = SlotScheduler(
            courier,
            peers,
            self.settlements,
            self.claims,
            max_in_flight=max_in_flight,
            clock=clock,
            served=self.fetches.remind,
        )
        self._reordering = Reordering(writer, self.fetches.refetch)
        peers.attach(
            Lanes(
                self.lanes.by_name,
                self.lanes.by_number,
                self._slots.serve,
                self._slots.serve_later,
                self.fetches.remind,
            )
        )

    @property
    def in_flight(self) -> int:
        """Return the number of attempts under way."""
        return self._slots.in_flight

    def open(self, wake: Callable[[], None]) -> None:
        """Begin to start attempts; *wake* has the scheduler run a round soon, on the event loop."""
        self.fetches.open(wake)
        self._slots.open()

    async def drain(self, grace: float) -> int:
        """Start nothing more, wait *grace* seconds, and return how many were cut off."""
        await self._reordering.stop()
        # Before the peers, which are told of the end of every attempt.
        unfinished = await self._slots.drain(grace)
        await self.peers.stop()
        return unfinished

    @asynccontextmanager
    async def quiesced(self) -> AsyncIterator[None]:
        """Judge no reply inside, with all that was judged before on the disk.

        Lanes' rows are changed so: what a reply means for its whole lane (a 410, a Retry-After)
        is then neither missed by the change nor written over it. Raises StorageError when the
        database does not take what was judged.
        """
        # Rule 5: the courier judges no reply while this lock is held, and what it judged before is
        # on the disk. So the caller's transaction sees every hold and pause that there is.
        async with self._quiesce:
            if not await self.settlements.drain(QUIESCE_SECONDS):
                raise StorageError("the database does not take what attempts led to; try again")
            yield

    def adopt(
        self,
        rows: Iterable[LaneRow],
        definitions: Mapping[str, PreparedWebhook],
        starts: Mapping[str, Sequence[datetime]],
    ) -> None:
        """Put a configuration in force: *rows* as the database has them, all at once.

        *starts* are the late starts of rate-limited lanes that are not in memory yet.
        """
        self.lanes.adopt(rows, definitions, starts, self._now())
        # After all rows are in force, and every lane: to serve one hands slots to others in line.
        for lane in self.lanes:
            self._slots.serve(lane)
        self._reordering.resume()
        self.fetches.wake()

    def resume_reordering(self) -> None:
        """Go on with what a reload of `order` has left to do, at whichever daemon."""
        self._reordering.resume()

    def offer(self, deliveries: Iterable[Delivery]) -> None:
        """Take deliveries that were just committed; what finds no room is in the database.

        One that is behind another of its record comes when that has ended; one that superseded
        others comes in their place. Called by intake's callback after a commit.
        """
        stored = tuple(deliveries)
        if stored:
            telemetry.report(DeliveriesStored(stored))
        self._take(stored)

    def _take(self, deliveries: Iterable[Delivery]) -> None:
        """Give *deliveries* to their lanes: those just committed, and promoted ones."""
        now = self._now()
        touched = {}
        left = set()
        # Asked once of each lane: only what is taken here changes it meanwhile.
        rooms: dict[str, int] = {}
        for delivery in deliveries:
            lane = self.lanes.by_name.get(delivery.webhook)
            if delivery.supersedes:
                telemetry.report(DeliverySuperseded(delivery))
            # Behind another of its record: `committed` promotes it when that one has ended. With
            # `supersedes` the lane must hear of it all the same: what it replaced may be in memory.
            if lane is None or (delivery.is_behind and not delivery.supersedes):
                continue
            if delivery.is_unclaimed:
                # Rule 9: no daemon owns it yet, so any that has room may fetch it.
                left.add(lane.row.number)
            name = delivery.webhook
            if delivery.supersedes:
                lane.supersede(delivery, now)
                rooms.pop(name, None)
            else:
                room = rooms[name] if name in rooms else lane.room_for_new(now)
                rooms[name] = lane.offer(delivery, room)
            touched[name] = lane
        for lane in touched.values():
            # Rule 4: when each of them is due may be another time now.
            self._slots.serve(lane)
        if left:
            self.notify("due", left)

    def set_row(self, row: LaneRow) -> None:
        """Take over a lane's row that a person changed: a hold, or its end."""
        lane = self.lanes.by_name.get(row.webhook)
        if lane is None:
            return
        now = self._now()
        lane.set_row(row, now)
        lane.memory.refetch(now)
        self._slots.serve(lane)

    def arrived(self, deliveries: Iterable[Delivery]) -> None:
        """Take fetched deliveries that the scheduler hands out."""
        touched = {}
        for delivery in deliveries:
            lane = self.lanes.by_name.get(delivery.webhook)
            if lane is not None:
                lane.memory.arrived(delivery)
                touched[lane.name] = lane
        # Behind the loop: all are ready, whatever happens in serving one lane.
        for lane in touched.values():
            try:
                self._slots.serve(lane)
            except Exception as error:  # noqa: BLE001 - a bug in one lane must not stop others
                telemetry.report(BugFound("scheduler.round_broke", error))

    def committed(self, settlements: Sequence[Settlement], promoted: Sequence[Delivery]) -> None:
        """Take deliveries whose settlements are on the disk out of memory.

        `SettlementWriter` calls it after each commit.

        *promoted* were behind some of them, and are now the first of their record.
        """
        touched = {}
        changed = set()
        # Rule 2: only now a fetch may return these again. Rule 7: only now may they be superseded.
        # All of them before anything is served: a lane with an order takes the next delivery of a
        # record into memory only when the one before has left it.
        self.claims.settled([settlement.delivery.id for settlement in settlements])
        for settlement in settlements:
            lane = self.lanes.by_number.get(settlement.lane)
            if lane is not None:
                before = lane.changes_under_way
                lane.settled(settlement)
                touched[lane.name] = lane
                if lane.changes_under_way < before:
                    changed.add(settlement.lane)
        for lane in touched.values():
            self.fetches.remind(lane)
        if changed:
            # A hold or a pause of the lane's row is on the disk: others can read it from now on.
            self.notify("lanes", changed)
        if promoted:
            self._promoted(promoted)
        # Last: with this group on the disk, `is_behind` may be over.
        self._slots.resume(self.lanes)

    def notify(self, kind: str, about: Iterable[object]) -> None:
        """Tell other daemons something, where there are any."""
        self.peers.notify(kind, about)

    def _claims_released(self) -> None:
        """Serve lanes whose deliveries newer changes were about to supersede.

        `ClaimTable` calls it when a transaction's claims have ended (rule 7): a lane passed over
        what was claimed, and nothing else would serve it again.
        """
        for lane in self.lanes:
            if lane.memory.ready:
                self._slots.serve(lane)

    def _promoted(self, deliveries: Sequence[Delivery]) -> None:
        """Have the next of a record go at once, if it is due (rule 6, the part in memory)."""
        now = self._now()
        for delivery in deliveries:
            lane = self.lanes.by_name.get(delivery.webhook)
            if lane is not None and delivery.due_at > now:
                # It is due earlier than it says if its lane was released meanwhile: the lane's
                # epoch has risen, and only a fetch compares the two.
                lane.memory.refetch(now)
                self.fetches.remind(lane)
        self._take(delivery for delivery in deliveries if delivery.due_at <= now)
