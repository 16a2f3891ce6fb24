"""One, two and four daemons on one PostgreSQL against one daemon on SQLite: deliveries a second.

All stand on this machine, as do the server (with its defaults: `fsync` and `synchronous_commit`
on) and the receiver. Where they need more cores than there are, more daemons cannot bring more:
what each of them took is part of the figures. With a receiver that takes its time, and few
attempts in flight at each daemon, cores do not matter: that shows whether daemons share at all.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from benchmarks import cpu, filling
from benchmarks.delivering import DELIVERIES, RUNS, rows_of
from benchmarks.on_postgresql import SETTLED, durable_server
from benchmarks.processes import DaemonProcess, daemon, hook, receiver, until
from benchmarks.rows import Row, ratios
from benchmarks.transport import IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.processes import ReceiverProcess
    from tests.postgresql import Server

WEBHOOKS = 8
FLEETS = (1, 2, 4)
CORES = os.cpu_count() or 1
CORES_FOR_TWO = 4
"""Two daemons, a server and a receiver: with fewer cores they stand in each other's way."""


@dataclass(frozen=True)
class Shape:
    """A load: so many *deliveries* of so many *webhooks*, whose receiver answers at a *path*."""

    name: str
    webhooks: int
    deliveries: int = DELIVERIES
    path: str = "hook"
    max_in_flight: int = 1000


MANY = Shape("8 webhooks", WEBHOOKS)
HOT = Shape("1 hot webhook", 1)
PATIENT = Shape(
    "8 webhooks, answers after 50 ms, 16 in flight a daemon", WEBHOOKS, 4_000, "after-50", 16
)


@dataclass(frozen=True)
class Run:
    """Deliveries a second, and of how many cores daemons, server and receiver had the use."""

    rate: float
    cores: dict[str, float]


def measure() -> list[Row]:
    """Measure each load on each fleet in turn, several times."""
    with durable_server() as server:
        return [
            *_rows(MANY, _measured(MANY, server), is_bound_by_cores=True),
            *_rows(HOT, _measured(HOT, server), is_bound_by_cores=True),
            *_rows(PATIENT, _measured(PATIENT, server), is_bound_by_cores=False),
        ]


def _measured(shape: Shape, server: Server) -> dict[int, list[Run]]:
    """Return the runs by the number of daemons on PostgreSQL, 0 for one on SQLite."""
    runs: dict[int, list[Run]] = {count: [] for count in (0, *FLEETS)}
    for _ in range(RUNS):
        for count, each in runs.items():
            each.append(_on_postgresql(shape, server, count) if count else _on_sqlite(shape))
    return runs


def _rows(shape: Shape, runs: dict[int, list[Run]], *, is_bound_by_cores: bool) -> list[Row]:
    is_held = CORES >= CORES_FOR_TWO or not is_bound_by_cores
    return [
        _row(f"{shape.name}: 1 daemon on PostgreSQL, to 1 on SQLite", runs, 1, 0, 1 / 2),
        _row(f"{shape.name}: 2 daemons, to 1", runs, 2, 1, 1.5 if is_held else None),
        _row(f"{shape.name}: 4 daemons, to 1", runs, 4, 1, None),
    ]


def _row(what: str, runs: dict[int, list[Run]], this: int, that: int, target: float | None) -> Row:
    """Return a row; without a *target* it says what was measured, and holds it to nothing."""
    figures = {}
    for count in (this, that):
        named = f"{count} on PostgreSQL" if count else "SQLite"
        figures[f"{named}/s"] = _rates(runs[count])
        # Of the fleet before, its own row tells what it took.
        for who in runs[count][0].cores if count in {this, 0} else ():
            taken = [100 * run.cores[who] for run in runs[count]]
            figures[f"{named}: {who}, % of a core"] = taken
    return Row(
        what,
        "" if target is None else f"{target:g}",
        ratios(_rates(runs[this]), _rates(runs[that])),
        target,
        figures=figures,
    )


def _rates(runs: Iterable[Run]) -> list[float]:
    return [run.rate for run in runs]


def _on_sqlite(shape: Shape) -> Run:
    with ExitStack() as stack:
        folder, receiving = _surroundings(stack)
        one = stack.enter_context(daemon(folder, _environment(shape)))
        _configure(one, shape, receiving)
        one.start()
        watched = {"daemons": [one.pid], "receiver": [receiving.pid]}
        return _run(one, shape, partial(filling.settled, one.database), watched)


def _on_postgresql(shape: Shape, server: Server, count: int) -> Run:
    """Return what so many daemons do on a new database of *server*."""
    url = server.url(server.empty())
    with ExitStack() as stack:
        folder, receiving = _surroundings(stack)
        environment = _environment(shape) | {"WEBHOOKD_DATABASE_URL": url}
        fleet = [
            stack.enter_context(daemon(folder / f"daemon-{number}", environment))
            for number in range(count)
        ]
        first = fleet[0]
        for one in fleet:
            one.folder.mkdir()
            # One configuration, and so one drop directory, that of the first.
            one.config = first.config
        _configure(first, shape, receiving)
        for one in fleet:
            one.start()
        looking = stack.enter_context(psycopg.connect(url, autocommit=True))
        pids = [one.pid for one in fleet]
        watched = {"daemons": pids, "PostgreSQL": [server.pid], "receiver": [receiving.pid]}
        return _run(first, shape, partial(_settled, looking), watched)


def _surroundings(stack: ExitStack) -> tuple[Path, ReceiverProcess]:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="webhookd-bench-"))
    return Path(folder), stack.enter_context(receiver())


def _environment(shape: Shape) -> dict[str, str]:
    return {"WEBHOOKD_MAX_IN_FLIGHT": str(shape.max_in_flight)}


def _configure(one: DaemonProcess, shape: Shape, receiving: ReceiverProcess) -> None:
    concurrency = IN_FLIGHT // shape.webhooks
    url = receiving.url(shape.path)
    one.configure(
        {f"hook-{number}": hook(url, concurrency=concurrency) for number in range(shape.webhooks)}
    )


def _settled(looking: psycopg.Connection) -> int:
    row = looking.execute(SETTLED).fetchone()
    return 0 if row is None else int(row[0])


def _run(
    dropping: DaemonProcess,
    shape: Shape,
    settled: Callable[[], int],
    watched: dict[str, Sequence[int]],
) -> Run:
    """Drop the load and wait until all is delivered; *watched* are processes by who they are."""

    def taken() -> dict[str, float]:
        return {who: sum(map(cpu.seconds, pids)) for who, pids in watched.items()}

    text = rows_of(shape.deliveries // shape.webhooks)
    before = taken()
    started = dropping.drop("1.ndjson", text)
    until(lambda: settled() >= shape.deliveries, "all delivered", every=0.05)
    took = time.perf_counter() - started
    after = taken()
    return Run(
        shape.deliveries / took,
        {who: (after[who] - before[who]) / took for who in watched},
    )
