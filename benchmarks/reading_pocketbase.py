"""The first read of a real PocketBase of 100,000 records: who is busy, it or the daemon.

`python -m benchmarks.reading_pocketbase [RECORDS]` prints rows a second and what each process took
of the processor meanwhile, by time and by comparison; then how many requests an idle poll is.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks import cpu
from benchmarks.processes import DaemonProcess, daemon, until
from tests import pocketbase

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS, LIMIT = 100_000, 1_000
LONGEST = 1_800.0
TIME = {
    "by": "time",
    "order": "modified",
    "query": {"filter": "updated >= '${since}'", "sort": "updated,id"},
    "ties": {"query": {"filter": "updated = '${since}' && id > '${after}'", "sort": "id"}},
}
STRATEGIES: dict[str, dict[str, Any]] = {
    "time": {"detect": TIME},
    "comparison": {"detect": {"by": "comparison"}, "query": {"skipTotal": True, "sort": "id"}},
}


def main() -> None:
    """Measure and print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        pocketbase.running(Path(name)) as base,
    ):
        base.create(records)
        print(f"{records:,} records, {LIMIT:,} a page")
        for strategy in STRATEGIES:
            with _reading(base, strategy) as running:
                _read(running, base.pid, strategy, records)


@contextmanager
def _reading(base: pocketbase.PocketBase, strategy: str) -> Iterator[DaemonProcess]:
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        daemon(Path(name), {"CRM_TOKEN": base.token}) as running,
    ):
        persons = {
            "path": "collections/persons/records",
            "records": "items",
            "query": {"skipTotal": True},
            "paging": {
                "by": "page",
                "limit": LIMIT,
                "query": {"page": "${page}", "perPage": "${limit}"},
            },
            "modified": "updated",
            "created": "created",
            **STRATEGIES[strategy],
        }
        source = {
            "type": "rest",
            "base_url": f"{base.url}/api",
            "authentication": {"type": "bearer", "token": {"env": "CRM_TOKEN"}, "prefix": ""},
            "poll_every": "5s",
            "requests_per_second": 1000,
            "objects": {"persons": persons},
        }
        running.config.write_text(
            yaml.safe_dump(
                {
                    "version": 1,
                    "egress": {"allow": ["127.0.0.0/8"]},
                    "sources": {"crm": source},
                    "webhooks": {},
                }
            )
        )
        yield running


def _read(running: DaemonProcess, api: int, strategy: str, records: int) -> None:
    asked = cpu.seconds(api)
    running.start("--log-level", "debug")
    started = cpu.seconds(running.pid)
    until(lambda: len(_polls(running)) > 0, "the first read", LONGEST, every=0.1)
    own, its = cpu.seconds(running.pid) - started, cpu.seconds(api) - asked
    until(lambda: len(_polls(running)) > 1, "an idle poll", LONGEST, every=0.1)
    first, idle = _polls(running)[:2]
    requests = sum(idle["requests"].values()) - sum(first["requests"].values())
    print(
        f"{strategy}: {first['read']:,} rows in {first['seconds']:.1f} s,"
        f" {records / first['seconds']:,.0f} rows/s; PocketBase took {its:.1f} s of the processor,"
        f" the daemon {own:.1f} s ({own / records * 1e6:.0f} µs a row); the next poll made"
        f" {requests} requests and read {idle['read']:,}"
    )


def _polls(running: DaemonProcess) -> list[dict[str, Any]]:
    lines = (running.folder / "log").read_bytes().splitlines()
    return [json.loads(line) for line in lines if b'"source.polled"' in line]


if __name__ == "__main__":
    main()
