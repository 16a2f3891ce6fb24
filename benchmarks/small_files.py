"""Files of one row each: how soon a lone one is on the wire, and how many go through at once.

The clock of a file starts before the rename into `new/` and ends when its request is read by the
receiver, in its own process. What a file costs is all that the daemon takes of the processor
meanwhile, the delivery included.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cpu
from benchmarks.delivering import rows_of
from benchmarks.filling import settled
from benchmarks.processes import at_rate, daemon, hook, receiver, until
from benchmarks.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.processes import DaemonProcess, ReceiverProcess

RUNS = 3
A_SECOND = 20
SECONDS = 15.0
AT_ONCE = 5_000
_MOST_IN_A_SECOND = 0.99


def measure_quickly() -> list[Row]:
    """Measure both once, with fewer files."""
    return measure(1, SECONDS / 2, AT_ONCE // 5)


def measure(runs: int = RUNS, seconds: float = SECONDS, together: int = AT_ONCE) -> list[Row]:
    """Measure both, several times."""
    middle, high, lone, rates, crowded = [], [], [], [], []
    for _ in range(runs):
        waits, each = steady(seconds)
        middle.append(statistics.median(waits) * 1000)
        high.append(waits[int(len(waits) * _MOST_IN_A_SECOND)] * 1000)
        lone.append(each * 1000)
        rate, each = at_once(together)
        rates.append(rate)
        crowded.append(each * 1000)
    return [
        Row(
            f"one-row files, {A_SECOND} a second: rename → request on the wire, p50",
            "under 10 ms",
            middle,
            10,
            is_most=True,
            unit=" ms",
            digits=1,
            figures={"CPU of a file, ms": lone},
        ),
        Row("the same, p99", "under 40 ms", high, 40, is_most=True, unit=" ms", digits=1),
        Row(f"{together:,} one-row files at once: files/s", "500", rates, 500, digits=0),
        Row(
            "the same: CPU of a file",
            "under 1.5 ms",
            crowded,
            1.5,
            is_most=True,
            unit=" ms",
        ),
    ]


def steady(seconds: float) -> tuple[list[float], float]:
    """Return how long each file took to the wire, sorted, and the CPU of one; in seconds."""
    files = round(A_SECOND * seconds)
    with _daemon() as (running, receiving):
        texts = [rows_of(1, number) for number in range(files)]
        before, renamed = cpu.seconds(running.pid), {}
        for number in at_rate(files, A_SECOND):
            renamed[str(number)] = time.time()
            running.drop(f"{number:06}.ndjson", texts[number])
        until(lambda: settled(running.database) == files, "all delivered")
        each = (cpu.seconds(running.pid) - before) / files
        running.stop()
        receiving.stop()
        with closing(sqlite3.connect(running.database)) as connection:
            records = dict(connection.execute("SELECT id, record_id FROM deliveries"))
    return sorted(one.at - renamed[records[one.id]] for one in receiving.arrivals), each


def at_once(count: int) -> tuple[float, float]:
    """Return files a second, of many that are there together, and the CPU seconds of one."""
    with _daemon() as (running, _):
        for number in range(count):
            (running.folder / "crm" / "tmp" / f"{number:06}.ndjson").write_text(rows_of(1, number))
        before, started = cpu.seconds(running.pid), time.perf_counter()
        for path in sorted((running.folder / "crm" / "tmp").iterdir()):
            path.rename(running.folder / "crm" / "new" / path.name)
        until(lambda: settled(running.database) == count, "all delivered", every=0.05)
        seconds = time.perf_counter() - started
        each = (cpu.seconds(running.pid) - before) / count
    return count / seconds, each


@contextmanager
def _daemon() -> Iterator[tuple[DaemonProcess, ReceiverProcess]]:
    """Lend a daemon with one webhook, and its receiver."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver(is_noting=True) as receiving,
        daemon(Path(name)) as running,
    ):
        running.configure({"mirror": hook(receiving.url())})
        running.start()
        yield running, receiving
