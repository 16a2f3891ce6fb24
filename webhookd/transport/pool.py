"""Connections between two requests: the last one used is the first one used again.

An idle connection is dropped before common receivers close it themselves (Node and uvicorn after
five seconds), because a request that crosses their closing on its way is a failed attempt: it may
have been read. For the same reason nothing is ever sent a second time from here.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhookd.definitions import Egress
    from webhookd.transport.answer import Answer
    from webhookd.transport.http_connection import Connection
    from webhookd.transport.origin import Origin

IDLE_SECONDS = 4.0
LONGEST_IDLE_SECONDS = 60.0
"""However long the receiver's `Keep-Alive: timeout=` is."""

OLDEST_SECONDS = 300.0
"""A busy connection is given up now and then, so that a changed DNS entry is followed."""

MOST_IDLE = 256
"""As many connections are kept idle where nobody says otherwise, all receivers together."""

SWEEP_SECONDS = 1.0

_KEEP_ALIVE_TIMEOUT = re.compile(rb"(?:^|,)\s*timeout\s*=\s*(\d{1,6})", re.IGNORECASE)


class Pool:
    """All connections, and which of them are idle: *most_idle* at the most.

    Where that is less than the receivers that are sent to at once, most requests find that their
    connection was given up for another one's.
    """

    def __init__(self, most_idle: int = MOST_IDLE) -> None:
        self._most_idle = most_idle
        self._idle: dict[Origin, list[Connection]] = {}
        self._idle_count = 0
        self._all: set[Connection] = set()
        self._empty = asyncio.Event()
        self._sweep: asyncio.TimerHandle | None = None
        self.is_closed = False

    def add(self, connection: Connection) -> None:
        """Take notice of a new connection; one that comes too late is closed."""
        if connection.is_open:
            self._all.add(connection)
        if self.is_closed:
            connection.abort()

    def forget(self, connection: Connection) -> None:
        """Take notice that a connection's socket is closed."""
        self._all.discard(connection)
        if not self._all:
            self._empty.set()

    def take(self, origin: Origin, egress: Egress, now: float) -> Connection | None:
        """Return an idle connection that is fit for a request, if there is one.

        One that was made under other egress settings is from before a reload.
        """
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self._idle_count -= 1
            if (
                connection.idle_until > now
                # Nearly always the same value; to compare two takes longer than all the rest.
                and (connection.egress is egress or connection.egress == egress)
                and connection.is_quiet()
            ):
                return connection
            connection.close()
        return None

    def put(self, origin: Origin, connection: Connection, answer: Answer, now: float) -> None:
        """Keep *connection* for the next request, or close it."""
        connection.rest(min(now + _idle_seconds(answer), connection.made_at + OLDEST_SECONDS))
        if self.is_closed or connection.idle_until <= now:
            connection.close()
            return
        if self._idle_count >= self._most_idle:
            self._drop_one()
        self._idle.setdefault(origin, []).append(connection)
        self._idle_count += 1
        if self._sweep is None:
            self._sweep_later()

    async def aclose(self) -> None:
        """Close every connection and wait until all sockets are closed."""
        self.is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._idle.clear()
        self._idle_count = 0
        self._empty.clear()
        for connection in tuple(self._all):
            connection.close()
        if self._all:
            await self._empty.wait()

    def _drop_one(self) -> None:
        """Close an idle connection to make room: of the receiver that has some for longest."""
        for origin, idle in self._idle.items():
            if idle:
                idle.pop(0).close()
                self._idle_count -= 1
                if not idle:
                    del self._idle[origin]
                return

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(SWEEP_SECONDS, self._sweep_now, loop)

    def _sweep_now(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what was idle too long, and come back while anything is idle."""
        self._sweep = None
        now = loop.time()
        for origin, idle in tuple(self._idle.items()):
            fit = [each for each in idle if each.is_open and each.idle_until > now]
            for connection in set(idle).difference(fit):
                connection.close()
            self._idle[origin] = fit
            if not fit:
                del self._idle[origin]
        self._idle_count = sum(map(len, self._idle.values()))
        if self._idle_count:
            self._sweep_later()


def _idle_seconds(answer: Answer) -> float:
    """Return how long the connection may be idle: a second less than the receiver says."""
    for name, value in answer.headers:
        # Most answers have no such header, and a length tells so at once.
        if len(name) == len(b"keep-alive") and name.lower() == b"keep-alive":
            found = _KEEP_ALIVE_TIMEOUT.search(value)
            if found:
                return min(float(found[1]) - 1.0, LONGEST_IDLE_SECONDS)
    return IDLE_SECONDS
