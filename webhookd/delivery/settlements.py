"""Settlements on their way to the disk, gathered for a few milliseconds at a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from webhookd import telemetry
from webhookd.delivery.caused_events import NO_EVENTS
from webhookd.errors import StorageError
from webhookd.storage.deliveries import settle
from webhookd.storage.refused_writes import keep_trying
from webhookd.storage.webhooks import latest_attempts
from webhookd.telemetry.events import BugFound
from webhookd.telemetry.gathered_stderr import STDERR
from webhookd.telemetry.unhandled import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from webhookd.delivery.caused_events import Caused, CausedEvents
    from webhookd.delivery.claims import ClaimTable, TransactionClaims
    from webhookd.model import Delivery, Settlement
    from webhookd.storage.database.connection import Connection, Locks
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.webhooks.latest_attempts import LatestAttempts

GATHER_SECONDS = 0.01
"""Seconds in which settlements are gathered into a group.

Without them the writer commits every two to four rows, and a row costs twice as much.
"""

UNSETTLED_MOST = 5_000
"""Attempts that ended and are not on the disk; beyond this nothing new should start.

They are in memory (rule 2), each with its request and answer: this bounds memory, too.
"""

BUG_SECONDS = 60.0
"""Seconds for which what met a bug is left alone: an attempt, its settlement, a lane's fetches.

Each try is reported as a bug, and nearly always meets the same one.
"""


LEFT_SECONDS = 0.5
"""Seconds after which the sums that other daemons' locks kept back are written again.

