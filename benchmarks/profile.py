"""Where a delivery's microseconds go: `python -m benchmarks.profile`.

The same file is delivered end to end by the daemon as it is, whose CPU the kernel counts, and
by one with a clock on every stage. What the clocks themselves take is measured and taken off.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks import stages
from benchmarks.delivering import drop_and_wait
from benchmarks.processes import DaemonProcess, daemon, hook, receiver, until

DELIVERIES = 20_000
RUNS = 3
THREADS = {"MainThread": "event loop", "writer": "writer"}
OTHERS = "pool"


@dataclass(frozen=True)
class Run:
    """One run: deliveries a second, and µs of CPU for each by thread and stage."""

    rate: float
    busy: dict[tuple[str, str], float]
    entered: dict[tuple[str, str], float]

    @property
    def total(self) -> float:
        """Return all the µs of a delivery."""
        return sum(self.busy.values())


def main() -> None:
    """Measure in turn, several times, and print the medians."""
    plain = [_plain() for _ in range(RUNS)]
    runs = [_profiled() for _ in range(RUNS)]
    kernel, loop = (statistics.median(each) for each in zip(*plain, strict=True))
    print(f"as it is: {kernel:.0f} µs of CPU each, {loop:.0f} of them on the event loop's thread")
    rate, total = (
        statistics.median(getattr(run, name) for run in runs) for name in ("rate", "total")
    )
    print(f"with clocks: {rate:,.0f} deliveries/s, {total:.0f} µs each without the clocks' own\n")
    print("| stage | thread | µs | entered, each |\n|---|---|---|---|")
    keys = {key for run in runs for key in run.busy}
    rows = [
        (
            statistics.median(run.busy.get(key, 0.0) for run in runs),
            statistics.median(run.entered.get(key, 0.0) for run in runs),
            key,
        )
        for key in keys
    ]
    for took, entered, (thread, stage) in sorted(rows, reverse=True):
        if took >= 0.05:  # noqa: PLR2004 - less is nothing
            print(f"| {stage} | {thread} | {took:.1f} | {entered:.2f} |")
    for thread in (*THREADS.values(), OTHERS):
        print(f"{thread}: {sum(took for took, _, key in rows if key[0] == thread):.0f} µs")


def _plain() -> tuple[float, float]:
    """Return the µs of CPU that a delivery takes, and those on the event loop's thread."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver() as receiving,
        daemon(Path(name)) as running,
    ):
        running.configure({"mirror": hook(receiving.url())})
        running.start()
        before = _cpu(running)
        drop_and_wait(running, DELIVERIES)
        after = _cpu(running)
    all_, loop = (later - earlier for earlier, later in zip(before, after, strict=True))
    return all_ / DELIVERIES * 1e6, loop / DELIVERIES * 1e6


def _cpu(running: DaemonProcess) -> tuple[float, float]:
    """Return the seconds of CPU that the process and its first thread had."""
    whole = Path(f"/proc/{running.pid}/stat")
    return _seconds(whole), _seconds(Path(f"/proc/{running.pid}/task/{running.pid}/stat"))


def _seconds(stat: Path) -> float:
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _profiled() -> Run:
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver() as receiving,
        daemon(
            Path(name), {"PROFILE_FILE": f"{name}/profile"}, "benchmarks.profiled_daemon"
        ) as running,
    ):
        running.configure({"mirror": hook(receiving.url())})
        running.start()
        before = _snapshot(running)
        seconds = drop_and_wait(running, DELIVERIES)
        after = _snapshot(running)
    return _run(before, after, DELIVERIES / seconds)


def _snapshot(running: DaemonProcess) -> dict[str, dict[str, list[int]]]:
    file = running.folder / "profile"
    file.unlink(missing_ok=True)
    running.signal(signal.SIGUSR1)
    until(lambda: file.exists() and file.read_text().endswith("}"), "the profile")
    found: dict[str, dict[str, list[int]]] = json.loads(file.read_text())
    return found


def _run(
    before: dict[str, dict[str, list[int]]], after: dict[str, dict[str, list[int]]], rate: float
) -> Run:
    busy, entered = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    cost = _cost()
    for thread, found in after.items():
        for stage, (nanoseconds, times) in found.items():
            earlier, times_before = before.get(thread, {}).get(stage, (0, 0))
            key = (THREADS.get(thread, OTHERS), stage)
            count = (times - times_before) / DELIVERIES
            busy[key] += (nanoseconds - earlier) / DELIVERIES / 1000 - count * cost
            entered[key] += count
    return Run(rate, dict(busy), dict(entered))


def _cost() -> float:
    """Return the µs that a stage's own clock takes of it, and of the one around it."""
    timed = stages._function(lambda: None, "nothing")  # noqa: SLF001 - its own cost
    began = time.thread_time_ns()
    for _ in range(DELIVERIES):
        timed()
    return (time.thread_time_ns() - began) / DELIVERIES / 1000


if __name__ == "__main__":
    main()
