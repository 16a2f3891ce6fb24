"""How many requests a token may make: one budget for everything that uses it.

An API allows so many requests in a span of time, and fewer still of some that cost it much. Both
limits are kept from this side, since not every answer tells what is left. A limit that was hit
anyway is a pause for the whole token.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.sources.polling.refusals import PollError, Refusal

if TYPE_CHECKING:
    from collections.abc import Hashable

    from webhookd.clock import Clock

LONGEST_WAIT: Final = 15.0
"""Seconds of a pause that are waited out; a longer one ends the poll."""


@dataclass(frozen=True, slots=True)
class Burst:
    """The most *requests* that may start within any *seconds*."""

    requests: int
    seconds: float


class Budget:
    """Lets requests of one token start, first come, first served."""

    def __init__(
        self,
        burst: Burst,
        *,
        clock: Clock,
    ) -> None:
        self._monotonic = clock.monotonic
        self._sleep = clock.sleep
        self._burst = burst
        self._turn = asyncio.Lock()
        self._starts: deque[float] = deque()
        self._rationed_at = 0.0
        self._paused_until = 0.0

    @property
    def left(self) -> int:
        """Return how many requests may start at once now."""
        if self.paused_for > 0:
            return 0
        since = self._monotonic() - self._burst.seconds
        return self._burst.requests - sum(start > since for start in self._starts)

    @property
    def paused_for(self) -> float:
        """Return for how many seconds nothing may start."""
        return max(0.0, self._paused_until - self._monotonic())

    def allow(self, burst: Burst) -> None:
        """Let as many requests start from now on as *burst* says."""
        self._burst = burst

    def pause(self, seconds: float) -> None:
        """Let nothing start for some time."""
        self._paused_until = max(self._paused_until, self._monotonic() + seconds)

    async def admit(self, *, per_second: float | None = None) -> None:
        """Return when a request may start; PollError when a long pause is on.

        *per_second* rations requests that cost the API much: how many of them a second may see.
        """
        async with self._turn:
            while (wait := self._wait(is_rationed=per_second is not None)) > 0:
                await self._sleep(wait)
            now = self._monotonic()
            self._starts.append(now)
            if per_second is not None:
                self._rationed_at = now + 1 / per_second

    def _wait(self, *, is_rationed: bool) -> float:
        if self.paused_for > LONGEST_WAIT:
            why = f"the API asked for a pause, of which {self.paused_for:.0f} s are left"
            raise PollError(Refusal(why, "poll", "paused", self.paused_for))
        now = self._monotonic()
        while self._starts and self._starts[0] + self._burst.seconds <= now:
            self._starts.popleft()
        is_full = len(self._starts) >= self._burst.requests
        burst_at = self._starts[0] + self._burst.seconds if is_full else now
        rationed_at = self._rationed_at if is_rationed else now
        return max(self._paused_until, burst_at, rationed_at) - now


class Budgets:
    """The budget of each token: several sources may share one, and a reload keeps it."""

    def __init__(
        self,
        *,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._of: dict[tuple[str, Hashable], Budget] = {}

    def of(self, base_url: str, credentials: Hashable, burst: Burst) -> Budget:
        """Return the budget of *credentials*, which from now on allows *burst*."""
        key = (base_url, credentials)
        if key not in self._of:
            self._of[key] = Budget(burst, clock=self._clock)
        self._of[key].allow(burst)
        return self._of[key]
