"""Whether the daemon is ready for traffic: started, not stopping, and its database takes writes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from webhookd.errors import StorageError
from webhookd.storage.database.sqlite import BUSY_SECONDS
from webhookd.storage.refused_writes import RETRY_SECONDS

if TYPE_CHECKING:
    from webhookd.clock import Clock
    from webhookd.storage.database.writer import Writer

REFUSING_FOR: Final = BUSY_SECONDS + 3 * RETRY_SECONDS
"""Seconds since the last refusal within which the database counts as refusing.

What it refuses is written again after a pause, and is refused again while that lasts: a lock only
when it was waited for. Whoever gives up instead does not keep the daemon from being ready.
"""

ANSWER_SECONDS: Final = 5.0
"""The writer's thread has so long to answer; probes wait for an answer, too."""


class Readiness:
    """Knows why the daemon is not ready. Used on the event loop."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._monotonic = clock.monotonic
        self._why: str | None = "it is starting"

    def begin(self) -> None:
        """Count as started: a configuration is in force, backfills go on."""
        self._why = None

    def drain(self) -> None:
        """Count as stopping: what is under way may end, and nothing new begins."""
        self._why = "it is stopping"

    async def why_not(self) -> str | None:
        """Return why the daemon is not ready, None where it is."""
        if self._why is not None:
            return self._why
        refused_at = self._writer.refused_at
        if refused_at is not None and self._monotonic() - refused_at < REFUSING_FOR:
            return "the database refuses what is written"
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._writer.read(lambda _: None)
        except StorageError as error:
            return str(error)
        except TimeoutError:
            return "the database does not answer"
        return None
