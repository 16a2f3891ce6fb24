"""Deliveries a second, end to end, against the bare transport in the same run.

End to end: a file is dropped, its rows are stored (`synchronous=FULL`), rendered, signed, sent
with 64 in flight, and settled, by the real daemon with its default logging. Bare: the same
number in flight through the transport alone, nothing stored. Both send to a receiver in a
process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.transport import IN_FLIGHT, RECEIVER, send_all
from webhookd.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS = 20_000
RUNS = 3
LONGEST_SECONDS = 300

CONFIG = """\
version: 1
egress: {{allow: [127.0.0.0/8]}}
apps: {{"1": {{client_secret: {{env: BENCH_SECRET}}}}}}
sources: {{export: {{type: drop_directory, path: crm, object: contacts}}}}
webhooks:
  mirror:
    source: export
    object: contacts
    request:
      url: http://127.0.0.1:{port}/hook
      allow_http: true
      signature: {{app_id: "1", scheme: hubspot_v3}}
    delivery: {{concurrency: {in_flight}}}
"""


async def main() -> None:
    """Measure in turn, several times, and print the medians and their ratio."""
    bare, whole = [], []
    for _ in range(RUNS):
        bare.append(await _bare())
        whole.append(end_to_end({}))
    print(f"{'':<12}{'median':>10}{'least':>10}{'most':>10}   requests/s, {IN_FLIGHT} in flight")
    for name, rates in (("bare", bare), ("end to end", whole)):
        low, high = min(rates), max(rates)
        print(f"{name:<12}{statistics.median(rates):>10,.0f}{low:>10,.0f}{high:>10,.0f}")
    ratios = [one / other for one, other in zip(whole, bare, strict=True)]
    print(f"end to end / bare: {statistics.median(ratios):.2f} (median of {RUNS} pairs)")


def _receiver() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, RECEIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _port(receiver: subprocess.Popen[str]) -> int:
    return int(receiver.stdout.readline()) if receiver.stdout else 0


async def _bare() -> float:
    with _receiver() as receiver:
        port = _port(receiver)
        async with Transport() as transport:
            await send_all(transport, port, ROWS // 10)
            seconds = await send_all(transport, port, ROWS)
        await asyncio.to_thread(receiver.communicate)
    return ROWS / seconds


def end_to_end(environment: Mapping[str, str]) -> float:
    """Return deliveries a second of the daemon, whose *environment* has this besides."""
    with tempfile.TemporaryDirectory() as name, _receiver() as receiver:
        folder = Path(name)
        port = _port(receiver)
        (folder / "config.yaml").write_text(CONFIG.format(port=port, in_flight=IN_FLIGHT))
        daemon = _daemon(folder, environment)
        try:
            seconds = _drop_and_wait(folder)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
            receiver.communicate()
    return ROWS / seconds


def _daemon(folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log = (folder / "log").open("wb")
    daemon = subprocess.Popen(
        [
            *(sys.executable, "-m", "webhookd", "run", "--config", folder / "config.yaml"),
            *("--state-directory", folder / "state"),
        ],
        stderr=log,
        env=os.environ | {"BENCH_SECRET": "of-no-consequence"} | environment,
    )
    log.close()
    while b"daemon.ready" not in (folder / "log").read_bytes():
        if daemon.poll() is not None:
            sys.exit((folder / "log").read_text())
        time.sleep(0.02)  # nothing is measured yet
    return daemon


def _drop_and_wait(folder: Path) -> float:
    rows = ({"id": row, "email": f"p{row}@example.com", "note": "x" * 400} for row in range(ROWS))
    written = folder / "crm" / "tmp" / "1.ndjson"
    written.write_text("".join(json.dumps(row) + "\n" for row in rows))
    started = time.perf_counter()
    written.rename(folder / "crm" / "new" / "1.ndjson")
    with sqlite3.connect(f"file:{folder}/state/webhookd.db?mode=ro", uri=True) as connection:
        query = "SELECT count(*) FROM deliveries WHERE settled_at > 0"
        while connection.execute(query).fetchone()[0] < ROWS:
            time.sleep(0.05)  # looking oftener would take from what is measured
            if time.perf_counter() - started > LONGEST_SECONDS:
                sys.exit("it took over five minutes: something is wrong")
    seconds = time.perf_counter() - started
    connection.close()
    return seconds
