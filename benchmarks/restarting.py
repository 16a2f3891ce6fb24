"""A start with a million deliveries due: how soon the first goes out, and in how much memory."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.filling import fill, make_lanes, settled
from benchmarks.processes import daemon, hook, receiver
from benchmarks.rows import Row

PENDING = 1_000_000
RUNS = 3
SECONDS = 10.0
"""How long it works on them in each run."""


def measure() -> list[Row]:
    """Fill a database, then start on it several times."""
    first, most, growth, rates = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        folder = Path(name)
        with receiver() as receiving, daemon(folder) as running:
            running.configure({"mirror": hook(receiving.url())})
            make_lanes(running)
        fill(running.database, "mirror", PENDING, due_in=0)
        for _ in range(RUNS):
            after, resident, rate = _start(folder)
            first.append(after)
            most.append(max(resident))
            half = len(resident) // 2
            growth.append(max(resident[half:]) - max(resident[:half]))
            rates.append(rate)
    return [
        Row(
            "restart with 1,000,000 pending: process started → first attempt",
            "within 2 s",
            first,
            2,
            is_most=True,
            unit=" s",
            figures={"deliveries/s then": rates},
        ),
        Row(
            "the same: resident memory",
            "under 200 MB",
            most,
            190.7,
            is_most=True,
            unit=" MiB",
            digits=0,
            figures={"second half above the first, MiB": growth},
        ),
    ]


def _start(folder: Path) -> tuple[float, list[float], float]:
    """Return after how many seconds the first request came, the memory then, and the rate."""
    with receiver(is_noting=True) as receiving, daemon(folder) as running:
        running.configure({"mirror": hook(receiving.url())})
        began = time.time()
        running.start()
        before, ready = settled(running.database), time.perf_counter()
        resident = []
        while time.perf_counter() - ready < SECONDS:
            # Ten looks a second: more would take from what is measured.
            time.sleep(0.1)
            resident.append(running.resident_mib())
        rate = (settled(running.database) - before) / (time.perf_counter() - ready)
        running.stop()
        receiving.stop()
    return receiving.arrivals[0].at - began, resident, rate
