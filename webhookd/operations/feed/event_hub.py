"""What happens, handed to all who watch. With nobody there, an event costs one look.

    reporter ── event, on any thread ──► hub ──► a ring, for who comes back
                                          └────► the buffer of each watcher ──► its stream

Threads: `heard` runs wherever something is reported; the lock is around the ring, the numbers, and
the adding to buffers. All else runs on the event loop.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.errors import WebhookdError
from webhookd.operations.feed.feed_entries import Ended, entry_of
from webhookd.operations.feed.settled_elsewhere import SettledElsewhere
from webhookd.operations.feed.watcher import BUFFERED, Watcher
from webhookd.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from webhookd.clock import Clock
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.operations.feed.feed_entries import Entry
    from webhookd.operations.feed.watcher import Wish
    from webhookd.telemetry.events import Event

MOST_WATCHERS: Final = 8

REMEMBERED_SECONDS: Final = 60.0
"""How long the ring is kept behind the last who watched: it may come back."""


class TooManyWatchersError(WebhookdError):
    """As many watch as may."""

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_WATCHERS} watch already; close one, or let one stream serve several viewers"
        )


def _nothing() -> None:
    """End nothing."""


class EventHub:
    """Knows who watches."""

    def __init__(self, dependencies: ControlDependencies, clock: Clock) -> None:
        self._dependencies = dependencies
        self._clock = clock
        self._lock = threading.Lock()
        self._watchers: tuple[Watcher, ...] = ()
        self._is_listening = False
        self._is_over = False
        self._mark = secrets.token_hex(4)
        self._number = 0
        self._ring: deque[tuple[int, Entry]] = deque(maxlen=BUFFERED)
        self._elsewhere = SettledElsewhere(
            dependencies.database, clock, self._add, is_shared=dependencies.writer.is_shared
        )
        self._stop_listening: Callable[[], None] = _nothing
        self._forgetting: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def watching(self, wish: Wish, last_id: str | None) -> AsyncIterator[Watcher]:
        """Give a watcher, which is told what happens in the block, and since its *last_id*.

        Raises a TooManyWatchersError where there are too many.
        """
        if len(self._watchers) >= MOST_WATCHERS or self._is_over:
            raise TooManyWatchersError
        watcher = Watcher(wish, self._mark, self._redacted, self._clock)
        with self._lock:
            for number, entry in self._ring:
                if number > self._after(last_id) and wish.takes(entry):
                    watcher.add(number, entry)
            self._watchers = (*self._watchers, watcher)
        self._begin()
        metrics.WATCHERS.set(len(self._watchers))
        try:
            yield watcher
        finally:
            with self._lock:
                self._watchers = tuple(one for one in self._watchers if one is not watcher)
            metrics.WATCHERS.set(len(self._watchers))
            if not self._watchers and not self._is_over:
                loop = asyncio.get_running_loop()
                self._forgetting = loop.call_later(REMEMBERED_SECONDS, self._end)

    def stop(self) -> None:
        """End all streams, and let nobody watch any more."""
        self._is_over = True
        for watcher in self._watchers:
            watcher.end()
        self._end()

    def _begin(self) -> None:
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        if not self._is_listening:
            self._is_listening = True
            self._stop_listening = telemetry.reporter().listen(self.heard)
            self._elsewhere.begin()

    def _end(self) -> None:
        """Listen no more, and forget what happened."""
        self._stop_listening()
        self._elsewhere.end()
        self._is_listening = False
        with self._lock:
            self._ring.clear()

    def _after(self, last_id: str | None) -> int:
        """Return the number behind which a client that comes back goes on; all are below 2^63."""
        mark, _, number = (last_id or "").partition(".")
        is_ours = mark == self._mark and number.isascii() and number.isdigit()
        return int(number) if is_ours and len(number) < len(str(2**63)) else 2**63

    def heard(self, event: Event) -> None:
        """Tell who watches of *event*; on any thread."""
        entry = entry_of(event)
        if entry is not None:
            if isinstance(entry, Ended):
                self._elsewhere.own(entry.settlement.delivery.id)
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        with self._lock:
            self._number += 1
            self._ring.append((self._number, entry))
            for watcher in self._watchers:
                if watcher.wish.takes(entry):
                    before = watcher.dropped
                    watcher.add(self._number, entry)
                    if watcher.dropped > before:
                        metrics.DROPPED_EVENTS.inc()

    def _redacted(self, text: str) -> str:
        return self._dependencies.secrets.redactor.text(text)
