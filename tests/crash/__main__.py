"""`make crash`: every story at full length, what came of each, and 1 when something was wrong."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tests.crash import fleets, killing, producers, surroundings, timed, year

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.stage import Report

Story: TypeAlias = "Callable[[Path, int], Report]"


def main() -> int:
    """Tell the stories that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("story", nargs="*", help="all, if none is named")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60, help="of the story fleet")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    arguments = parser.parse_args()
    stories: dict[str, Story] = {
        "killed": lambda folder, seed: killing.killed(folder, seed, arguments.kills),
        "moments": lambda folder, seed: timed.killed(folder, seed, arguments.kills),
        "year": lambda folder, seed: year.lived_through(
            folder, seed, records=10_000, kills=arguments.kills, hours=6
        ),
        "stopped": lambda folder, seed: killing.stopped(folder, seed, 10),
        "frozen": lambda folder, seed: killing.frozen(folder, seed, 20),
        "given-up-on": killing.given_up_on,
        "receiver-gone": lambda folder, seed: surroundings.receiver_gone(folder, seed, 15),
        "database-locked": lambda folder, seed: surroundings.database_locked(folder, seed, 60),
        "disk-full": lambda folder, seed: surroundings.disk_full(folder, seed, 5),
        "clock-forward": lambda folder, seed: surroundings.clock_jumped(folder, seed, 1),
        "clock-back": lambda folder, seed: surroundings.clock_jumped(folder, seed, -1),
        "producers": lambda folder, seed: producers.written(folder, seed, 200, 40),
        "fleet": lambda folder, seed: fleets.killed(folder, seed, arguments.seconds),
        "fleet-server-killed": lambda folder, seed: fleets.server_killed(folder, seed, 20),
        "fleet-cut-off": lambda folder, seed: fleets.cut_off(folder, seed, 60),
        "fleet-partitioned": lambda folder, seed: fleets.partitioned(folder, seed, 10),
        "fleet-abandoned": fleets.abandoned,
        "fleet-frozen": lambda folder, seed: fleets.frozen(folder, seed, 10),
    }
    unknown = set(arguments.story) - set(stories)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(stories)}")
    wanted = arguments.story or list(stories)
    if "disk-full" in wanted and not surroundings.may_mount():
        print("disk-full is left out: only root may mount a small disk")
        wanted.remove("disk-full")
    print(f"seed {arguments.seed}")
    is_well = True
    for name in wanted:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="webhookd-crash-") as folder:
            report = stories[name](Path(folder), arguments.seed)
        show(report, time.monotonic() - started)
        is_well = is_well and not report.faults
    return 0 if is_well else 1


HEADS = ("changes", "requests", "lost", "twice", "disorder", "repeated", "at most")


def show(report: Report, seconds: float) -> None:
    """Print what came of a story."""
    facts = "".join(f", {name} {value}" for name, value in report.facts.items())
    print(f"\n{report.story}{facts} ({seconds:.0f} s)")
    print(f"{'':<10}" + "".join(f"{head:>10}" for head in HEADS))
    for one in report.accounts:
        figures = (
            *(one.changes, one.requests, one.lost, one.twice),
            *(one.out_of_order, one.repeated, one.may_be_repeated),
        )
        print(f"{one.webhook:<10}" + "".join(f"{figure:>10,}" for figure in figures))
    for fault in report.faults:
        print(f"WRONG: {fault}")


if __name__ == "__main__":
    sys.exit(main())
