"""What lanes want fetched from the database, when the scheduler rings for it, and what came.

    a round of the scheduler   requests ─► each lane is fetching       next_due ─► its timer
    the writer's thread        rows are read, between two commits
    the task that fetched      fetched, or failed ─► the scheduler is woken for another round

Rule 4: whatever may change when a lane is due calls `remind`, or `refetch`. Everything here runs on
the event loop.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.delivery.lanes.lane import Lane
    from webhookd.delivery.lanes.lane_table import LaneTable
    from webhookd.delivery.peers import Peers
    from webhookd.model import Delivery
    from webhookd.storage.deliveries.due import Due, FetchRequest


class LaneFetches:
    """Fetches of *lanes*; what they have of a lane goes with a request to *peers*."""

    def __init__(self, lanes: LaneTable, peers: Peers, clock: Clock) -> None:
        self._lanes = lanes
        self._peers = peers
        self._now = clock.now
        # When the scheduler's timer will ring, as `next_due` told it last; None: not by itself.
        self._rings_at: datetime | None = None
        self._wake: Callable[[], None] | None = None

    def open(self, wake: Callable[[], None]) -> None:
        """Have *wake* run a round of the scheduler soon; until then nothing is reminded of."""
        self._wake = wake

    def requests(self, now: datetime) -> list[FetchRequest]:
        """Return what lanes want fetched at *now*; the scheduler's round calls it.

        Each of these lanes is fetching then, until `fetched` or `failed` is called for it.
        """
        wanted = []
        for lane in self._lanes:
            due_at = lane.due_at()
            # The request lists what is in memory now. What is offered before the rows are read
            # comes twice, and `Lane.fetched` drops it (rule 2).
            if due_at is not None and due_at <= now:
                wanted.append(lane.fetch_request(self._peers.share_request))
        return wanted

    def next_due(self) -> datetime | None:
        """Return when a lane will want something, None when none will by itself."""
        times = [due_at for lane in self._lanes if (due_at := lane.due_at()) is not None]
        self._rings_at = min(times, default=None)
        return self._rings_at

    def fetched(self, due: Due) -> list[Delivery]:
        """Take what was fetched for a lane into memory and return it.

        The task that fetched calls it with answers in the order of the commits.
        """
        lane = self._lanes.by_number.get(due.lane)
        if lane is None:
            return []
        # First the share: how much room the lane has for these deliveries depends on it.
        if due.share is not None:
            self._peers.share_granted(lane, due.share)
        return lane.fetched(due, self._now())

    def failed(self, wanted: Iterable[FetchRequest], *, again_in: float) -> None:
        """Note that a fetch failed; the lanes ask again after *again_in* seconds."""
        again_at = self._now() + timedelta(seconds=again_in)
        for one in wanted:
            lane = self._lanes.by_number.get(one.lane)
            if lane is not None:
                lane.memory.fetch_failed(again_at)

    def refetch(self, numbers: Iterable[int] | None = None) -> None:
        """Have lanes ask the database anew, all or some: something changed there by hand or order.

        Call it behind the commit, so that the fetches see the change.
        """
        now = self._now()
        wanted = self._lanes.by_number if numbers is None else numbers
        for number in wanted:
            lane = self._lanes.by_number.get(number)
            if lane is not None:
                lane.memory.refetch(now)
        self.wake()

    def remind(self, lane: Lane) -> None:
        """Wake the scheduler if *lane* wants something before its timer will ring (rule 4).

        `SlotScheduler` calls it after every `serve`, peers when other daemons stored something.
        """
        due_at = lane.due_at()
        if due_at is not None and (self._rings_at is None or due_at < self._rings_at):
            self.wake()

    def wake(self) -> None:
        """Have the scheduler run a round in the next turn of the event loop."""
        if self._wake is not None:
            self._wake()
