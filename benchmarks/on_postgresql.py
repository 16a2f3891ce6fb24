"""One daemon on PostgreSQL against one on SQLite: deliveries a second, end to end.

The server is one of its own on the same machine, with its defaults (`fsync` and
`synchronous_commit` on), reached by its socket; what it needs of the processor is taken from the
daemon, as it is where both stand on one host.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from benchmarks.delivering import DELIVERIES, RUNS, end_to_end, rows_of
from benchmarks.processes import daemon, hook, receiver, until
from benchmarks.rows import Row, ratios
from benchmarks.transport import IN_FLIGHT
from tests.postgresql import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTLED = "SELECT count(*) FROM deliveries WHERE settled_at > 0"


def measure() -> list[Row]:
    """Measure both in turn, several times."""
    with durable_server() as server:
        pairs = [(end_to_end({}), on_postgresql(server)) for _ in range(RUNS)]
    sqlite, postgresql = ([pair[index] for pair in pairs] for index in (0, 1))
    return [
        Row(
            "deliveries/s end to end of a daemon on PostgreSQL, to one on SQLite",
            "1/2",
            ratios(postgresql, sqlite),
            1 / 2,
            figures={"PostgreSQL/s": postgresql, "SQLite/s": sqlite},
        )
    ]


@contextmanager
def durable_server() -> Iterator[Server]:
    """Run a server that keeps what it committed, whatever happens."""
    server = Server(is_durable=True)
    try:
        yield server
    finally:
        server.close()


def on_postgresql(server: Server, deliveries: int = DELIVERIES) -> float:
    """Return deliveries a second of the daemon on a new database of *server*."""
    url = server.url(server.empty())
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver() as receiving,
        daemon(Path(name), {"WEBHOOKD_DATABASE_URL": url}) as running,
        psycopg.connect(url, autocommit=True) as looking,
    ):
        running.configure({"mirror": hook(receiving.url(), concurrency=IN_FLIGHT)})
        running.start()
        started = running.drop("1.ndjson", rows_of(deliveries))

        def are_settled() -> bool:
            row = looking.execute(SETTLED).fetchone()
            return row is not None and row[0] >= deliveries

        until(are_settled, "all delivered", every=0.05)
        return deliveries / (time.perf_counter() - started)
