"""A configuration of 1,000 webhooks: checked, and reloaded while deliveries go out."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.delivering import rows_of
from benchmarks.processes import SECRET, daemon, hook, receiver
from benchmarks.rows import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.processes import Arrival

WEBHOOKS = 1_000
RUNS = 3
ROWS = 60_000
"""More than can be sent while it reloads."""

SECONDS_BEFORE = 3.0


def measure() -> list[Row]:
    """Measure both, several times."""
    checked, started, paused, usual, reloaded = [], [], [], [], []
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        for _ in range(RUNS):
            started.append(_command("--version"))
            with daemon(Path(name)) as running:
                running.configure(_webhooks("30s"))
                checked.append(_command("check", "--config", str(running.config)))
    for _ in range(RUNS):
        pause, before, seconds = _reload()
        paused.append(pause)
        usual.append(before)
        reloaded.append(seconds)
    return [
        Row(
            "1,000 webhooks: `webhookd check`",
            "under 2 s",
            checked,
            2,
            is_most=True,
            unit=" s",
            figures={"`webhookd --version`, s": started},
        ),
        Row(
            "1,000 webhooks, all changed by a reload: the longest pause of deliveries",
            "at most 200 ms",
            paused,
            200,
            is_most=True,
            unit=" ms",
            digits=0,
            figures={"longest as long before, ms": usual, "the reload took, s": reloaded},
        ),
    ]


def _command(*arguments: str) -> float:
    """Return the seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "webhookd", *arguments],
        check=True,
        capture_output=True,
        env=SECRET,
    )
    return time.perf_counter() - began


def _webhooks(timeout: str) -> dict[str, dict[str, Any]]:
    common: dict[str, Any] = {
        "source": "other",
        "object": "orders",
        "delivery": {"timeout": timeout},
    }
    return {
        f"webhook-{number:04}": hook("http://127.0.0.1:1/hook", **common)
        for number in range(WEBHOOKS - 1)
    }


def _reload() -> tuple[float, float, float]:
    """Return the longest pause around a reload and before it in ms, and how long it took."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        receiver(is_noting=True) as receiving,
        daemon(Path(name), {"WEBHOOKD_LOG_SUCCESSES": "none"}) as running,
    ):
        busy = {"busy": hook(receiving.url())}
        running.configure(busy | _webhooks("30s"))
        running.start()
        running.drop("1.ndjson", rows_of(ROWS))
        # The rate before the reload, to compare with.
        time.sleep(SECONDS_BEFORE)
        busy["busy"]["delivery"] = {"concurrency": 64, "timeout": "20s"}
        running.configure(busy | _webhooks("20s"))
        began = time.time()
        running.signal(signal.SIGHUP)
        running.until_said("config.reloaded")
        ended = time.time() + 0.3
        # What comes right after belongs to it.
        time.sleep(0.5)
        running.stop()
        receiving.stop()
    took = ended - began
    return (
        _longest_pause(receiving.arrivals, began, ended),
        _longest_pause(receiving.arrivals, began - took, began),
        took - 0.3,
    )


def _longest_pause(arrivals: Sequence[Arrival], began: float, ended: float) -> float:
    times = [began, *(one.at for one in arrivals if began <= one.at <= ended), ended]
    return 1000 * max(later - earlier for earlier, later in pairwise(times))
