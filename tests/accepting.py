"""A server of streams that leaves no connection open when it ends, however late that came."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


LEAST_TURNS = 10
"""Turns of the loop within which a socket that was accepted has its transport."""


class Accepting:
    """Serves *connected* for each connection, as `asyncio.start_server` does."""

    def __init__(self, connected: Connected, *, limit: int = 1 << 16) -> None:
        self._connected = connected
        self._limit = limit
        self._transports: set[asyncio.BaseTransport] = set()
        self._server: asyncio.Server | None = None

    async def start(
        self, host: str, port: int, *, tls: ssl.SSLContext | None, backlog: int = 100
    ) -> int:
        """Listen, and return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol, host, port, ssl=tls, backlog=backlog
        )
        return int(self._server.sockets[0].getsockname()[1])

    def _protocol(self) -> asyncio.Protocol:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=self._limit, loop=loop)
        return _Accepted(self._transports, reader, self._connected, loop)

    async def end(self) -> None:
        """Accept nothing more, and close what was accepted.

        In this order: what was accepted in the very last turns of the loop is a socket alone,
        which the server closes nowhere once it is closed itself.
        """
        assert self._server is not None
        loop = asyncio.get_running_loop()
        for listener in self._server.sockets:
            loop.remove_reader(listener.fileno())
        await self.abort()
        self._server.close()

    async def abort(self) -> None:
        """Close what is open: also whose own task was cancelled before it ran at all."""
        turns = 0
        while turns < LEAST_TURNS or self._transports:
            turns += 1
            await asyncio.sleep(0)
            for transport in tuple(self._transports):
                transport.abort()  # type: ignore[attr-defined]


class _Accepted(asyncio.StreamReaderProtocol):
    """Notes its transport among *transports* for as long as that is open."""

    def __init__(self, transports: set[asyncio.BaseTransport], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._all = transports
        self._own: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note it."""
        self._own = transport
        self._all.add(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._own is not None:
            self._all.discard(self._own)
        super().connection_lost(exc)
