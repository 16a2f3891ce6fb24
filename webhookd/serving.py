"""A web application served inside the event loop that is there, leaving signals alone."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.types import ASGIApp

    Refused: TypeAlias = Callable[[Literal["malformed", "slow", "busy"]], None]
    """Hears of what is refused before any application sees it, and why."""

    TlsNow: TypeAlias = Callable[[], ssl.SSLContext]

HEADERS_LARGEST = 16 * 1024
KEEP_ALIVE_SECONDS = 5
GRACE_SECONDS = 2
REST_SECONDS: Final = 1.0
"""Seconds in which nothing is accepted after the process ran out of descriptors."""

NOT_HTTP = b'{"error":"this is not HTTP as it should be"}'
TOO_MANY = b'{"error":"too many connections are open"}'
TOO_SLOW = b'{"error":"the request did not come in time"}'
_CREDENTIALS = struct.Struct("3i")
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


_OF_BUGS: Final = logging.getLogger("uvicorn.bugs")
"""Of servers whose refusals somebody hears of: what anybody can cause is no line for each."""

_OF_BUGS.setLevel(logging.ERROR)

UNLIMITED: Final = ConnectionLimits(1_000, 60.0)
"""Of TLS for those who set no limits."""


class _Protocol(H11Protocol):
    """Answers what is not HTTP as everything is answered: in JSON, and once.

    Each connection has a timer while a request is waited for, and until its body is there.
    """

    limits: ClassVar[ConnectionLimits | None] = None
    hearing: ClassVar[tuple[Refused, ...]] = ()
    _timer: asyncio.TimerHandle | None = None
    _has_waited_for_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or answer 503 where the limit of connections is reached."""
        super().connection_made(transport)
        if self.client is None:
            self.client = _peer(transport)
        if self.hearing:
            self.logger = _OF_BUGS
        if self.limits is None:
            return
        if len(self.connections) > self.limits.connections:
            self._tell("busy")
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
        self._tell("slow")
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
        self._tell("malformed")
        self._refuse(b"400 Bad Request", NOT_HTTP)

    def _tell(self, reason: Literal["malformed", "slow", "busy"]) -> None:
        for hear in self.hearing:
            hear(reason)


def _peer(transport: asyncio.Transport) -> tuple[str, int] | None:
    """Return the user and the process at the other end of a unix socket: `uid 1000`, 4711."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(told)
    return f"uid {user}", process


class _Server(uvicorn.Server):
    """Serves one listener, over *tls* if given."""

    def __init__(
        self, config: uvicorn.Config, limits: ConnectionLimits, tls: TlsNow | None
    ) -> None:
        super().__init__(config)
        self._limits = limits
        self._tls = tls
        self._door: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: they belong to the command this runs in."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        if self._tls is None:
            await super().startup(sockets=sockets)
            return
        await super().startup(sockets=[])
        door = _TlsDoor(self._protocol, self._tls, self._limits)
        self._door = asyncio.create_task(door.accept((sockets or [])[0]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept none any more, and let requests under way end."""
        if self._door is not None:
            self._door.cancel()
            await asyncio.wait([self._door])
        await super().shutdown(sockets=sockets)
        for connection in tuple(self.server_state.connections):
            # Over TLS, an end is taken leave of, which nobody need answer.
            connection.transport.abort()
        # A turn for the transport, one for TLS, one for what speaks on it.
        for _ in range(3):
            await asyncio.sleep(0)

    def _protocol(self) -> asyncio.Protocol:
        """Return what speaks HTTP on one connection."""
        kind = self.config.http_protocol_class
        return kind(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


class _TlsDoor:
    """Accepts connections, and has each shake hands within the time of a request.

    *protocol* makes what speaks on a connection from then on, *context* is asked for each.
    One that is silent counts like one that asks nothing: those that shake hands are as many as may
    be open at the most, and beyond that a connection is closed without a word.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        context: TlsNow,
        limits: ConnectionLimits,
    ) -> None:
        self._protocol = protocol
        self._context = context
        self._limits = limits
        self._shaking: set[asyncio.Task[None]] = set()

    async def accept(self, listener: socket.socket) -> None:
        """Accept connections until cancelled."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError:
                    await asyncio.sleep(REST_SECONDS)
                    continue
                if len(self._shaking) >= self._limits.connections:
                    connection.close()
                    continue
                task = asyncio.create_task(self._shake_hands(connection))
                self._shaking.add(task)
                task.add_done_callback(self._shaking.discard)
        finally:
            for task in tuple(self._shaking):
                task.cancel()

    async def _shake_hands(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._context(),
                ssl_handshake_timeout=self._limits.seconds,
            )
        except OSError:
            # What is no TLS, and who does not know our authority, is no news.
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise


@asynccontextmanager
async def serving(
    app: ASGIApp,
    listener: socket.socket,
    limits: ConnectionLimits | None = None,
    tls: TlsNow | None = None,
    refused: Refused | None = None,
) -> AsyncIterator[None]:
    """Serve *app* on *listener* while the block runs, over *tls* if given; close it behind that.

    *tls* is asked at each connection: a certificate may be renewed. *refused* hears of each request
    that is none, in place of the log.
    """
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
        http=type(
            "_LimitedProtocol",
            (_Protocol,),
            {"limits": limits, "hearing": () if refused is None else (refused,)},
        ),
        ws="none",
    )
    server = _Server(config, limits or UNLIMITED, tls)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
        listener.close()