The next group of settlements takes them along; this is for a daemon that has no more of them.
"""


class SettlementWriter:
    """Writes settlements in groups, one after the other, and says when they are on the disk.

    With each group goes what its attempts came to for each webhook, as sums (`latest_attempts`),
    and what *events* make of them: deliveries, stored under *claims* and then given to *offer*.

    *committed* is called on the event loop with each group, and with the deliveries that were
    behind those that ended. A group that the database refuses is written again until it is taken:
    the attempts were made and must be remembered.
    """

    def __init__(
        self,
        writer: Writer,
        committed: Callable[[Sequence[Settlement], Sequence[Delivery]], None],
        locks: Callable[[Sequence[Settlement]], Locks],
        *,
        claims: ClaimTable,
        offer: Callable[[Iterable[Delivery]], None],
        events: CausedEvents = NO_EVENTS,
    ) -> None:
        self._writer = writer
        self._locks = locks
        self._committed = committed
        self._claims = claims
        self._offer = offer
        self._events = events
        self._gathered: list[_Ended] = []
        self._writing: asyncio.Task[None] | None = None
        self._is_refused = False
        self._unsettled = 0
        # Sums whose lanes' rows were locked by other daemons.
        self._left: dict[int, LatestAttempts] = {}
        self._writing_left: asyncio.TimerHandle | None = None

    @property
    def is_behind(self) -> bool:
        """Return whether attempts should wait: what cannot be remembered is made twice."""
        return self._is_refused or self._unsettled >= UNSETTLED_MOST

    def add(self, settlement: Settlement, *, is_held: bool = False) -> None:
        """Take a settlement to be written within a few milliseconds.

        *is_held*: it holds its webhook, which was not held before.
        """
        # Called by the attempt's task, which awaits nothing between its judgement and this call:
        # whoever has `quiesce` finds here all that was judged (rule 5).
        # What it causes is decided here as well, in the order in which attempts ended.
        try:
            caused = self._events.of_attempt(settlement, is_held=is_held)
        except Exception as error:  # noqa: BLE001 - what the attempt led to matters more
            telemetry.report(BugFound("delivery.settlement_broke", error))
            caused = ()
        self._gathered.append(_Ended(settlement, caused))
        self._unsettled += 1
        self._begin()

    def _begin(self) -> None:
        if self._writing is None:
            task = asyncio.get_running_loop().create_task(self._write_gathered())
            self._writing = watched(task, "settlements")

    async def drain(self, grace: float | None = None) -> bool:
        """Wait *grace* seconds at the most until nothing is left to write; return whether so."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=grace)
        return self._writing is None

    async def close(self) -> None:
        """Write the sums that are left, once: what is locked even now is not worth a wait."""
        if self._writing_left is not None:
            self._writing_left.cancel()
        # What is being written even now has the sums with it.
        if self._left and self._writing is None:
            with suppress(StorageError):
                left, self._left = self._left, {}
                await self._writer.write(partial(latest_attempts.write, sums=left))

    async def _write_gathered(self) -> None:
        """Write until nothing is left; what comes during a commit is the next group."""
        try:
            is_first = True
            while self._gathered or (is_first and self._left):
                is_first = False
                await asyncio.sleep(GATHER_SECONDS)
                group, self._gathered = self._gathered, []
                # What is settled is in the log, however the process ends.
                STDERR.hand_over()
                try:
                    await self._write(group)
                except Exception as error:  # noqa: BLE001 - what is in memory only must not be lost
                    self._left_alone(group, error)
        finally:
            # In the turn in which nothing was left: what is added later begins another task.
            self._writing = None

    async def _write(self, group: list[_Ended]) -> None:
        try:
            # Within: whatever is raised from here on, the group is in memory alone.
            settlements = [one.settlement for one in group]
            sums = latest_attempts.summed(settlements, self._left)
            caused = self._events.together([each for one in group for each in one.caused])
            left = await keep_trying(
                lambda: self._write_once(settlements, sums, caused),
                what="settlements",
                count=len(group),
                refused=self._was_refused,
            )
        except Exception as error:  # noqa: BLE001 - one bad settlement must fail alone
            self._is_refused = False
            await self._write_apart(group, error)
        else:
            self._keep(left)

    async def _write_once(
        self,
        settlements: Sequence[Settlement],
        sums: Mapping[int, LatestAttempts],
        caused: Caused,
    ) -> dict[int, LatestAttempts]:
        """Write settlements, and what they caused; return the sums that are left."""
        # Asked anew at each try, on the event loop: what there is room for, and what to lock.
        claims = self._claims.transaction(caused.webhooks)
        unit = partial(_settle, settlements, sums, caused, claims)
        try:
            locks = self._locks(settlements) | claims.locks
            promoted, left, stored = await self._writer.write(unit, locks)
            # Before lanes are served again: they ask `is_behind`, and nobody else serves them
            # where these were the last attempts under way.
            self._is_refused = False
            self._done(settlements, promoted)
            self._told(caused, stored)
        finally:
            # Rule 7: behind the offer.
            claims.release()
        return left

    def _told(self, caused: Caused, stored: Any) -> None:
        try:
            self._offer(caused.committed(stored))
        except Exception as error:  # noqa: BLE001 - it is on the disk, and is fetched from there
            telemetry.report(BugFound("delivery.settlement_broke", error))

    def _keep(self, left: dict[int, LatestAttempts]) -> None:
        """Keep sums for the next group, and have them written if none comes soon."""
        self._left = left
        if left and self._writing_left is None:
            loop = asyncio.get_running_loop()
            self._writing_left = loop.call_later(LEFT_SECONDS, self._begin_without_settlements)

    def _begin_without_settlements(self) -> None:
        self._writing_left = None
        if self._left:
            self._begin()

    def _was_refused(self) -> None:
        # Until the write is taken, nothing new should start: see `is_behind`.
        self._is_refused = True

    async def _write_apart(self, group: list[_Ended], error: Exception) -> None:
        if len(group) > 1:
            for one in group:
                await self._write([one])
            return
        (ended,) = group
        if ended.caused:
            # The outcome matters more than its own event: it is written without one.
            self._report(ended, error)
            self._events.together(ended.caused).abandoned()
            await self._write([_Ended(ended.settlement, ())])
            return
        self._left_alone(group, error)

    def _left_alone(self, group: list[_Ended], error: Exception) -> None:
        """Write settlements that met a bug again, later: the attempts were made.

        Until then they stay in memory, and their deliveries claimed: none is sent a second time.
        """
        for one in group:
            self._report(one, error)
        # They may have been refused before: what waited for that goes on.
        self._tell((), ())
        # Later: at once they would be written in a circle.
        asyncio.get_running_loop().call_later(BUG_SECONDS, self._take_back, group)

    def _take_back(self, group: list[_Ended]) -> None:
        self._gathered += group
        self._begin()

    def _report(self, ended: _Ended, error: Exception) -> None:
        about = {"delivery_id": ended.settlement.delivery.id}
        telemetry.report(BugFound("delivery.settlement_broke", error, about))

    def _done(self, group: Sequence[Settlement], promoted: Sequence[Delivery]) -> None:
        # On the event loop, in the order of the commits: `committed` relies on that (rule 2).
        self._unsettled -= len(group)
        self._tell(group, promoted)

    def _tell(self, group: Sequence[Settlement], promoted: Sequence[Delivery]) -> None:
        try:
            self._committed(group, promoted)
        except Exception as error:  # noqa: BLE001 - the next group is written all the same
            telemetry.report(BugFound("delivery.settlement_broke", error))


@dataclass(slots=True)
class _Ended:
    """A settlement, and the own events that it causes."""

    settlement: Settlement
    caused: Sequence[Any]


def _settle(
    group: Sequence[Settlement],
    sums: Mapping[int, LatestAttempts],
    caused: Caused,
    claims: TransactionClaims,
    connection: Connection,
) -> tuple[list[Delivery], dict[int, LatestAttempts], Any]:
    """Write settlements, sums and what they caused.

    Return the promoted deliveries, the sums that are left, and what was stored of the caused.
    """
    promoted = settle.settle(connection, group)
    left = latest_attempts.write(connection, sums)
    return promoted, left, caused.store(connection, claims)
