"""What of a lane this daemon may do, where several share it: asked for in batches, and given back.

A lane begins an attempt only with a slot that the database has given this daemon, with a start too
where there is a rate limit, and while the daemon's lease holds. What it asked for it keeps while
it has something to do and nobody else wants it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.delivery.rate_window import length_of
from webhookd.errors import StorageError
from webhookd.storage.database.connection import Locks
from webhookd.storage.deliveries import lanes
from webhookd.storage.fleet import shares
from webhookd.storage.fleet.shares import Ask, Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from webhookd.definitions import RateLimit
    from webhookd.delivery.lane import Lane
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.fleet.shares import Share

RETRY_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 0.01


@dataclass(slots=True)
class LaneShare:
    """What this daemon has of a lane: it may begin up to *slots*, and use *tokens* for starts.

    While it is asked anew, no more may be in flight than is *promised*: what was said to be, when
    it was asked, for of the rest the answer may take some away.
    *held* is what is counted for it; *wanted* is what it would have. There are no tokens
    *none_before* a time. *asked_at* is when the
    latest tokens were asked for, by the clock that goes on, and *database_at* what the database's
    showed then, in microseconds.
    """

    slots: int = 0
    promised: int | None = None
    held: int = 0
    wanted: int = 0
    rate: RateLimit | None = None
    tokens: deque[str] = field(default_factory=deque)
    is_asking: bool = False
    is_to_ask: bool = False
    none_before: float = 0.0
    asked_at: float = 0.0
    database_at: int = 0

    @property
    def may_have(self) -> int:
        """Return how many may be in flight now."""
        return self.slots if self.promised is None else min(self.slots, self.promised)


class Sharing:
    """Asks for shares. *serve* lets a lane go on, *serve_later* does so after some seconds.

    *tell* has other daemons look at a lane's shares: because some came free, or are wanted.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        now: Callable[[], datetime],
        boottime: Callable[[], float],
        serve: Callable[[Lane], None],
        serve_later: Callable[[Lane, float], None],
        tell: Callable[[str, Iterable[int]], None],
    ) -> None:
        self._writer = writer
        self._now = now
        self._boottime = boottime
        self._serve = serve
        self._serve_later = serve_later
        self._asking: set[asyncio.Task[None]] = set()
        self._started: list[tuple[str, int]] = []
        self._reporting: asyncio.Task[None] | None = None
        self._tell = tell
        self._number = writer.owner

    def renumbered(self) -> None:
        """Begin anew, as another daemon than before; what that had in memory is forgotten."""
        self._number = self._writer.owner

    async def stop(self) -> None:
        """Ask for nothing more, and say what was started."""
        for task in self._asking:
            task.cancel()
        if self._asking:
            await asyncio.wait(self._asking)
        if self._reporting is not None:
            await asyncio.wait([self._reporting])

    def may_start(self, lane: Lane) -> bool:
        """Return whether *lane* may begin an attempt now; if not, see to it that it will."""
        share = lane.share
        if share is None:
            return True
        if not self._writer.has_lease or self._writer.owner != self._number:
            self._serve_later(lane, RETRY_SECONDS)
            return False
        if share.rate is None or share.tokens:
            return True
        wait = share.none_before - self._boottime()
        if wait > 0:
            self._serve_later(lane, wait)
        else:
            self.ask(lane)
        return False

    def started(self, lane: Lane) -> None:
        """Use a start of *lane*, if those are counted."""
        share = lane.share
        if share is None or share.rate is None or not share.tokens:
            return
        # Not before the database gave it: a start is counted a little late rather than early.
        passed = round((self._boottime() - share.asked_at) * 1_000_000)
        self._started.append((share.tokens.popleft(), share.database_at + passed))
        if self._reporting is None:
            self._reporting = asyncio.get_running_loop().create_task(self._report())

    def ended(self, lane: Lane) -> None:
        """Give back what was only kept for an attempt that has ended."""
        share = lane.share
        if share is None:
            return
        if (lane.probing.probed is None) != (lane.row.probed_since is None):
            self._tell_probing(lane)
        if share.held > share.slots and lane.in_flight <= share.slots:
            self.ask(lane)

    def lessened(self, lane: Lane) -> None:
        """See what is to be done about a lane that has something ready and no slot any more."""
        share = lane.share
        if share is None or share.slots > 0 or not lane.ready:
            return
        if share.wanted == 0:
            # It came in while it was given up for lack of anything to do.
            self.ask(lane)
        elif lane.in_flight == 0:
            # Others have all of it, and may have these.
            lane.let_go(self._now())

    def want(self, lane: Lane) -> Ask | None:
        """Return what to ask for before deliveries are fetched: None where there is a share."""
        share = lane.share
        if share is None or share.slots > 0:
            return None
        return _ask(lane, share, self._boottime())

    def ask(self, lane: Lane) -> None:
        """Ask for a share of *lane* as it is now: more, or less."""
        share = lane.share
        if share is None:
            return
        share.is_to_ask = True
        if not share.is_asking:
            share.is_asking = True
            task = asyncio.get_running_loop().create_task(self._asks(lane, share))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def given(self, lane: Lane, given: Share) -> None:
        """Take over what was given."""
        share = lane.share
        if share is None:
            return
        share.slots, share.held, share.wanted = given.slots, given.held, given.wanted
        if given.at:
            share.database_at, share.asked_at = given.at, given.asked_at
        share.tokens.extend(given.tokens)
        share.none_before = self._boottime() + given.wait
        if given.is_less:
            self._tell("free", [lane.row.number])
        if given.is_short:
            self._tell("want", [lane.row.number])
        self.lessened(lane)

    async def _asks(self, lane: Lane, share: LaneShare) -> None:
        try:
            while share.is_to_ask:
                share.is_to_ask = False
                await self._ask(lane, share)
        finally:
            share.is_asking = False

    async def _ask(self, lane: Lane, share: LaneShare) -> None:
        ask = _ask(lane, share, self._boottime())
        share.promised = lane.in_flight
        locks = Locks(frozenset({lane.row.number}))
        try:
            given = await self._writer.write(partial(shares.take, ask=ask), locks)
        except StorageError as error:
            # What became of it is not known: the promise stays.
            telemetry.storage_refused("shares", error, 1)
            await asyncio.sleep(RETRY_SECONDS)
            share.is_to_ask = True
            return
        except Exception as error:  # noqa: BLE001 - a bug in one lane stops only that
            telemetry.bug("delivery.sharing_broke", error)
            await asyncio.sleep(RETRY_SECONDS)
            share.promised, share.is_to_ask = None, True
            return
        share.promised = None
        self.given(lane, given)
        self._serve(lane)

    def _tell_probing(self, lane: Lane) -> None:
        """Let all daemons know that nobody is met in a lane, or that somebody is."""
        probed, number = lane.probing.probed, lane.row.number
        since, reason = (None, "") if probed is None else (probed.since, probed.reason)
        lane.row = replace(lane.row, probed_since=since, probed_reason=reason)
        lane.changes_under_way += 1
        unit = partial(lanes.set_probed, number=number, since=since, reason=reason)
        self._writer.write(unit).add_done_callback(partial(self._probing_told, lane))
        self.ask(lane)

    def _probing_told(self, lane: Lane, done: asyncio.Future[None]) -> None:
        lane.changes_under_way -= 1
        if done.exception() is None:
            self._tell("lanes", [lane.row.number])

    async def _report(self) -> None:
        """Say when starts happened, until nothing is left to say."""
        try:
            while self._started:
                await asyncio.sleep(REPORT_SECONDS)
                group, self._started = self._started, []
                try:
                    await self._writer.write(partial(shares.happened, starts=group))
                except StorageError as error:
                    # They stay counted meanwhile, which is too many rather than too few.
                    telemetry.storage_refused("starts", error, len(group))
                    self._started = group + self._started
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._reporting = None


def _ask(lane: Lane, share: LaneShare, asked_at: float) -> Ask:
    wanted = lane.most if lane.is_busy else 0
    rate, tokens = share.rate, 0
    returned: tuple[str, ...] = ()
    if not lane.is_busy and share.tokens:
        returned = tuple(share.tokens)
        share.tokens.clear()
    if rate is not None and lane.ready and not share.tokens:
        tokens = min(len(lane.ready), max(wanted, 1))
    return Ask(
        lane.row.number,
        lane.most,
        wanted,
        lane.in_flight,
        lane.definition.seconds,
        None if rate is None else Rate(rate.starts, round(length_of(rate) * 1_000_000)),
        tokens,
        returned,
        asked_at,
    )
