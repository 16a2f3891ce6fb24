"""A sliding window over starts: what `rate_limit` promises."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.definitions import RateLimit

_MARGIN_PART, _MARGIN_MOST = 0.05, 0.05


def length_of(limit: RateLimit) -> float:
    """Return the seconds in which no more than `limit.starts` may happen.

    A little longer (5 %, at most 50 ms) than asked, because a receiver counts arrivals: two starts
    that reach it a few milliseconds closer than they left must not look like one too many.
    """
    seconds = limit.per.total_seconds()
    return seconds + min(seconds * _MARGIN_PART, _MARGIN_MOST)


class RateWindow:
    """At most `limit.starts` starts in any window of the length `limit.per`, and a little more.

    Times are seconds of a clock that never jumps.
    """

    def __init__(self, limit: RateLimit, starts: Iterable[float] = ()) -> None:
        self.length = length_of(limit)
        self._most = limit.starts
        self._starts: deque[float] = deque(sorted(starts), maxlen=limit.starts)

    def free(self, now: float) -> int:
        """Return how many may start at *now*."""
        while self._starts and now - self._starts[0] >= self.length:
            self._starts.popleft()
        return self._most - len(self._starts)

    def count(self, now: float) -> None:
        """Count one start at *now*."""
        self._starts.append(now)

    def move(self, counted_at: float, started_at: float) -> None:
        """Count a start from *started_at*, when it really happened, instead of *counted_at*."""
        with suppress(ValueError):
            self._starts.remove(counted_at)
        self._starts.append(started_at)

    def give_back(self, started_at: float) -> None:
        """Count the start that was nearest to *started_at* no longer: nothing was sent."""
        if self._starts:
            self._starts.remove(min(self._starts, key=lambda start: abs(start - started_at)))

    def wait(self, now: float) -> float:
        """Return the seconds until one may start: 0 when one may now."""
        if self.free(now) > 0:
            return 0.0
        return self._starts[0] + self.length - now

    def carry_over(self, limit: RateLimit) -> RateWindow:
        """Return a window for another limit that remembers the starts of this one."""
        return RateWindow(limit, self._starts)
