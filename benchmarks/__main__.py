"""`make bench`: everything that is to be reached, each held against a baseline of the same run.

    python -m benchmarks [NAME …] [--into FOLDER] [--before COMMIT]
    python -m benchmarks --quick [--before COMMIT]

NAMEs: costs, delivering, latency, small-files, retrying, restarting, dead-webhook, long-file,
many-webhooks, moments, asking, admin-api, templates, comparing, tracing, crashing, postgresql,
fleet, and the curves backlog and webhooks; all, if none is named. `costs` is measured in turn
with the commit before, if one is named. `--quick` takes two minutes: what a delivery costs, plain
and over TLS, and small files, less often.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sqlite3
import sysconfig
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmarks import (
    admin_api,
    asking,
    comparing,
    costs,
    crashing,
    curves,
    dead_webhook,
    delivering,
    fleets,
    latency,
    long_file,
    many_webhooks,
    moments,
    on_postgresql,
    restarting,
    retrying,
    small_files,
    templates,
    tracing,
)
from benchmarks.rows import Row, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.curves import Curve

Found = TypeVar("Found")

RESULTS = Path(__file__).with_name("results")
ROWS: dict[str, Callable[[], list[Row]]] = {
    "costs": costs.measure,
    "delivering": delivering.measure,
    "latency": latency.measure,
    "small-files": small_files.measure,
    "retrying": retrying.measure,
    "restarting": restarting.measure,
    "dead-webhook": dead_webhook.measure,
    "long-file": long_file.measure,
    "many-webhooks": many_webhooks.measure,
    "moments": moments.measure,
    "asking": asking.measure,
    "admin-api": admin_api.measure,
    "templates": templates.measure,
    "comparing": comparing.measure,
    "tracing": tracing.measure,
    "crashing": crashing.measure,
    "postgresql": on_postgresql.measure,
    "fleet": fleets.measure,
}
CURVES: dict[str, Callable[[], Curve]] = {
    "backlog": curves.by_backlog,
    "webhooks": curves.by_webhooks,
}


def main() -> None:
    """Measure what was asked for, print it, and write it down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    names = [*ROWS, *CURVES]
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names)}; all, if none is named")
    parser.add_argument("--into", type=Path, default=RESULTS, help="folder for JSON and pictures")
    parser.add_argument("--before", metavar="COMMIT", help="what `costs` is compared with")
    parser.add_argument("--quick", action="store_true", help="the essential pairs, two minutes")
    arguments = parser.parse_args()
    measures = ROWS | {"costs": partial(costs.measure, arguments.before)}
    if arguments.quick:
        measures["costs"] = partial(costs.measure_quickly, arguments.before)
        measures["small-files"] = small_files.measure_quickly
    unknown = set(arguments.name) - set(names)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(names)}")
    arguments.into.mkdir(parents=True, exist_ok=True)
    wanted = arguments.name or (["costs", "small-files"] if arguments.quick else names)
    before, started = os.getloadavg()[0], time.perf_counter()
    rows = [row for name in wanted if name in ROWS for row in _measured(name, measures[name])]
    drawn = [_measured(name, CURVES[name]) for name in wanted if name in CURVES]
    minutes = (time.perf_counter() - started) / 60
    machine: dict[str, object] = {
        "python": platform.python_version(),
        "built": _built(),
        "sqlite": sqlite3.sqlite_version,
        "cores": os.cpu_count(),
        "load before": before,
        "load after": os.getloadavg()[0],
        "minutes": round(minutes, 1),
    }
    _print(rows, drawn, machine)
    _write(rows, drawn, machine, arguments.into)


def _built() -> str:
    """Return how this interpreter was built, as far as it says so: that costs or saves a lot.

    Distributions may optimise in other ways than by the words of `configure` (Debian does).
    """
    flags = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    signs = ("--enable-optimizations", "--with-lto", "--with-pydebug")
    named = [sign for sign in signs if sign in flags]
    words = " ".join(named) or "without --enable-optimizations"
    return f"{platform.python_compiler()} configured {words}"


def _measured(name: str, measure: Callable[[], Found]) -> Found:
    began = time.perf_counter()
    print(f"{name} …", end=" ", flush=True)
    found = measure()
    print(f"{time.perf_counter() - began:.0f} s", flush=True)
    return found


def _print(rows: list[Row], drawn: list[Curve], machine: dict[str, object]) -> None:
    print(f"\n{', '.join(f'{name} {value}' for name, value in machine.items())}\n")
    if rows:
        print(table(rows))
    for curve in drawn:
        print(f"\n{curve.title}\n\n{curve.table()}")


def _write(rows: list[Row], drawn: list[Curve], machine: dict[str, object], into: Path) -> None:
    content = {
        "machine": machine,
        "rows": [asdict(row) | {"median": row.median, "is_met": row.is_met} for row in rows],
        "curves": [asdict(curve) for curve in drawn],
    }
    (into / "results.json").write_text(json.dumps(content, indent=1) + "\n")
    if drawn and importlib.util.find_spec("matplotlib") is None:
        print("\nnothing is drawn: matplotlib is not installed (pip install --group bench)")
        return
    for curve in drawn:
        from benchmarks import plots  # noqa: PLC0415 - an optional library's

        plots.draw(curve, into / f"{curve.name}.png")
    print(f"\nwritten to {into}")


if __name__ == "__main__":
    main()
