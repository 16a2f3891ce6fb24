"""The console's memory over a day of Live, compressed.

    python -m benchmarks.console_day [--events COUNT]

A scripted daemon tells 1,728,000 attempts, those of 24 hours at 20 a second, as fast as the console
takes them and a viewer reads them. What the process holds is looked at twenty times: 120 MB at the
most, and no more in the second half of the day than in the first, but for a few MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import cpu
from benchmarks.console import resident_megabytes
from tests.console.stage import ConsoleProcess
from tests.daemon import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS: Final = 24 * 3600 * 20
TOGETHER: Final = 5
"""Attempts in a message: what the daemon tells in detail of a tenth of a second."""

LOOKS: Final = 20
MOST: Final = 120.0
GROWTH: Final = 4.0
"""Megabytes."""

_HEAD: Final = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: %s\r\n\r\n"
_SKIPPED: Final = re.compile(rb'"skipped": ([0-9]+)')


def main() -> None:
    """Measure, and print two lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    for line in day(parser.parse_args().events):
        print(line)


def day(count: int = EVENTS) -> Iterator[str]:
    """Yield what the console took and held while it was told of *count* attempts."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        _telling(Path(name) / "admin.sock", count) as address,
    ):
        console = ConsoleProcess(Path(name), address, command_line=INTERPRETER)
        try:
            held, shown, seconds = _watched(console, count)
        finally:
            console.stop()
    first, second = held[: LOOKS // 2], held[LOOKS // 2 :]
    growth = max(second) - max(first)
    yield (
        f"a day of Live, {count:,} attempts: {max(held):.1f} MB (at most {MOST:.0f}),"
        f" {growth:+.1f} MB in its second half (at most {GROWTH:+.0f}):"
        f" {', '.join(f'{one:.1f}' for one in held)}"
    )
    yield (
        f"the viewer was sent {shown:,} of them in detail, and the count of the others;"
        f" CPU of the console {seconds / count * 1e6:.0f} µs each"
    )
    if max(held) > MOST or growth > GROWTH:
        raise SystemExit("the console does not stay as it is")


def _watched(console: ConsoleProcess, count: int) -> tuple[list[float], int, float]:
    """Return the megabytes at each look, how many were shown, and the console's CPU."""
    held: list[float] = []
    heard = shown = 0
    left = b""
    spent = cpu.seconds(console.process.pid)
    with console.viewer() as client, client.stream("GET", "/events", timeout=60) as stream:
        for part in stream.iter_raw():
            whole, newline, left = (left + part).rpartition(b"\n")
            if not newline:
                continue
            rows = whole.count(b'"iso"')
            shown += rows
            heard += rows + sum(map(int, _SKIPPED.findall(whole)))
            while len(held) < LOOKS and heard >= count * (len(held) + 1) // LOOKS:
                held.append(resident_megabytes(console.process.pid))
            if heard >= count:
                return held, shown, cpu.seconds(console.process.pid) - spent
    raise SystemExit(f"the stream ended after {heard:,} of {count:,}")


@contextmanager
def _telling(path: Path, count: int) -> Iterator[str]:
    """Have a scripted daemon at *path* that tells of attempts, and give its address."""
    loop = asyncio.new_event_loop()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            asked = await reader.readuntil(b"\r\n\r\n")
            if asked.startswith(b"GET /v1/events"):
                writer.write(_HEAD % b"text/event-stream")
                for number in range(0, count, TOGETHER):
                    writer.write(_message(number, min(TOGETHER, count - number)))
                    await writer.drain()
                await reader.read()
            writer.write(_HEAD % b"application/json" + b"{}")
            await writer.drain()
        writer.close()

    server = loop.run_until_complete(asyncio.start_unix_server(answer, path))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"unix:{path}"
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _message(first: int, count: int) -> bytes:
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime(1.77e9 + first / 20))
    attempts = [
        {
            "at": at,
            "outcome": "retry" if number % 7 == 0 else "delivered",
            "webhook": f"webhook-{number % 100}",
            "id": f"{number:032x}",
            "object": "contacts",
            "record_id": str(number),
            "change": "updated",
            "attempt": 1,
            "status": 503 if number % 7 == 0 else 200,
            "seconds": 0.031,
            "error": "the receiver answered 503" if number % 7 == 0 else None,
        }
        for number in range(first, first + count)
    ]
    told = json.dumps({"attempts": attempts, "skipped": 0})
    return f"event: attempts\nid: {first}\ndata: {told}\n\n".encode()


if __name__ == "__main__":
    main()
