"""What is cleared away while the daemon runs: in small steps, so that nothing waits for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.clock import SYSTEM, Clock
from webhookd.errors import StorageError
from webhookd.storage.deliveries.retention import retire
from webhookd.storage.fleet.exclusive import RETENTION
from webhookd.storage.moments import timer_rows
from webhookd.storage.records import journal
from webhookd.telemetry.events import DeliveriesDeleted, StorageRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.operations.activity_counts import ActivityCounts
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer

EVERY: Final = timedelta(minutes=1)
DELIVERIES: Final = 500
CHANGES: Final = 100
MOMENTS: Final = 1000
"""As many are deleted in one transaction: a few milliseconds of the writer's time."""


class Housekeeping:
    """Deletes what nobody is to see any more: old deliveries, and changes beyond the journal.

    *kept* is how many changes there is room for.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        *,
        retention: timedelta,
        activity: ActivityCounts,
        kept: int = journal.KEPT,
        clock: Clock = SYSTEM,
    ) -> None:
        self._database = database
        self._writer = writer
        self._retention = retention
        self._kept = kept
        self._activity = activity
        self._now = clock.now
        self._deleted = 0

    async def tidy(self) -> None:
        """Delete all that is to go; what the database refuses goes the next time."""
        now, self._deleted = self._now(), 0
        await self._activity.write_down()
        try:
            # One daemon of several is enough, and two would be in each other's way.
            if await self._writer.read(lambda connection: connection.session.acquire(RETENTION)):
                await self._retire(now)
                await self._make_room()
                await self._clear_moments()
                await self._activity.tidy(now - self._retention)
                await self._writer.read(lambda connection: connection.session.release(RETENTION))
        except StorageError as error:
            telemetry.report(StorageRefused("retention", self._deleted, str(error)))
        if self._deleted:
            telemetry.report(DeliveriesDeleted(self._deleted))

    async def _retire(self, now: datetime) -> None:
        before, kept_for = now - self._retention, self._retention
        old = partial(retire, before=before, limit=DELIVERIES)
        while (count := await self._writer.write(old)) == DELIVERIES:
            self._deleted += count
        self._deleted += count
        seen: Callable[[Statements], int] = partial(
            journal.retire, now=now, kept_for=kept_for, limit=CHANGES
        )
        while await self._writer.write(seen) == CHANGES:
            pass

    async def _clear_moments(self) -> None:
        """Delete the moments of timers that no webhook has any more."""
        old = partial(timer_rows.clear, limit=MOMENTS)
        while await self._writer.write(old):
            pass

    async def _make_room(self) -> None:
        surplus = await asyncio.to_thread(journal.surplus, self._database, self._kept)
        for source, beyond in surplus.items():
            for done in range(0, beyond, CHANGES):
                count = min(CHANGES, beyond - done)
                step = partial(journal.make_room, source=source, count=count)
                await self._writer.write(step)
