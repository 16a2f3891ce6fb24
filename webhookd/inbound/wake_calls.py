"""From a wake to the daemon that reads the source: this one, or another of the fleet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TOLD_EVERY: Final = 1.0
"""Seconds between two notifications about the same source."""


class WakeCalls:
    """Hints at a source here (*hint* returns whether it is read here), else *notify* others of it.

    Runs on the event loop.
    """

    def __init__(
        self, hint: Callable[[str], bool], notify: Callable[[str, Iterable[object]], None]
    ) -> None:
        self._hint = hint
        self._notify = notify
        # Sources of which others were just notified, and whether they are to be once more.
        self._resting: dict[str, bool] = {}

    def call(self, source: str) -> None:
        """Have *source* polled soon, by whoever reads it."""
        if self._hint(source):
            return
        if source in self._resting:
            self._resting[source] = True
            return
        self._resting[source] = False
        self._notify("woken", (source,))
        asyncio.get_running_loop().call_later(TOLD_EVERY, self._rested, source)

    def _rested(self, source: str) -> None:
        if self._resting.pop(source):
            self.call(source)
