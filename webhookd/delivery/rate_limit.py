"""What `rate_limit` costs a start: it is counted in memory at once, and on the disk before it is.

The disk's count is what keeps the limit over a restart, however the daemon ended.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from webhookd.delivery.rate_window import RateWindow
from webhookd.storage.refused_writes import keep_trying
from webhookd.storage.webhooks.starts import reserve

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import RateLimit
    from webhookd.delivery.lanes.lane import Lane
    from webhookd.storage.database.writer import Writer


class RateLimiter:
    """Counts the starts of rate-limited lanes."""

    def __init__(self, writer: Writer, *, clock: Clock) -> None:
        self._writer = writer
        self._now = clock.now
        self._monotonic = clock.monotonic

    def window(
        self, before: RateWindow | None, limit: RateLimit | None, starts: Sequence[datetime]
    ) -> RateWindow | None:
        """Return the window for *limit*: it remembers the one *before*, or else *starts*."""
        if limit is None:
            return None
        if before is not None:
            return before.carry_over(limit)
        now, monotonic = self._now(), self._monotonic()
        # A start that seems to lie ahead was written before the clock was set back.
        ages = (max((now - at).total_seconds(), 0.0) for at in starts)
        return RateWindow(limit, (monotonic - age for age in ages))

    def start(self, lane: Lane, delivery_id: str) -> Coroutine[None, None, None] | None:
        """Count a start of *lane* now; return what writes it to the disk, if that is needed."""
        if lane.window is None:
            return None
        counted_at = self._monotonic()
        lane.window.count(counted_at)
        oldest = self._now() - timedelta(seconds=lane.window.length)
        return self._reserve(lane, delivery_id, counted_at, oldest)

    def give_back(self, lane: Lane, seconds: float) -> None:
        """Count the start of an attempt no longer that took so many *seconds* and sent nothing.

        What stands on the disk of it goes with the settlement.
        """
        if lane.window is not None:
            lane.window.give_back(self._monotonic() - seconds)

    async def _reserve(
        self, lane: Lane, delivery_id: str, counted_at: float, oldest: datetime
    ) -> None:
        """Write a start to the disk before it happens, and count it from when it does."""
        start = partial(reserve, lane=lane.row.number, delivery_id=delivery_id, oldest=oldest)
        await keep_trying(lambda: self._writer.write(start), what="starts")
        # A reload may have replaced the window meanwhile.
        if lane.window is not None:
            lane.window.move(counted_at, self._monotonic())
