"""A receiver on a real socket: remembers every request, answers as it is told."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tests.accepting import Accepting
from webhookd import clock

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


@dataclass(frozen=True)
class Received:
    """One request, byte for byte; *at* is of a clock that never jumps."""

    at: float
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Return the delivery's id."""
        return self.headers["webhook-id"]


@dataclass(frozen=True)
class Answer:
    """What to answer; *delay* is waited before, *silent* never answers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    is_silent: bool = False


class Receiver:
    """A server in a thread of its own. A context manager."""

    def __init__(
        self,
        answer: Callable[[Received], Answer] = lambda _: Answer(),
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self._tls = tls
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = Accepting(self._connected)
        self.port = await server.start("127.0.0.1", self.port, tls=self._tls, backlog=1024)
        self._started.set()
        await self._stop.wait()
        await server.end()
        # Only now: the tasks in which asyncio accepts have made their connections.
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await server.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        received = Received(clock.monotonic(), method, target, headers, body)
        self.received.append(received)
        answer = self.answer(received)
        if answer.is_silent:
            await self._stop.wait()
            return False
        if answer.delay:
            await asyncio.sleep(answer.delay)
        lines = [f"HTTP/1.1 {answer.status} Whatever", f"content-length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body)
        await writer.drain()
        return True
