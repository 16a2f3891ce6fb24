"""How long a change waits from its commit to the wire, at a tenth of what the daemon can.

The clock starts when the change is decided on, before it is rendered and committed, and ends
when the request is read by the receiver, in its own process: it is longer than what is asked for.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.delivering import end_to_end, rows_of
from benchmarks.filling import settled
from benchmarks.processes import at_rate, daemon, hook, receiver, until
from benchmarks.rows import Row

RUNS = 3
SECONDS = 10.0
ROWS = 20
SHARE = 10


def measure() -> list[Row]:
    """Measure the rate, then the latency at its tenth, several times."""
    rates, middle, high = [], [], []
    for _ in range(RUNS):
        rates.append(end_to_end({}))
        waits = sorted(_waits(rates[-1] / SHARE))
        middle.append(statistics.median(waits) * 1000)
        high.append(waits[int(len(waits) * 0.99)] * 1000)
    return [
        Row(
            "change committed → request on the wire, p99, at a tenth of that rate",
            "under 50 ms",
            high,
            50,
            is_most=True,
            unit=" ms",
            digits=1,
            figures={"p50, ms": middle, "end to end/s": rates},
        )
    ]


def _waits(rate: float) -> list[float]:
    """Return the seconds that each of some changes waited, *rate* of them a second."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver(is_noting=True) as receiving,
        daemon(Path(name)) as running,
    ):
        running.configure({"mirror": hook(receiving.url())})
        running.start()
        files = round(rate * SECONDS / ROWS)
        texts = [rows_of(ROWS, ROWS * number) for number in range(files)]
        for number in at_rate(files, rate / ROWS):
            running.drop(f"{number:06}.ndjson", texts[number])
        until(lambda: settled(running.database) == files * ROWS, "all delivered")
        running.stop()
        receiving.stop()
        with closing(sqlite3.connect(running.database)) as connection:
            decided = dict(connection.execute("SELECT id, created_at / 1e6 FROM deliveries"))
    return [arrival.at - decided[arrival.id] for arrival in receiving.arrivals]
