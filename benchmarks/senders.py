"""Ways to send compared, in one run: `python -m benchmarks.senders`.

A POST of 600 bytes, 64 in flight, keep-alive, plain HTTP on loopback, uvloop, the receiver in a
process of its own. Each way sends for some seconds, in turn, several times. The raw way writes
bytes that were made before and only counts what comes back: nobody in Python can be faster.
aiohttp is no dependency; without it its line says so.
"""

from __future__ import annotations

import asyncio
import importlib.util
import statistics
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, cast

import httpx
import uvloop

from benchmarks.receiver_process import ANSWER
from benchmarks.transport import BODY, EXTENSIONS, IN_FLIGHT, RECEIVER, headers_at, url_at
from webhookd.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

SECONDS = 4.0
WARM_UP_SECONDS = 1.0
ROUNDS = 3

Send: TypeAlias = "Callable[[], Awaitable[object]]"
Way: TypeAlias = "Callable[[int], AbstractAsyncContextManager[Callable[[], Send]]]"


class Raw(asyncio.Protocol):
    """A connection that writes prepared bytes and waits for as many as an answer has."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._missing = 0
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Count."""
        self._missing -= len(data)
        if self._missing <= 0 and self._waiter is not None:
            self._waiter.set_result(None)

    async def send(self) -> None:
        """Send one request and wait for its answer."""
        self._missing = len(ANSWER)
        self._waiter = asyncio.get_running_loop().create_future()
        if self._transport is not None:
            self._transport.write(self._request)
        await self._waiter

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[Callable[[], Send]]:
    """Sockets and nothing else."""
    lines = [b"POST %b HTTP/1.1" % url_at(port).raw_path, *map(b": ".join, headers_at(port))]
    request = b"\r\n".join([*lines, b"", BODY])
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: Raw(request), "127.0.0.1", port))[1]
        for _ in range(IN_FLIGHT)
    ]
    free = iter(made)
    yield lambda: next(free).send
    for connection in made:
        connection.close()


def _request(url: httpx.URL, headers: list[tuple[bytes, bytes]]) -> httpx.Request:
    return httpx.Request(
        "POST", url, headers=headers, stream=httpx.ByteStream(BODY), extensions=EXTENSIONS
    )


@asynccontextmanager
async def own(port: int) -> AsyncIterator[Callable[[], Send]]:
    """Our transport, called directly, as the daemon does."""
    url, headers = url_at(port), headers_at(port)
    async with Transport() as transport:
        yield lambda: lambda: transport.handle_async_request(_request(url, headers))


@asynccontextmanager
async def own_in_client(port: int) -> AsyncIterator[Callable[[], Send]]:
    """Our transport inside of httpx's client."""
    url, headers = url_at(port), headers_at(port)
    async with httpx.AsyncClient(transport=Transport()) as client:
        yield lambda: lambda: client.send(_request(url, headers))


@asynccontextmanager
async def httpx_default(port: int) -> AsyncIterator[Callable[[], Send]]:
    """One shared httpx client as it comes."""
    url, headers = url_at(port), headers_at(port)
    async with httpx.AsyncClient() as client:
        yield lambda: lambda: client.post(url, headers=headers, content=BODY)


@asynccontextmanager
async def aiohttp_default(port: int) -> AsyncIterator[Callable[[], Send]]:
    """One shared aiohttp session."""
    import aiohttp  # noqa: PLC0415 - no dependency of ours

    url = str(url_at(port))
    headers = {name.decode(): value.decode() for name, value in headers_at(port)}
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send() -> None:
            async with session.post(url, headers=headers, data=BODY) as response:
                await response.read()

        yield lambda: send


WAYS: dict[str, Way] = {
    "raw sockets": raw,
    "webhookd.transport": own,
    "webhookd.transport in httpx.AsyncClient": own_in_client,
    "httpx.AsyncClient": httpx_default,
    "aiohttp.ClientSession": aiohttp_default,
}


async def measure(way: Way, port: int, seconds: float) -> tuple[float, float]:
    """Send for some *seconds*; return requests a second and microseconds of CPU for each."""
    count = 0
    async with way(port) as sender:

        async def keep_sending(send: Send, until: float) -> None:
            nonlocal count
            while time.perf_counter() < until:
                await send()
                count += 1

        started, busy = time.perf_counter(), time.process_time()
        until = started + seconds
        await asyncio.gather(*(keep_sending(sender(), until) for _ in range(IN_FLIGHT)))
        took = time.perf_counter() - started
        return count / took, (time.process_time() - busy) / count * 1e6


async def main() -> None:
    """Measure all ways in turn and print the medians, and each as a ratio to the raw one."""
    with subprocess.Popen(  # noqa: ASYNC220 - our own receiver, before measuring
        [sys.executable, RECEIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as receiver:
        port = int(receiver.stdout.readline()) if receiver.stdout else 0
        ways = dict(WAYS)
        if importlib.util.find_spec("aiohttp") is None:
            del ways["aiohttp.ClientSession"]
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for way in ways.values():
            await measure(way, port, WARM_UP_SECONDS)
        for _ in range(ROUNDS):
            for name, way in ways.items():
                found[name].append(await measure(way, port, SECONDS))
        receiver.communicate()
    _show(found)


def _show(found: dict[str, list[tuple[float, float]]]) -> None:
    rates = {name: statistics.median(rate for rate, _ in runs) for name, runs in found.items()}
    print(f"{'':<42}{'requests/s':>11}{'µs of CPU':>11}{'to raw':>8}")
    for name in WAYS:
        if name not in found:
            print(f"{name:<42} not measured: it is not installed here")
            continue
        busy = statistics.median(each for _, each in found[name])
        ratio = rates[name] / rates["raw sockets"]
        print(f"{name:<42}{rates[name]:>11,.0f}{busy:>11,.0f}{ratio:>8.3f}")


if __name__ == "__main__":
    uvloop.run(main())
