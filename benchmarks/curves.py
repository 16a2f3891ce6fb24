"""Throughput against what waits, and against the number of webhooks, as curves.

Waiting: deliveries of the same webhook that are due tomorrow, while a file is delivered end to
end. Webhooks: as many deliveries in all, of fewer records the more webhooks hear of each.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.delivering import drop_and_wait
from benchmarks.filling import fill, make_lanes
from benchmarks.processes import daemon, hook, receiver

if TYPE_CHECKING:
    from benchmarks.processes import DaemonProcess

DELIVERIES = 10_000
RUNS = 3
BACKLOGS = (0, 1_000, 10_000, 100_000, 1_000_000)
WEBHOOKS = (1, 10, 100, 1_000)
TOMORROW = 24 * 3600.0


@dataclass(frozen=True)
class Curve:
    """Rates by what was varied: all runs of each point."""

    name: str
    title: str
    along: str
    points: dict[int, list[float]]

    def table(self) -> str:
        """Return the points as a table in Markdown."""
        medians = {at: statistics.median(rates) for at, rates in self.points.items()}
        first = next(iter(medians.values()))
        lines = [f"| {self.along} | deliveries/s | to the first |", "|---|---|---|"]
        lines += [f"| {at:,} | {rate:,.0f} | {rate / first:.2f} |" for at, rate in medians.items()]
        return "\n".join(lines)


def by_backlog() -> Curve:
    """Measure with ever more that waits."""
    points: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        folder, there, firsts = Path(name), 0, count(0, DELIVERIES)
        with receiver() as receiving, daemon(folder) as running:
            running.configure({"mirror": hook(receiving.url())})
            make_lanes(running)
            for backlog in BACKLOGS:
                fill(running.database, "mirror", backlog - there, due_in=TOMORROW, attempts=1)
                there = backlog
                points[backlog] = [_deliver(running, next(firsts)) for _ in range(RUNS)]
    return Curve("backlog", "End to end, while so many others wait", "waiting", points)


def _deliver(running: DaemonProcess, first: int) -> float:
    """Deliver a file of records from *first* on; return deliveries a second."""
    running.start()
    seconds = drop_and_wait(running, DELIVERIES, first=first)
    running.stop()
    return DELIVERIES / seconds


def by_webhooks() -> Curve:
    """Measure with ever more webhooks that hear of the same records."""
    points = {number: [_fan_out(number) for _ in range(RUNS)] for number in WEBHOOKS}
    title = f"{DELIVERIES:,} deliveries end to end, by so many webhooks"
    return Curve("webhooks", title, "webhooks", points)


def _fan_out(webhooks: int) -> float:
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver() as receiving,
        daemon(Path(name)) as running,
    ):
        running.configure(
            {f"webhook-{number}": hook(receiving.url()) for number in range(webhooks)}
        )
        running.start("--max-in-flight", "64")
        return DELIVERIES / drop_and_wait(running, DELIVERIES, rows=DELIVERIES // webhooks)
