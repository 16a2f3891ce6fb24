"""A receiver that plays a script on every connection, and a way to send to it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import struct
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

from tests.accepting import Accepting
from webhookd.definitions import Egress, Proxy, Tls
from webhookd.transport import SendError, SendOptions

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from webhookd.transport import Transport

LOOPBACK = Egress(allow=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """The receiver's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int):
        self.reader = reader
        self.writer = writer
        self.number = number

    async def request(self) -> bytes:
        """Read one whole request; empty when the sender has closed."""
        with suppress(asyncio.IncompleteReadError):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
            return head + await self.reader.readexactly(int(length[1]) if length else 0)
        return b""

    async def say(self, *pieces: bytes) -> None:
        """Send *pieces*, each in a packet of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.005 if len(pieces) > 1 else 0)

    async def until_closed(self) -> None:
        """Wait until the sender has closed."""
        while await self.reader.read(65536):
            pass

    def reset(self) -> None:
        """Close with an RST."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Receiver:
    """Listens on loopback and plays *script* with each `Peer`; closes when it returns."""

    def __init__(
        self,
        script: Callable[[Peer], Awaitable[None]],
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._script = script
        self._tls = tls
        self._host = host
        self._playing: set[asyncio.Task[None]] = set()
        self.accepted = 0
        self.requests: list[bytes] = []

    async def __aenter__(self) -> Self:
        self._server = Accepting(self._play, limit=2**24)
        self.port = await self._server.start(self._host, 0, tls=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)
        await self._server.end()

    def url(self, host: str = "127.0.0.1") -> str:
        """Return a URL of this receiver."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/hooks?key=CANARY"

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._playing.add(task)
        self.accepted += 1
        try:
            await self._script(Peer(reader, writer, self.accepted))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._playing.discard(task)
            writer.close()


def answering(
    *pieces: bytes, then: Callable[[Peer], Awaitable[None]] | None = None
) -> Callable[[Peer], Awaitable[None]]:
    """Return a script: say *pieces* to every request; after the first, maybe do *then*."""

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.say(*pieces)
            if then is not None:
                await then(peer)
                return

    return script


async def until_closed(peer: Peer) -> None:
    """Stay silent until the sender closes."""
    await peer.until_closed()


async def closing(peer: Peer) -> None:
    """Close at once."""


async def resetting(peer: Peer) -> None:
    """Close with an RST."""
    peer.reset()


def a_tls(authority_file: Path) -> Tls:
    """Return a setting under which what the authority in that file issued is trusted."""
    digest = hashlib.sha256(authority_file.read_bytes()).hexdigest()
    return Tls(ca_file=authority_file, ca_fingerprint=digest)


class Blackhole:
    """A listener whose queue is full: connecting to it gets no answer at all."""

    def __init__(self, host: str, port: int = 0) -> None:
        self._host = host
        self._server = socket.create_server((host, port), backlog=0)
        self.port = self._server.getsockname()[1]
        self._fillers = [socket.socket() for _ in range(3)]

    def __enter__(self) -> Self:
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex((self._host, self.port))
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self._fillers, self._server):
            each.close()


async def send(  # noqa: PLR0913 - every option has its test
    transport: Transport,
    url: str,
    *,
    method: str = "POST",
    body: bytes = b'{"a": 1}',
    headers: dict[str, str] | None = None,
    timeout: float = 20.0,  # noqa: ASYNC109 - the option under test
    connect_timeout: float = 10.0,
    tls: Tls | None = None,
    egress: Egress = LOOPBACK,
    target: bytes | None = None,
    proxy: Proxy | str | None = None,
) -> httpx.Response:
    """Send one request."""
    options = SendOptions(timeout, connect_timeout, tls or Tls(), egress, proxy)
    extensions = {"webhookd": options} | ({"target": target} if target else {})
    request = httpx.Request(
        method, url, headers=headers, stream=httpx.ByteStream(body), extensions=extensions
    )
    return await transport.handle_async_request(request)


async def failure(transport: Transport, url: str, **options: object) -> SendError:
    """Send one request that must fail, and return its failure."""
    with pytest.raises(SendError) as caught:
        await send(transport, url, **options)
    error = caught.value
    assert "CANARY" not in f"{error} {error.detail} {error!r}"
    assert str(error) == error.detail
    return error


def resolve_as(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name but a literal address resolve to *addresses*; returns the asked names."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def fake(host: bytes, port: int, *, type: int, flags: int) -> list[Any]:  # noqa: A002 - the real one's name
        if flags & socket.AI_NUMERICHOST:
            return real(host, port, type=type, flags=flags)
        asked.append(host.decode())
        answers = (real(each, port, type=type, flags=flags) for each in addresses)
        return [answer for found in answers for answer in found]

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    return asked


async def eventually(holds: Callable[[], bool], *, within: float = 30.0) -> None:
    """Wait until *holds*, and fail when it does not in time."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - no event tells of sockets
            await asyncio.sleep(0.005)


def open_sockets() -> int:
    """Return how many sockets this process has open."""
    return sum(_is_socket(entry) for entry in Path("/proc/self/fd").iterdir())


def _is_socket(entry: Path) -> bool:
    try:
        return str(entry.readlink()).startswith("socket:")
    except OSError:
        return False
