"""A receiver that misbehaves in another way each time, in a process of its own.

`python benchmarks/rude_process.py CERTIFICATE` prints two ports, of plain HTTP and of TLS with the
PEM file CERTIFICATE (with its key), and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import struct
import sys
from typing import TYPE_CHECKING, cast

import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"


class Rude(asyncio.Protocol):
    """One connection, and the way in which it misbehaves next."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Misbehave at once, or wait for a request to misbehave on."""
        self.transport = cast("asyncio.Transport", transport)
        self.way = next(ways)
        if self.way in AT_ONCE:
            self.way(self)

    def data_received(self, data: bytes) -> None:
        """Misbehave once the request is here, or its end at any rate."""
        if data.endswith(b"}"):
            self.way(self)
            self.way = next(ways)

    def say(self, data: bytes) -> None:
        """Send *data*, if there is still somebody."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def hang_up(self) -> None:
        """Close."""
        self.transport.close()

    def reset(self) -> None:
        """Close with an RST."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def say_and_hang_up(self, data: bytes) -> None:
        """Send *data* and close."""
        self.say(data)
        self.hang_up()

    def say_and_reset(self, data: bytes) -> None:
        """Send *data* and reset, a little later so that it is read."""
        self.say(data)
        asyncio.get_running_loop().call_later(0.005, self.reset)

    def half_close(self) -> None:
        """Send no more, and listen on."""
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def drip(self, data: bytes, seconds: float) -> None:
        """Send *data* again and again."""
        if not self.transport.is_closing():
            self.transport.write(data)
            asyncio.get_running_loop().call_later(seconds, self.drip, data, seconds)


AT_ONCE: tuple[Callable[[Rude], None], ...] = (
    Rude.hang_up,
    Rude.reset,
    lambda peer: peer.say(OK),
    lambda peer: peer.say(b"220 smtp.example ESMTP\r\n"),
)
WAYS: tuple[Callable[[Rude], None], ...] = (
    *AT_ONCE,
    lambda _: None,
    Rude.hang_up,
    lambda peer: peer.reset(),
    Rude.half_close,
    lambda peer: peer.say(OK),
    lambda peer: peer.say(OK + OK),
    lambda peer: peer.say(b"junk" + OK),
    lambda peer: peer.say(OK + b"junk"),
    lambda peer: peer.say(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    lambda peer: peer.say_and_hang_up(b"HTTP/1.1 200 OK\r\nX-A"),
    lambda peer: peer.say_and_hang_up(HEAD + b"half"),
    lambda peer: peer.say_and_reset(HEAD + b"half"),
    lambda peer: peer.say_and_hang_up(b"HTTP/1.1 200 OK\r\n\r\nall"),
    lambda peer: peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.001),
    lambda peer: peer.drip(b"HTTP/1.1 200 OK\r\nX-A: 1\r\n", 0.01),
    lambda peer: (peer.say(b"HTTP/1.1 200 OK\r\nX-A: "), peer.drip(b"x" * 9000, 0.001))[0],
    lambda peer: (peer.say(b"HTTP/1.1 200 OK\r\n\r\n"), peer.drip(b"x" * 9000, 0.001))[0],
    lambda peer: peer.say(b"HTTP/1.1 503 No\r\nRetry-After: x\r\nContent-Length: 0\r\n\r\n"),
)

ways = itertools.cycle(WAYS)


async def main(certificate: str) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    plain = await loop.create_server(Rude, "127.0.0.1", 0, backlog=1024)
    secure = await loop.create_server(Rude, "127.0.0.1", 0, backlog=1024, ssl=context)
    ports = (server.sockets[0].getsockname()[1] for server in (plain, secure))
    print(*ports, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
