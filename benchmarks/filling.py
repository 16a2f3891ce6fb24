"""Databases with deliveries that wait, made as fast as SQLite takes rows."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from webhookd import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.processes import DaemonProcess

BODY = b'{"objectId":"%d","properties":{"email":"p%d@example.com","note":"%s"}}'
INSERT = (
    "INSERT INTO deliveries (id, lane, source, object, record_id, change, state, epoch, due_at,"
    " attempts, first_attempt_at, created_at, method, content_type, query, body)"
    " VALUES (?, ?, 'export', 'contacts', ?, 'updated', 'pending', ?, ?, ?, ?, ?, 'POST',"
    " 'application/json', '', ?)"
)


def make_lanes(daemon: DaemonProcess) -> None:
    """Let the daemon make its database, with a lane for each webhook of its configuration."""
    daemon.start()
    daemon.stop()


def fill(database: Path, webhook: str, count: int, *, due_in: float, attempts: int = 0) -> float:
    """Add *count* deliveries that are due in some seconds; return when that is, on the wall."""
    due_at = time.time() + due_in
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        query = "SELECT number, epoch FROM lanes WHERE webhook = ?"
        lane, epoch = connection.execute(query, (webhook,)).fetchone()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT, _rows(lane, epoch, count, due_at, attempts))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return due_at


def _rows(
    lane: int, epoch: int, count: int, due_at: float, attempts: int
) -> Iterator[tuple[object, ...]]:
    now = clock.now()
    at, due = int(now.timestamp() * 1_000_000), int(due_at * 1_000_000)
    first = at if attempts else None
    for number in range(count):
        body = BODY % (number, number, b"x" * 400)
        id_ = clock.new_id(now)
        yield id_, lane, f"f{number}", epoch, due, attempts, first, at, body


def settled(database: Path) -> int:
    """Return how many deliveries are done."""
    return int(_ask(database, "SELECT count(*) FROM deliveries WHERE settled_at > 0"))


def settled_last(database: Path) -> float:
    """Return when the last delivery was done, on the wall."""
    return float(_ask(database, "SELECT coalesce(max(settled_at), 0) FROM deliveries")) / 1e6


def _ask(database: Path, query: str) -> float:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (answer,) = connection.execute(query).fetchone()
        return float(answer)
