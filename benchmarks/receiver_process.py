"""A receiver that does as little as possible, for measuring senders: a process of its own.

`python benchmarks/receiver_process.py` prints its port, answers 200 to whatever comes, keeps
connections alive, and when its standard input ends prints how many requests it answered. A path
that begins with `/after-50` is answered after 50 ms. With `note` it also prints when each came, its
path and its webhook-id, and does not answer those whose path begins with `/silent`. With the path
of a `.pem`, its key and certificate, it speaks TLS 1.3.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import time
from typing import ClassVar, cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
ID = re.compile(rb"\r\nwebhook-id: *([^\r]+)", re.IGNORECASE)
DELAY = re.compile(rb"[A-Z]+ /after-(\d+)")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Receiver(asyncio.Protocol):
    """Answers every request that has come in whole."""

    answered = 0

    def __init__(self) -> None:
        self._unread = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete and keep the rest."""
        unread = self._unread + data if self._unread else data
        while (end := unread.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(unread, 0, end + 2)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(unread) < size:
                break
            request, unread = unread[:size], unread[size:]
            self._answer(request)
        self._unread = unread

    def _answer(self, request: bytes) -> None:
        Receiver.answered += 1
        delay = DELAY.match(request)
        if delay:
            asyncio.get_running_loop().call_later(int(delay[1]) / 1000, self._write)
        else:
            self._write()

    def _write(self) -> None:
        if self._transport is not None:
            self._transport.write(ANSWER)


class NotingReceiver(Receiver):
    """Notes every request, and answers those that are not for somebody silent."""

    arrivals: ClassVar[list[tuple[float, str, str]]] = []

    def _answer(self, request: bytes) -> None:
        at, path, id_ = time.time(), request.split(b" ", 2)[1].decode(), ID.search(request)
        self.arrivals.append((at, path, id_[1].decode() if id_ else ""))
        if not path.startswith("/silent"):
            super()._answer(request)


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    protocol = NotingReceiver if "note" in sys.argv[1:] else Receiver
    chains = [argument for argument in sys.argv[1:] if argument.endswith(".pem")]
    context = None
    if chains:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(chains[0])
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(Receiver.answered)
    for arrival in NotingReceiver.arrivals:
        print(json.dumps(arrival))


if __name__ == "__main__":
    uvloop.run(main())
