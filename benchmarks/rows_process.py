"""A JSON API that does as little as possible, for measuring who reads it: a process of its own.

`python benchmarks/rows_process.py COUNT LIMIT` makes the pages of COUNT rows, LIMIT each, prints
its port, and answers `?page=N` with bytes that are ready. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import cast

import uvloop

PAGE = re.compile(rb"[?&]page=(\d+)")
STATUS_404 = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def pages(count: int, limit: int) -> list[bytes]:
    """Return the answers: each page, and behind the last an empty one."""
    return [
        _answer([_row(number) for number in range(start, min(start + limit, count))])
        for start in range(0, count + limit, limit)
    ]


def _row(number: int) -> dict[str, object]:
    stage = "customer" if number % 100 == 0 else "lead"
    email, at = f"p{number}@example.com", "2026-03-01 08:00:00.000Z"
    row = {"id": f"r{number:07}", "email": email, "n": number, "stage": stage, "updated": at}
    return row | {"note": "x" * 60}


def _answer(rows: list[dict[str, object]]) -> bytes:
    body = json.dumps({"data": rows}, separators=(",", ":")).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Rows(asyncio.Protocol):
    """Answers every request that has come in whole; none has a body."""

    ready: tuple[bytes, ...] = ()

    def __init__(self) -> None:
        self._unread = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete and keep the rest."""
        *requests, self._unread = (self._unread + data).split(b"\r\n\r\n")
        for request in requests:
            found = PAGE.search(request)
            number = int(found[1]) - 1 if found else 0
            is_there = 0 <= number < len(self.ready)
            assert self._transport is not None  # noqa: S101 - it is connected
            self._transport.write(self.ready[number] if is_there else STATUS_404)


async def _serve(count: int, limit: int) -> None:
    Rows.ready = tuple(pages(count, limit))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Rows, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
