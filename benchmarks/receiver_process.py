"""A receiver that does as little as possible, for measuring senders: a process of its own.

`python benchmarks/receiver_process.py` prints its port, answers 200 to whatever comes, keeps
connections alive, and when its standard input ends prints how many requests it answered.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
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
            unread = unread[size:]
            Receiver.answered += 1
            if self._transport is not None:
                self._transport.write(ANSWER)
        self._unread = unread


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiver, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(Receiver.answered, flush=True)


if __name__ == "__main__":
    uvloop.run(main())
