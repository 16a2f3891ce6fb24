"""Looks for webhooks that fall behind: whose oldest waiting delivery is older than it should be.

Of several daemons one looks, the one that has the lock. What is held waits on purpose, and does
not count.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from webhookd.errors import StorageError
from webhookd.model import OwnEvent
from webhookd.storage.fleet.exclusive import BACKLOGS
from webhookd.storage.webhooks import backlog
from webhookd.telemetry.unhandled import watched

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from webhookd.clock import Clock
    from webhookd.intake.own_events.own_events import OwnEvents
    from webhookd.model.own_event import Fact
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.webhooks.backlog import Standing

LOOK_SECONDS: Final = 60.0
"""Seconds between two looks, at the most: a quarter of what is too old, where that is less."""

LEAST_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 5.0
"""Seconds between two looks at whether anybody is told at all."""


class BacklogWatch:
    """Tells *events* of webhooks that are behind, and that have caught up. A context manager."""

    def __init__(
        self, database: Database, writer: Writer, events: OwnEvents, *, clock: Clock
    ) -> None:
        self._database = database
        self._writer = writer
        self._events = events
        self._now = clock.now
        self._behind: set[str] = set()
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Begin to look."""
        self._task = watched(asyncio.create_task(self._run()), "backlogs")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Look no more."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            after = self._events.backlog_after
            if after is None:
                self._behind.clear()
                await asyncio.sleep(IDLE_SECONDS)
                continue
            with suppress(StorageError):
                # Without the lock another daemon looks; it is kept until this one's session ends.
                if await self._writer.read(lambda connection: connection.session.acquire(BACKLOGS)):
                    now = self._now()
                    found = await asyncio.to_thread(backlog.standings, self._database, now)
                    self._compare(found.values(), now, after)
                else:
                    self._behind.clear()
            await asyncio.sleep(max(min(LOOK_SECONDS, after.total_seconds() / 4), LEAST_SECONDS))

    def _compare(self, found: Iterable[Standing], now: datetime, after: timedelta) -> None:
        for one in found:
            webhook, since = one.row.webhook, one.oldest_pending_at
            if one.row.hold is not None:
                continue
            age = (now - since) if since is not None else now - now
            if webhook not in self._behind and age > after:
                self._behind.add(webhook)
                self._tell("webhook.backlogged", one, age, now)
            elif webhook in self._behind and age < after / 2:
                self._behind.discard(webhook)
                self._tell("webhook.caught_up", one, age, now)

    def _tell(self, name: str, standing: Standing, age: timedelta, now: datetime) -> None:
        webhook = standing.row.webhook
        facts: dict[str, Fact | None] = {
            "webhook": webhook,
            "pending": standing.pending,
            "oldest_seconds": round(age.total_seconds()),
        }
        self._events.tell(OwnEvent(name, webhook, now, facts))
