"""One who watches: a buffer of what is to be told, and how much of it is.

The hub adds to the buffer on whichever thread something happens; one task on the event loop takes
from it. Appending to and popping from a deque are single steps of the interpreter; how many were
dropped is counted by the hub under its lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.operations.feed.feed_entries import Happened
from webhookd.views.events import EndedAttemptsView
from webhookd.views.json_writer import written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webhookd.clock import Clock
    from webhookd.operations.feed.feed_entries import Elsewhere, Ended, Entry, Redact
    from webhookd.views.view import View

BUFFERED: Final = 500
"""Events that wait for one who reads slowly; of more, the oldest are dropped and counted."""

EVERY_SECONDS: Final = 0.1
"""How often at the most something is told."""

DETAILED: Final = 50
"""Attempts of a second that are told in detail; of the others, how many there were."""

HERE_SECONDS: Final = 15.0
"""How long nothing is said at the most: a proxy would take the connection for dead."""

HERE: Final = b": here\n\n"
BYE: Final = b"event: bye\ndata: {}\n\n"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be told: of one webhook, or all; only attempts that did not deliver, or all."""

    webhook: str | None = None
    only_undelivered: bool = False

    def takes(self, entry: Entry) -> bool:
        """Return whether *entry* is to be told."""
        if isinstance(entry, Happened):
            return self.webhook is None or entry.webhook in (None, self.webhook)
        if self.webhook is not None and entry.webhook != self.webhook:
            return False
        return not (self.only_undelivered and entry.is_delivered)


class Watcher:
    """Tells one who watches. *mark* stands before the numbers of its events."""

    def __init__(self, wish: Wish, mark: str, redact: Redact, clock: Clock) -> None:
        self.wish = wish
        self.dropped = 0
        self.is_woken = False
        self._mark = mark
        self._redact = redact
        self._clock = clock
        self._buffer: deque[tuple[int, Entry]] = deque()
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        self._tokens = float(DETAILED)
        self._filled_at = clock.monotonic()

    def add(self, number: int, entry: Entry) -> None:
        """Have an entry told; on any thread, by one at a time."""
        if len(self._buffer) >= BUFFERED:
            self._buffer.popleft()
            self.dropped += 1
        self._buffer.append((number, entry))
        if not self.is_woken:
            self.is_woken = True
            self._loop.call_soon_threadsafe(self._woken.set)

    def end(self) -> None:
        """Say goodbye at once; on the event loop."""
        self._is_over = True
        self._woken.set()

    async def told(self) -> AsyncIterator[bytes]:
        """Yield what is told, as server-sent events, until the end."""
        yield HERE
        while not self._is_over:
            try:
                await asyncio.wait_for(self._woken.wait(), HERE_SECONDS)
            except TimeoutError:
                yield HERE
                continue
            # What comes meanwhile is told together.
            if not self._is_over:
                await self._clock.sleep(EVERY_SECONDS)
            self._woken.clear()
            self.is_woken = False
            for part in self._taken():
                yield part
        yield BYE

    def _taken(self) -> list[bytes]:
        """Return all that waits, in its order but for attempts, which are told together."""
        parts: list[bytes] = []
        attempts: list[Ended | Elsewhere] = []
        skipped, self.dropped = self.dropped, 0
        number = 0
        while self._buffer:
            number, entry = self._buffer.popleft()
            if isinstance(entry, Happened):
                parts.append(self._event(number, entry.kind, entry.told))
            else:
                attempts.append(entry)
        if attempts or skipped:
            chosen = self._chosen(attempts)
            views = tuple(attempts[place].view(self._redact) for place in chosen)
            skipped += len(attempts) - len(chosen)
            parts.append(self._event(number, "attempts", EndedAttemptsView(views, skipped)))
        return parts

    def _chosen(self, attempts: list[Ended | Elsewhere]) -> list[int]:
        """Return the places of those that are told in detail: what did not deliver goes first."""
        now = self._clock.monotonic()
        grown = self._tokens + (now - self._filled_at) * DETAILED
        self._tokens, self._filled_at = min(grown, float(DETAILED)), now
        count = min(len(attempts), int(self._tokens))
        self._tokens -= count
        ranked = sorted(range(len(attempts)), key=lambda place: attempts[place].is_delivered)
        return sorted(ranked[:count])

    def _event(self, number: int, kind: str, told: View) -> bytes:
        head = f"id: {self._mark}.{number}\nevent: {kind}\ndata: "
        return head.encode() + written(told) + b"\n\n"
