"""A million moments ahead: how soon the first that is due comes about, in how much memory.

And a hundred thousand that are due at once, beside a webhook whose deliveries come steadily: what
that keeps of its rate, and for how long the event loop is ever held up.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.filling import INSERT
from benchmarks.processes import daemon, hook, receiver, until
from benchmarks.rows import Row, ratios
from webhookd import clock

if TYPE_CHECKING:
    from benchmarks.processes import DaemonProcess

AHEAD = 1_000_000
DUE = 100_000
RUNS = 3
STEADY = 200.0
"""Deliveries of the other webhook in a second: no more than the machine has room for."""

SECONDS = 30.0
"""For how long they come."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def measure() -> list[Row]:
    """Start on a million moments several times; then have many due beside a steady webhook."""
    first, resident, growth = [], [], []
    for _ in range(RUNS):
        after, memory = _start()
        first.append(after)
        resident.append(max(memory))
        growth.append(max(memory) - memory[0])
    alone, beside, longest, fired = [], [], [], []
    for _ in range(RUNS):
        alone.append(_steady(0)[0])
        rate, over, moments = _steady(DUE)
        beside.append(rate)
        longest.append(over)
        fired.append(moments)
    return [
        Row(
            "start with 1,000,000 moments: process started → first attempt of one that is due",
            "within 2 s",
            first,
            2,
            is_most=True,
            unit=" s",
        ),
        Row(
            "the same: resident memory",
            "under 200 MB",
            resident,
            190.7,
            is_most=True,
            unit=" MiB",
            digits=0,
            figures={"above the first look, MiB": growth},
        ),
        Row(
            "100,000 moments due at once: what another webhook keeps of its rate",
            "90 %",
            [100 * ratio for ratio in ratios(beside, alone)],
            90,
            unit=" %",
            digits=0,
            figures={"alone/s": alone, "beside/s": beside, "moments/s": fired},
        ),
        Row(
            "the same: looks at the event loop, every 5 ms, that found it more than 50 ms late",
            "none",
            longest,
            0,
            is_most=True,
            digits=0,
        ),
    ]


def _start() -> tuple[float, list[float]]:
    """Return after how many seconds the first request came, and the memory meanwhile, in MiB."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver(is_noting=True) as receiving,
        daemon(Path(name)) as running,
    ):
        _prepare(running, receiving.url("due"), receiving.url("steady"))
        _fill(running.database, AHEAD, due=timedelta(days=300))
        _fill(running.database, 100, due=timedelta(), name="due")
        began = time.time()
        running.start()
        memory = []
        ready = time.perf_counter()
        while time.perf_counter() - ready < 5:  # noqa: PLR2004 - seconds
            time.sleep(0.1)
            memory.append(running.resident_mib())
        running.stop()
        receiving.stop()
    return receiving.arrivals[0].at - began, memory


def _steady(due: int) -> tuple[float, float, float]:
    """Return the rate of the steady webhook, the looks that were late, and moments a second."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver(is_noting=True) as receiving,
        daemon(Path(name), module="benchmarks.watched_daemon") as running,
    ):
        _prepare(running, receiving.url("due"), receiving.url("steady"))
        begin = time.time() + 4
        _fill(running.database, due, due=timedelta(seconds=4))
        count = _spread(running.database, begin)
        running.start()
        before = running.metrics()
        name_ = 'webhookd_attempts_total{outcome="delivered",reason="2xx",webhook="steady"}'
        until(lambda: running.metrics().get(name_, 0) >= count, "all delivered", every=0.5)
        after = running.metrics()
        running.stop()
        receiving.stop()
    times = [one.at for one in receiving.arrivals if one.path == "/steady"]
    took = times[-1] - times[0]
    return len(times) / took, _late(after) - _late(before), _fired(after) / took


def _late(metrics: dict[str, float]) -> float:
    within = metrics.get('webhookd_event_loop_lag_seconds_bucket{le="0.05"}', 0.0)
    return metrics.get("webhookd_event_loop_lag_seconds_count", 0.0) - within


def _fired(metrics: dict[str, float]) -> float:
    return metrics.get('webhookd_moments_total{outcome="fired",webhook="due"}', 0.0)


def _prepare(running: DaemonProcess, due: str, steady: str) -> None:
    """Let the daemon make its database, with a timer that is planned."""
    trigger = {"at": {"property": "due_at"}}
    running.configure({"due": hook(due, trigger=trigger), "steady": hook(steady)})
    running.start()
    running.until_said("moment.planned")
    running.stop()


def _fill(database: Path, count: int, *, due: timedelta, name: str = "ahead") -> None:
    """Add *count* known records that are due so long from now."""
    at = datetime.fromtimestamp(int(time.time()), UTC) + due
    properties = json.dumps({"due_at": json.dumps(at.isoformat())}).encode()
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        [(timer,)] = connection.execute("SELECT number FROM timers").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO known_records (source, object, record_id, properties, deleted)"
            " VALUES ('export', 'contacts', ?, ?, 0)",
            ((f"{name}{number}", properties) for number in range(count)),
        )
        connection.executemany(
            "INSERT INTO moments (timer, record_id, at) VALUES (?, ?, ?)",
            ((timer, f"{name}{number}", micros) for number in range(count)),
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _spread(database: Path, begin: float) -> int:
    """Add deliveries of the steady webhook, each due a little after the one before."""
    count, body = int(STEADY * SECONDS), b'{"objectId":"%d"}'
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        query = "SELECT number, epoch FROM lanes WHERE webhook = 'steady'"
        lane, epoch = connection.execute(query).fetchone()
        connection.execute("BEGIN IMMEDIATE")
        for number in range(count):
            at = int((begin + number / STEADY) * 1_000_000)
            id_ = clock.new_id(clock.now())
            row = (id_, lane, f"s{number}", epoch, at, 0, None, at, body % number)
            connection.execute(INSERT, row)
        connection.execute("COMMIT")
    return count
