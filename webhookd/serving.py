"""A web application served inside the event loop that is there, leaving signals alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import ASGIApp

HEADERS_LARGEST = 16 * 1024
KEEP_ALIVE_SECONDS = 5
GRACE_SECONDS = 2
NOT_HTTP = b'{"error":"this is not HTTP as it should be"}'
TOO_MANY = b'{"error":"too many connections are open"}'
TOO_SLOW = b'{"error":"the request did not come in time"}'
_HEAD = (
    b"HTTP/1.1 %b\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b"
)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections may be open, and the seconds in which a request must come.

    Its head has *seconds* from the beginning of the connection, or from the answer before, and its
    body as long again.
    """

    connections: int
    seconds: float


class _Protocol(H11Protocol):
    """Answers what is not HTTP as everything is answered: in JSON, and once.

    Each connection has a timer while a request is waited for, and until its body is there.
    """

    limits: ClassVar[ConnectionLimits | None] = None
    _timer: asyncio.TimerHandle | None = None
    _has_waited_for_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or answer 503 where the limit of connections is reached."""
        super().connection_made(transport)
        if self.limits is None:
            return
        if len(self.connections) > self.limits.connections:
            self._refuse(b"503 Service Unavailable", TOO_MANY)
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        if self.limits is not None and not self.transport.is_closing():
            self._await_request()
        super().on_response_complete()

    def _await_request(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.limits is not None:
            self._timer = self.loop.call_later(self.limits.seconds, self._look)
            self._has_waited_for_head = False

    def _look(self) -> None:
        """See what has come of a request in its time; the timer calls it."""
        if self.transport.is_closing():
            return
        is_head_there = self.cycle is not None and not self.cycle.response_complete
        if is_head_there and not self.cycle.more_body:
            return
        if is_head_there and not self._has_waited_for_head and self.limits is not None:
            self._has_waited_for_head = True
            self._timer = self.loop.call_later(self.limits.seconds, self._look)
            return
        self._refuse(b"408 Request Timeout", TOO_SLOW)

    def _refuse(self, status: bytes, body: bytes) -> None:
        """Answer, unless an answer is on its way already, and close the connection."""
        under_way = self.cycle is not None and not self.cycle.response_complete
        if not under_way or not self.cycle.response_started:
            self.transport.write(_HEAD % (status, len(body), body))
        if under_way:
            # The request whose body broke off: nothing may follow the answer above.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - always the same
        """Answer, unless an answer is on its way already, and close the connection."""
        self._refuse(b"400 Bad Request", NOT_HTTP)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: they belong to the command this runs in."""
        yield


@asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, limits: ConnectionLimits | None = None
) -> AsyncIterator[None]:
    """Serve *app* on *listener* while the block runs; close the socket behind it."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEADERS_LARGEST,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_config=None,
        http=type("_LimitedProtocol", (_Protocol,), {"limits": limits}),
        ws="none",
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
        listener.close()
