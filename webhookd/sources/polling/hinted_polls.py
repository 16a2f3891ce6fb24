"""Polls that somebody hinted at: a wake said that there may be news.

A hint brings its poll within about a second, not at once: hints that come within a second are one.
It is never lost while the source is read here. What cannot be polled now (a poll is under way, or
a pause is on) is polled behind that, unless a scheduled poll came first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webhookd.clock import Clock
    from webhookd.sources.polling.object_polls import ObjectPolls

TOGETHER: Final = 1.0
"""Seconds: hints that come within it are one, and a rest is looked at again after it."""


class HintedPolls:
    """Follows the hints of types of objects, through *fire*.

    *rest* says for how many seconds one is not to be polled. Two polls of one that were hinted at
    begin at least so many *apart* seconds.
    """

    def __init__(
        self,
        fire: Callable[[ObjectPolls], Awaitable[None]],
        rest: Callable[[ObjectPolls], float],
        apart: float,
        clock: Clock,
    ) -> None:
        self._fire = fire
        self._rest = rest
        self._apart = max(apart, TOGETHER)
        self._clock = clock

    async def follow(self, polls: ObjectPolls) -> None:
        """Follow the hints of *polls* until cancelled."""
        while True:
            await polls.hint.wait()
            await self._clock.sleep(TOGETHER)
            while polls.hint.is_set():
                await self._follow(polls)

    async def _follow(self, polls: ObjectPolls) -> None:
        """Poll, or wait for a while because that is not to be now."""
        rest = self._rest(polls)
        if rest > 0:
            # No longer than that at once: a reload may end the rest.
            await self._clock.sleep(min(rest, TOGETHER))
            return
        await polls.idle()
        if not polls.hint.is_set() or self._rest(polls) > 0:
            return
        began = self._clock.monotonic()
        await self._fire(polls)
        # A wake that comes meanwhile waits: an API allows so much.
        await self._clock.sleep(max(0.0, began + self._apart - self._clock.monotonic()))
