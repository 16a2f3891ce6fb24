"""kill -9 at random, a hundred times: the first story of `make crash`, as rows of the table."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from benchmarks.rows import Row
from tests.crash import killing

KILLS = 100


def measure() -> list[Row]:
    """Kill, and count."""
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        report = killing.killed(Path(name), secrets.randbits(32), KILLS)
    total = {
        name: float(sum(getattr(one, name) for one in report.accounts))
        for name in ("changes", "lost", "twice", "repeated", "may_be_repeated", "unexplained")
    }
    counted = {
        "changes, of each webhook": [total["changes"]],
        "repeated": [total["repeated"]],
        "in flight or unsettled": [total["may_be_repeated"]],
    }
    whats = {
        "lost": "lost",
        "twice": "ingested twice",
        "unexplained": "repeated beyond what was in flight or unsettled",
    }
    return [
        Row(
            f"kill -9 at random, {KILLS} times: {what}",
            "nothing",
            [total[name]],
            0,
            is_most=True,
            digits=0,
            figures=counted,
        )
        for name, what in whats.items()
    ]
