"""10,000 retries that are due in the same moment, and how long the event loop is ever blocked."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.delivering import end_to_end
from benchmarks.filling import fill, make_lanes, settled, settled_last
from benchmarks.processes import daemon, hook, receiver, until
from benchmarks.rows import Row, ratios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RETRIES = 10_000
RUNS = 3
DUE_IN = 4.0
"""The daemon is up by then."""

BLOCKED = 0.05
IDLE = """
import select, sys, time
late = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    expected = time.monotonic() + 0.005
    time.sleep(0.005)
    late += time.monotonic() - expected > float(sys.argv[1])
print(late)
"""


@dataclass(frozen=True)
class _Retried:
    """Retries a second; how often the loop was late, of so many looks; how often nobody was."""

    rate: float
    late: float
    ticks: float
    idle_late: float


def measure() -> list[Row]:
    """Measure the whole way and the retries in turn, several times."""
    whole, found = [], []
    for _ in range(RUNS):
        whole.append(end_to_end({}))
        found.append(_retry())
    retried = [one.rate for one in found]
    return [
        Row(
            "10,000 retries due at once, to the end-to-end rate",
            "1/2",
            ratios(retried, whole),
            0.5,
            figures={"retries/s": retried, "end to end/s": whole},
        ),
        Row(
            "meanwhile: times the event loop was blocked over 50 ms",
            "none",
            [one.late for one in found],
            0,
            is_most=True,
            digits=0,
            figures={
                "looks": [one.ticks for one in found],
                "an idle process beside, times": [one.idle_late for one in found],
            },
        ),
    ]


def _retry() -> _Retried:
    """Retry all, and look at the event loop meanwhile."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver() as receiving,
        daemon(Path(name), module="benchmarks.watched_daemon") as running,
    ):
        running.configure({"mirror": hook(receiving.url())})
        make_lanes(running)
        due_at = fill(running.database, "mirror", RETRIES, due_in=DUE_IN, attempts=1)
        running.start()
        before = running.metrics()
        with _idle() as idle:
            until(lambda: settled(running.database) == RETRIES, "all retried", every=0.05)
            after = running.metrics()
        late_then, ticks_then = _late(before)
        late, ticks = _late(after)
        rate = RETRIES / (settled_last(running.database) - due_at)
        return _Retried(rate, late - late_then, ticks - ticks_then, idle())


def _late(metrics: dict[str, float]) -> tuple[float, float]:
    """Return how often the event loop was late, of how many times it was looked at."""
    lag = "webhookd_event_loop_lag_seconds"
    ticks = metrics[f"{lag}_count"]
    return ticks - metrics[f'{lag}_bucket{{le="{BLOCKED:g}"}}'], ticks


@contextmanager
def _idle() -> Iterator[Callable[[], float]]:
    """Run a process that only sleeps; what is given says how often it was late, at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", IDLE, str(BLOCKED)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        said: list[str] = []
        yield lambda: float(said[0])
        said.append(process.communicate()[0])
