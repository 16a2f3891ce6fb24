"""Windows in which own events of one kind and subject become one, so that none is a storm.

    first event ─► open ──── others: counted ────► ended, with what was counted
                    └─ nothing was counted ──────► ended, and nothing is told

Windows are in memory: a crash costs what was counted, never the first event. Everything but
`is_open` runs on the event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from webhookd.model import OwnEvent

Key: TypeAlias = tuple[str, str, str]
"""Who is told, of which kind of events, about which subject."""


@dataclass(slots=True)
class Gathered:
    """What was counted in a window: the number, when the first of them was, and the *latest*."""

    count: int
    first_at: datetime
    latest: OwnEvent


@dataclass(slots=True)
class _Window:
    timer: asyncio.TimerHandle
    gathered: Gathered | None = None


class EventWindows:
    """The windows that are open. *ended* is called with what one gathered, if anything."""

    def __init__(self, ended: Callable[[Key, Gathered], None]) -> None:
        self._ended = ended
        self._open: dict[Key, _Window] = {}

    def is_open(self, key: Key) -> bool:
        """Return whether events of *key* are counted; any thread, which may be a moment behind."""
        return key in self._open

    def open(self, key: Key, length: timedelta) -> None:
        """Count events of *key* from now on, for *length*; nothing where they are counted."""
        if key not in self._open:
            loop = asyncio.get_running_loop()
            self._open[key] = _Window(loop.call_later(length.total_seconds(), self._end, key))

    def count(self, key: Key, event: OwnEvent, length: timedelta) -> None:
        """Count *event*; where its window has ended meanwhile, in another of *length*."""
        self.open(key, length)
        window = self._open[key]
        if window.gathered is None:
            window.gathered = Gathered(1, event.at, event)
        else:
            window.gathered.count += 1
            window.gathered.latest = event

    def abandon(self, key: Key) -> None:
        """Close the window of *key*, whose first event was not told, unless it has counted."""
        window = self._open.get(key)
        if window is not None and window.gathered is None:
            window.timer.cancel()
            del self._open[key]

    def end_all(self) -> None:
        """End every window at once."""
        for key, window in tuple(self._open.items()):
            window.timer.cancel()
            self._end(key)

    def _end(self, key: Key) -> None:
        gathered = self._open.pop(key).gathered
        if gathered is not None:
            self._ended(key, gathered)
