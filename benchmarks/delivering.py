"""Deliveries a second, end to end, against the bare transport and a plain httpx client.

End to end: a file is dropped, its rows are stored (`synchronous=FULL`), rendered, signed, sent
with 64 in flight, and settled, by the real daemon with its default logging. Bare: the same
number in flight through the transport alone, nothing stored. httpx: one shared `AsyncClient` as
it comes. All send to a receiver in a process of its own.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from benchmarks import filling, senders
from benchmarks.processes import daemon, hook, receiver, until
from benchmarks.rows import Row, ratios
from benchmarks.transport import IN_FLIGHT, send_all
from webhookd.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.processes import DaemonProcess

DELIVERIES = 20_000
RUNS = 3
HTTPX_SECONDS = 4.0


def measure() -> list[Row]:
    """Measure the three in turn, several times."""
    bare, plain, whole = [], [], []
    for _ in range(RUNS):
        bare.append(uvloop.run(_bare()))
        plain.append(uvloop.run(_httpx()))
        whole.append(end_to_end({}))
    figures = {"end to end/s": whole, "bare/s": bare, "httpx.AsyncClient/s": plain}
    return [
        Row(
            "deliveries/s end to end, to the bare transport",
            "1/3",
            ratios(whole, bare),
            1 / 3,
            figures=figures,
        ),
        Row(
            "the same, to one shared default `httpx.AsyncClient`",
            "25",
            ratios(whole, plain),
            25,
            digits=1,
            figures=figures,
        ),
    ]


async def _bare() -> float:
    with receiver() as receiving:
        async with Transport() as transport:
            await send_all(transport, receiving.port, DELIVERIES // 10)
            seconds = await send_all(transport, receiving.port, DELIVERIES)
    return DELIVERIES / seconds


async def _httpx() -> float:
    with receiver() as receiving:
        rate, _ = await senders.measure(senders.httpx_default, receiving.port, HTTPX_SECONDS)
    return rate


def end_to_end(environment: Mapping[str, str], deliveries: int = DELIVERIES) -> float:
    """Return deliveries a second of the daemon, whose *environment* has this besides."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver() as receiving,
        daemon(Path(name), environment) as running,
    ):
        running.configure({"mirror": hook(receiving.url(), concurrency=IN_FLIGHT)})
        running.start()
        return deliveries / drop_and_wait(running, deliveries)


def rows_of(count: int, first: int = 0) -> str:
    """Return a file of so many rows, each of a record of its own."""
    rows = (
        {"id": row, "email": f"p{row}@example.com", "note": "x" * 400}
        for row in range(first, first + count)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def drop_and_wait(
    running: DaemonProcess, deliveries: int, rows: int | None = None, first: int = 0
) -> float:
    """Drop a file; return after how many seconds so many deliveries more are settled.

    Its *rows*, one for each delivery if nothing is said, are of records from *first* on.
    """
    text = rows_of(rows or deliveries, first)
    wanted = filling.settled(running.database) + deliveries
    started = running.drop("1.ndjson", text)
    # Looking oftener would take from what is measured.
    until(lambda: filling.settled(running.database) >= wanted, "all delivered", every=0.05)
    return time.perf_counter() - started
