"""What happens in the daemon, for all who watch: one stream in, many out.

    daemon ── /v1/events ──► feed ──► the buffer of each viewer ──► its browser

However many watch, the daemon has one stream to write; with nobody there, it has none. When it
breaks off, viewers are told, and the feed asks again from the last event that it heard. Everything
runs on the console's event loop.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webhookd.console.daemon_link import DaemonLink

BUFFERED: Final = 100
"""Messages of a viewer whose browser does not keep up; older ones are dropped and counted."""
MOST_VIEWERS: Final = 50
AGAIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the stream: its kind and what it tells."""

    kind: str
    told: dict[str, Any]


@dataclass(slots=True, eq=False)
class Viewer:
    """One browser that watches."""

    buffer: asyncio.Queue[Happening | None] = field(default_factory=lambda: asyncio.Queue(BUFFERED))
    dropped: int = 0

    def add(self, happening: Happening | None) -> None:
        """Hand a happening on, or the end; what was not read in time makes room."""
        while self.buffer.full():
            lost = self.buffer.get_nowait()
            if lost is not None:
                skipped = int(lost.told.get("skipped", 0))
                self.dropped += len(lost.told.get("attempts", ())) + skipped
        self.buffer.put_nowait(happening)

    def take_dropped(self) -> int:
        """Return how many attempts were dropped since this was asked last."""
        dropped, self.dropped = self.dropped, 0
        return dropped


class Feed:
    """Hears the daemon while anybody watches."""

    def __init__(self, daemon: DaemonLink) -> None:
        self._daemon = daemon
        self._viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None
        self._last_id: str | None = None
        self._is_over = False

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Viewer | None]:
        """Give a viewer that is told what happens; None where too many watch."""
        if self._is_over or len(self._viewers) >= MOST_VIEWERS:
            yield None
            return
        viewer = Viewer()
        self._viewers.add(viewer)
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            if not self._viewers:
                await self._end()

    async def stop(self) -> None:
        """End every stream: the console stops."""
        self._is_over = True
        for viewer in self._viewers:
            viewer.add(None)
        await self._end()

    async def _end(self) -> None:
        task, self._task, self._last_id = self._task, None, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
                why = "the daemon ended the stream"
            except WebhookdError as error:
                why = str(error)
            self._tell(Happening("away", {"why": why}))
            await asyncio.sleep(AGAIN_SECONDS)

    async def _hear(self) -> None:
        """Hand on what the daemon tells, until the stream ends."""
        async with self._daemon.lines("GET", "/v1/events", after=self._last_id) as lines:
            self._tell(Happening("here", {}))
            kind, data = "", ""
            async for line in lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    data += value
                elif name == "id":
                    self._last_id = value
                elif not line and data:
                    with suppress(ValueError):
                        self._tell(Happening(kind, json.loads(data)))
                    kind, data = "", ""

    def _tell(self, happening: Happening) -> None:
        for viewer in self._viewers:
            viewer.add(happening)
