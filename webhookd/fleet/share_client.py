"""Requests this daemon's share of each lane from the database, and returns what it does not need.

A lane begins an attempt only with a slot that the database has granted this daemon, with a start,
too, where there is a rate limit, and while the daemon's lease holds. What was granted stays this
daemon's while the lane has something to do and no other daemon wants it.

    no share --a fetch requests one--> slots --idle, or wanted by another daemon--> fewer slots
                                         ^------------- granted again --------------------'

Everything here runs on the event loop; the requests themselves run on the writer's thread.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.delivery.rate_window import length_of
from webhookd.errors import StorageError
from webhookd.storage.database.connection import Locks
from webhookd.storage.deliveries import lanes
from webhookd.storage.fleet import shares
from webhookd.storage.fleet.shares import Rate, ShareRequest
from webhookd.storage.refused_writes import RETRY_SECONDS
from webhookd.telemetry.events import BugFound, StorageRefused
from webhookd.telemetry.unhandled import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhookd.clock import Clock
    from webhookd.delivery.lanes.lane import Lane
    from webhookd.delivery.lanes.lane_share import LaneShare
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.fleet.shares import Grant

REPORT_SECONDS: Final = 0.01
"""Seconds in which starts are gathered, to report them in one transaction."""


class ShareClient:
    """Requests shares. *serve* lets a lane go on, *serve_later* does so after some seconds.

    *clock* tells the fleet's time. *notify* has other daemons look at a lane's shares: some came
    free, or this daemon wants some.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        clock: Clock,
        serve: Callable[[Lane], None],
        serve_later: Callable[[Lane, float], None],
        notify: Callable[[str, Iterable[int]], None],
    ) -> None:
        self._writer = writer
        self._now = clock.now
        self._boottime = clock.boottime
        self._serve = serve
        self._serve_later = serve_later
        self._notify = notify
        self._requests: set[asyncio.Task[None]] = set()
        self._started: list[tuple[str, int]] = []
        self._reporting: asyncio.Task[None] | None = None
        self._number: int | None = None

    def renumbered(self) -> None:
        """Begin, as the member that the writer's session registered; until then nothing starts.

        What an earlier member had in memory is forgotten in the same step of the event loop.
        """
        self._number = self._writer.owner

    async def stop(self) -> None:
        """Request nothing more, and report the starts that happened."""
        for task in self._requests:
            task.cancel()
        if self._requests:
            await asyncio.wait(self._requests)
        if self._reporting is not None:
            await asyncio.wait([self._reporting])

    def may_start(self, lane: Lane) -> bool:
        """Return whether *lane* may begin an attempt now; if not, see to it that it will."""
        share = lane.share
        # Rule 9: without its lease, another daemon may own by now what is in this one's memory;
        # under another number, it does.
        if not self._writer.has_lease or self._writer.owner != self._number:
            self._serve_later(lane, RETRY_SECONDS)
            return False
        if share.rate is None or share.tokens:
            return True
        wait = share.no_start_before - self._boottime()
        if wait > 0:
            self._serve_later(lane, wait)
        else:
            self.request(lane)
        return False

    def started(self, lane: Lane) -> None:
        """Use a start of *lane*, if those are counted, and report it in a moment.

        The attempt need not wait for that: the database counted the start when it granted it.
        """
        share = lane.share
        if share.rate is None or not share.tokens:
            return
        # A group for all lanes: one statement reports it. The task ends when it finds none left.
        self._started.append(share.use_start(self._boottime()))
        if self._reporting is None:
            task = asyncio.get_running_loop().create_task(self._report())
            self._reporting = watched(task, "starts")

    def sent_nothing(self, lane: Lane, seconds: float) -> None:
        """Return the start of an attempt of so many *seconds*: others may be waiting for it."""
        if lane.share.rate is not None:
            lane.share.give_back(self._boottime() - seconds)
            self.request(lane)

    def ended(self, lane: Lane) -> None:
        """Return the slot that was only kept for an attempt that has ended."""
        share = lane.share
        # Compared with the row, which `_publish_breaker` changes at once: each change is written
        # once, however many attempts end before its commit.
        if (lane.breaker.probed is None) != (lane.row.probed_since is None):
            self._publish_breaker(lane)
        if share.counted > share.slots and lane.in_flight <= share.slots:
            self.request(lane)

    def request_with_fetch(self, lane: Lane) -> ShareRequest | None:
        """Return the request that a fetch should make first: None where there is a share."""
        if lane.share.slots > 0:
            return None
        return _request(lane, lane.share, self._boottime())

    def request(self, lane: Lane) -> None:
        """Request the share that *lane* needs as it is now: more, or less."""
        if lane.share.call_for_request():
            task = asyncio.get_running_loop().create_task(self._send_requests(lane))
            watched(task, "shares")
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    def granted(self, lane: Lane, grant: Grant) -> None:
        """Take over a grant, notify the daemons it concerns, and see to what is ready here."""
        share = lane.share
        share.granted(grant, self._boottime())
        if grant.returned_slots:
            # Whoever has less than it wants may request them.
            self._notify("free", [lane.row.number])
        if grant.is_below_fair_share:
            # Whoever has more than its fair share must return some.
            self._notify("want", [lane.row.number])
        if share.slots > 0 or not lane.memory.ready:
            return
        if share.wanted == 0:
            # A delivery arrived while the share was returned for lack of anything to do.
            self.request(lane)
        elif lane.in_flight == 0:
            # Other daemons have the whole lane, and may have these deliveries, too.
            lane.memory.unload(self._now())

    async def _send_requests(self, lane: Lane) -> None:
        """Send requests, one after the other, until none is needed: the task of one lane."""
        # A lane that is disowned meanwhile gets another share, with a task of its own.
        share = lane.share
        try:
            while share.begin_request(lane.in_flight):
                await self._send_request(lane, share)
        finally:
            share.requests_ended()

    async def _send_request(self, lane: Lane, share: LaneShare) -> None:
        request = _request(lane, share, self._boottime())
        # Rule 8: shares of a lane are granted one after the other, under the lane's lock.
        locks = Locks(frozenset({lane.row.number}))
        try:
            grant = await self._writer.write(partial(shares.grant, request=request), locks)
        except StorageError as error:
            # Whether it was granted is not known: the promise stays.
            telemetry.report(StorageRefused("shares", 1, str(error)))
            await asyncio.sleep(RETRY_SECONDS)
            share.call_for_request()
        except Exception as error:  # noqa: BLE001 - a bug in one lane stops only that
            telemetry.report(BugFound("delivery.sharing_broke", error))
            await asyncio.sleep(RETRY_SECONDS)
            share.end_promise()
            share.call_for_request()
        else:
            # Nothing is awaited between the two: no attempt starts with neither bound in force.
            share.end_promise()
            self.granted(lane, grant)
            self._serve(lane)

    def _publish_breaker(self, lane: Lane) -> None:
        """Let all daemons know that a lane's receiver stopped answering, or answers again."""
        since, reason = lane.breaker_published()
        unit = partial(lanes.set_probed, number=lane.row.number, since=since, reason=reason)
        self._writer.write(unit).add_done_callback(partial(self._breaker_written, lane))
        self.request(lane)

    def _breaker_written(self, lane: Lane, done: asyncio.Future[None]) -> None:
        """Notify the other daemons: the writer calls this on the event loop, after the commit."""
        lane.change_ended()
        if done.exception() is None:
            self._notify("lanes", [lane.row.number])

    async def _report(self) -> None:
        """Report when starts happened, until there is none left to report."""
        try:
            while self._started:
                await asyncio.sleep(REPORT_SECONDS)
                group, self._started = self._started, []
                try:
                    await self._writer.write(partial(shares.report_starts, starts=group))
                except StorageError as error:
                    # They stay counted meanwhile, which is too many rather than too few.
                    telemetry.report(StorageRefused("starts", len(group), str(error)))
                    self._started = group + self._started
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._reporting = None


def _request(lane: Lane, share: LaneShare, requested_at: float) -> ShareRequest:
    """Return the request for the share that *lane* needs now, at *requested_at* in boot time."""
    wanted = lane.most if lane.is_busy else 0
    rate, tokens = share.rate, 0
    returned = share.return_tokens(all_of_them=not lane.is_busy)
    if rate is not None and lane.memory.ready and not share.tokens:
        tokens = min(len(lane.memory.ready), max(wanted, 1))
    return ShareRequest(
        lane.row.number,
        lane.most,
        wanted,
        lane.in_flight,
        lane.definition.seconds,
        None if rate is None else Rate(rate.starts, round(length_of(rate) * 1_000_000)),
        tokens,
        returned,
        requested_at,
    )
