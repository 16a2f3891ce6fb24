"""A REST API of a million rows that is compared whole at every poll: how fast, in how much memory.

`python -m benchmarks.comparing [ROWS]` has the real daemon read a loopback API that answers with
bytes which are ready (`rows_process`), once to know all rows, and then again and again while
nothing changes. The baseline, in the same run: the same pages asked for one after the other and
parsed as JSON, with nothing compared or stored.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks import cpu
from benchmarks.processes import DaemonProcess, daemon, until
from benchmarks.rows import Row, table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS, LIMIT = 1_000_000, 1_000
POLLS = 3
"""Polls in which nothing changed."""

LONGEST = 1_800.0
API = Path(__file__).with_name("rows_process.py")


@dataclass(frozen=True, slots=True)
class _Compared:
    """What polls came to: rows a second of each, of the daemon's processor too, and its memory."""

    first: float
    rates: list[float]
    of_cpu: float
    resident: list[float]


def measure(rows: int = ROWS) -> list[Row]:
    """Compare without and with a note of what was met, which deletions by absence need."""
    with _api(rows) as port:
        bare = _parse(port, rows)
        found = {by: _compare(port, rows, by) for by in ("none", "absence")}
    made = []
    for by, one in found.items():
        what = f"{rows:,} rows of an API compared, nothing changed, deletions: {by}"
        figures = {
            "first read, rows/s": [one.first],
            "rows per second of its processor": [one.of_cpu],
            "only asked for and parsed, rows/s": [bare],
        }
        made.append(
            Row(what, "20,000 rows/s", one.rates, 20_000, digits=0, unit=" rows/s", figures=figures)
        )
        growth = max(one.resident) - one.resident[0]
        made.append(
            Row(
                "the same: memory, its most above that after the first poll",
                "flat (10 MiB)",
                [growth],
                10,
                is_most=True,
                digits=1,
                unit=" MiB",
                figures={"most, MiB": [max(one.resident)]},
            )
        )
    return made


@contextmanager
def _api(rows: int) -> Iterator[int]:
    serving = subprocess.Popen(
        [sys.executable, API, str(rows), str(LIMIT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout is not None  # noqa: S101 - asked for above
    try:
        yield int(serving.stdout.readline())
    finally:
        serving.communicate()


def _parse(port: int, rows: int) -> float:
    """Return rows a second, where nothing but asking and parsing is done."""
    started, read = time.perf_counter(), 0
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        while read < rows:
            connection.request("GET", f"/rows?page={read // LIMIT + 1}")
            read += len(json.loads(connection.getresponse().read())["data"])
    return rows / (time.perf_counter() - started)


def _compare(port: int, rows: int, deletions: str) -> _Compared:
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        daemon(Path(name)) as running,
    ):
        _configure(running, port, deletions)
        running.start("--log-level", "debug")
        until(lambda: len(_polls(running)) > 0, "the first read", LONGEST, every=0.5)
        spent, resident = cpu.seconds(running.pid), [running.resident_mib()]
        while len(polls := _polls(running)) <= POLLS:
            resident.append(running.resident_mib())
            # Five looks a second: more would take from what is measured.
            time.sleep(0.2)
        spent = cpu.seconds(running.pid) - spent
    first, *others = polls
    if any(one["read"] != rows or one["changes"] for one in polls):
        sys.exit(f"not all rows were read, or some had changed: {polls}")
    quiet = others[:POLLS]
    return _Compared(
        rows / first["seconds"],
        [rows / one["seconds"] for one in quiet],
        rows * len(others) / spent,
        resident,
    )


def _configure(running: DaemonProcess, port: int, deletions: str) -> None:
    people = {
        "path": "rows",
        "records": "data",
        "modified": "updated",
        "paging": {
            "by": "page",
            "limit": LIMIT,
            "query": {"page": "${page}", "limit": "${limit}"},
        },
        "deletions": {"by": deletions} | ({"every": "1m"} if deletions == "absence" else {}),
    }
    source = {
        "type": "rest",
        "base_url": f"http://127.0.0.1:{port}",
        "poll_every": "100ms",
        "requests_per_second": 1000,
        "objects": {"people": people},
    }
    hook = {
        "source": "crm",
        "object": "people",
        "request": {"url": "http://127.0.0.1:9/nobody", "allow_http": True},
    }
    running.config.write_text(
        yaml.safe_dump(
            {
                "version": 1,
                "egress": {"allow": ["127.0.0.0/8"]},
                "sources": {"crm": source},
                "webhooks": {"mirror": hook},
            }
        )
    )


def _polls(running: DaemonProcess) -> list[dict[str, Any]]:
    lines = (running.folder / "log").read_bytes().splitlines()
    return [json.loads(line) for line in lines if b'"source.polled"' in line]


def main() -> None:
    """Measure and print."""
    print(table(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)))


if __name__ == "__main__":
    main()
