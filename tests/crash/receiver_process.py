"""A receiver in a process of its own that writes down every request before it answers.

`python -m tests.crash.receiver_process NOTES BEHAVIOURS SEED [PORT]` prints its port. NOTES is a
file of one JSON list for each request: when, path, webhook-id, record, value, the status it
answers, and how many of its path, and of its path and record, were open then, itself included. A
request is open until it is answered, or until whoever sent it is gone: also where this process came
by too little of the machine to have read that.

BEHAVIOURS are JSON: by path, which share `fails`, how many `first` attempts of each delivery do,
the seconds that an answer may take (`delay`), and whether it is `silent`: noted with the status 0,
and never answered. Each line of standard input is JSON of other ones, in force from then on.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import sys
import time
from collections import Counter
from typing import Any, ClassVar, cast


class Notary(asyncio.Protocol):
    """A connection: each request that has come in whole is noted, then answered."""

    notes: int
    behaviours: dict[str, dict[str, float]]
    chance: random.Random
    attempts: ClassVar[Counter[str]] = Counter()
    open: ClassVar[dict[tuple[str, ...], set[Notary]]] = {}

    def __init__(self) -> None:
        self._unread = b""
        self._transport: asyncio.Transport | None = None
        self._open: tuple[tuple[str, ...], ...] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request that was not answered as open no more."""
        self._close()

    def data_received(self, data: bytes) -> None:
        """Note what is complete and keep the rest."""
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._unread[:end].decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            size = end + 4 + int(headers.get("content-length", "0"))
            if len(self._unread) < size:
                return
            body, self._unread = self._unread[end + 4 : size], self._unread[size:]
            self._take(first.split(" ")[1], headers["webhook-id"], json.loads(body))

    def _take(self, path: str, id_: str, body: dict[str, Any]) -> None:
        record, value = body["objectId"], body["properties"]["value"]
        self._open = (path,), (path, record)
        for one in self._open:
            self.open.setdefault(one, set()).add(self)
        self.attempts[id_] += 1
        behaviour = self.behaviours.get(path, {})
        status = self._status(behaviour, self.attempts[id_])
        counts = [sum(map(Notary.has_sender, self.open[one])) for one in self._open]
        note = [time.monotonic(), path, id_, record, value, status, *counts]
        os.write(self.notes, json.dumps(note).encode() + b"\n")
        if status:
            delay = behaviour.get("delay", 0) * self.chance.random()
            asyncio.get_running_loop().call_later(delay, self._answer, status)

    def _status(self, behaviour: dict[str, float], attempt: int) -> int:
        if behaviour.get("silent"):
            return 0
        has_failed = self.chance.random() < behaviour.get("fails", 0)
        return 503 if has_failed or attempt <= behaviour.get("first", 0) else 200

    def _answer(self, status: int) -> None:
        self._close()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 %d Noted\r\nContent-Length: 0\r\n\r\n" % status)

    def _close(self) -> None:
        for one in self._open:
            self.open[one].discard(self)
        self._open = ()

    def has_sender(self) -> bool:
        """Return whether whoever sent the request that is open still waits for its answer."""
        assert self._transport is not None
        if self._transport.is_closing():
            return False
        looked = select.poll()
        looked.register(self._transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return not looked.poll(0)


def listen_to_orders() -> None:
    """Behave as each line of standard input says, until it ends."""
    for line in sys.stdin:
        Notary.behaviours = json.loads(line)


async def main(notes: str, behaviours: str, seed: str, port: str = "0") -> None:
    """Serve until standard input ends."""
    Notary.notes = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    Notary.behaviours, Notary.chance = json.loads(behaviours), random.Random(seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Notary, "127.0.0.1", int(port), backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, listen_to_orders)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
