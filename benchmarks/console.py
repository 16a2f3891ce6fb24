"""The console's pages beside a daemon with 100 webhooks and 1,000,000 deliveries.

    python -m benchmarks.console [--deliveries COUNT]

Each page is asked for thirty times, over the console's port: the time is that of the daemon and of
the rendering together. Budgets: 150 ms for the overview, any list and a delivery (95th percentile),
300 ms for the others; 60 KB of HTML; 120 MB of memory; 1.5 s to start.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import cpu
from benchmarks.asking import INSERT
from benchmarks.filled_daemon import Filling, start_filled
from benchmarks.processes import daemon
from tests.console.stage import ConsoleProcess
from tests.daemon import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from benchmarks.processes import DaemonProcess

WEBHOOKS: Final = 100
DELIVERIES: Final = 1_000_000
WAITING: Final = 10_000
ASKED: Final = 30
PAGES: Final = {
    "/": 150,
    "/deliveries": 150,
    "/deliveries?state=failed": 150,
    "/deliveries?state=failed&webhook=webhook-0050": 150,
    "/deliveries?record_id=no-such": 150,
    "/deliveries?until=20d": 150,
    "/deliveries/d999999": 150,
    "/webhooks/webhook-0050": 300,
    "/inbox": 300,
    "/sources": 300,
    "/configuration": 300,
}
"""Milliseconds that each may take, at the 95th percentile."""


def main() -> None:
    """Measure, and print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=DELIVERIES)
    count = parser.parse_args().deliveries
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        daemon(Path(name)) as running,
    ):
        address = _prepared(running, Path(name), count)
        begun = time.perf_counter()
        console = ConsoleProcess(Path(name), address, command_line=INTERPRETER)
        spent = cpu.seconds(console.process.pid)
        print(f"start: {time.perf_counter() - begun:.2f} s (at most 1.5), {spent:.2f} s of CPU")
        try:
            with console.viewer() as client:
                for line in _measured(client, count, (console.process.pid, running.pid)):
                    print(line)
            print(f"memory: {resident_megabytes(console.process.pid):.0f} MB (at most 120)")
        finally:
            console.stop()


def _prepared(running: DaemonProcess, folder: Path, count: int) -> str:
    """Start a daemon with so many deliveries, and return where its admin API is."""
    start_filled(running, Filling(INSERT, WEBHOOKS, count, WAITING))
    (socket,) = folder.rglob("admin.sock")
    return f"unix:{socket}"


def _measured(client: httpx.Client, count: int, processes: tuple[int, int]) -> Iterator[str]:
    for path, most in PAGES.items():
        asked = path.replace("d999999", f"d{count - 1}")
        took, size = [], 0
        before = [cpu.seconds(one) for one in processes]
        for _ in range(ASKED):
            begun = time.perf_counter()
            answer = client.get(asked)
            took.append((time.perf_counter() - begun) * 1000)
            size = len(answer.content)
            if answer.is_error:
                raise SystemExit(f"{asked}: {answer.status_code} {answer.text[:300]}")
        spent = [
            (cpu.seconds(one) - first) * 1000 / ASKED
            for one, first in zip(processes, before, strict=True)
        ]
        late = statistics.quantiles(took, n=20)[-1]
        middle = statistics.median(took)
        yield (
            f"{asked}: {late:.0f} ms at the 95th percentile (at most {most}), {middle:.0f} in the"
            f" middle; CPU of the console {spent[0]:.0f} ms, of the daemon {spent[1]:.0f} ms;"
            f" {size / 1000:.1f} KB"
        )


def resident_megabytes(process: int) -> float:
    """Return the memory that a process holds; 0 where there is none."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+([0-9]+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
