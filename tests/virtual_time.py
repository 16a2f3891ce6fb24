"""A clock that only waiting moves, so that an hour takes a moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from webhookd.clock import Clock

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)


class VirtualTime:
    """Time that begins at EPOCH and moves when a test says so, or when somebody sleeps."""

    def __init__(self):
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds

    def now(self):
        return EPOCH + timedelta(seconds=self.seconds)

    def timestamp(self):
        return self.now().timestamp()

    @property
    def clock(self):
        """Return the clock that parts of the daemon are built with; its dice are always 0."""
        return Clock(
            now=self.now,
            monotonic=self.monotonic,
            boottime=self.monotonic,
            dice=lambda: 0.0,
            sleep=self.sleep,
        )

    async def sleep(self, seconds):
        self.seconds += max(seconds, 0.001)
        await asyncio.sleep(0)
