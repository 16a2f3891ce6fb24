"""`/v1/status` of a daemon with 1,000 webhooks and 1,000,000 deliveries, over its socket."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.filled_daemon import Filling, start_filled
from benchmarks.processes import daemon
from benchmarks.rows import Row

if TYPE_CHECKING:
    from benchmarks.processes import DaemonProcess

WEBHOOKS = 1_000
DELIVERIES = 1_000_000
WAITING = 10_000
ASKED = 30
INSERT = """
INSERT INTO deliveries (id, lane, source, object, record_id, change, state, epoch, due_at,
  attempts, settled_at, created_at, method, query, body)
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
SELECT 'd' || n, n % :webhooks + 1, 'export', 'contacts', n % 50000, 'updated',
  CASE WHEN n >= :settled THEN 'pending' WHEN n % 50 = 0 THEN 'failed' ELSE 'delivered' END, 0,
  CASE WHEN n >= :settled THEN :due END, 1, CASE WHEN n < :settled THEN :at END, :at, 'POST', '',
  zeroblob(400)
FROM numbers
"""


def measure() -> list[Row]:
    """Measure it with most deliveries settled, and with all of them waiting."""
    usual, outage = (_asked(waiting) for waiting in (WAITING, DELIVERIES))
    return [
        Row(
            "1,000 webhooks, 1,000,000 deliveries: `/v1/status`",
            "under 150 ms",
            usual,
            150,
            is_most=True,
            unit=" ms",
            digits=0,
            figures={"where all of them wait, ms": outage},
        )
    ]


def _asked(waiting: int) -> list[float]:
    """Return how long each answer took in ms, of a daemon that so many deliveries wait in."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        daemon(Path(name)) as running,
    ):
        start_filled(running, Filling(INSERT, WEBHOOKS, DELIVERIES, waiting))
        return _times(running)


def _times(running: DaemonProcess) -> list[float]:
    socket = str(running.folder / "state" / "admin.sock")
    with httpx.Client(transport=httpx.HTTPTransport(uds=socket), timeout=60) as client:
        return [_time(client) for _ in range(ASKED)]


def _time(client: httpx.Client) -> float:
    # The daemon's turns end in between, so that each time is that of one question.
    time.sleep(0.1)
    began = time.perf_counter()
    client.get("http://webhookd/v1/status").raise_for_status()
    return (time.perf_counter() - began) * 1000
