"""A web application served inside the event loop that is there, leaving signals alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

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
_NOT_HTTP_HEAD = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n"
)


class _Protocol(H11Protocol):
    """Answers what is not HTTP as everything is answered: in JSON, and once."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - always the same
        """Answer, unless an answer is on its way already, and close the connection."""
        under_way = self.cycle is not None and not self.cycle.response_complete
        if not under_way or not self.cycle.response_started:
            self.transport.write(_NOT_HTTP_HEAD % len(NOT_HTTP) + NOT_HTTP)
        if under_way:
            # The request whose body broke off: nothing may follow the answer above.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: they belong to the command this runs in."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve *app* on *listener* while the block runs; close the socket behind it."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        h11_max_incomplete_event_size=HEADERS_LARGEST,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_config=None,
        http=_Protocol,
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
