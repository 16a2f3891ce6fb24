"""A year of dates in three zones, by a clock of its own, in processes that are killed.

What came about is held against what `whenever`, which reckons zones by itself, says.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from whenever import Date, Time

from tests import forked
from tests.crash.account import Account
from tests.crash.stage import Report
from tests.crash.year_process import END, RELOAD, RULES, START, days_of

if TYPE_CHECKING:
    from datetime import time
    from pathlib import Path

LONGEST_SECONDS = 0.03
"""How long behind the beginning of a step the process is killed, at the most."""

AHEAD_HOURS = 12
"""How long nothing runs behind half of the kills, at the most: within what a moment may be late."""

Moment = tuple[str, str, datetime]
"""A webhook, a record, and when it is due."""


def lived_through(folder: Path, seed: int, *, records: int, kills: int, hours: int) -> Report:
    """Kill it (-9) so many times: each record is due once by each webhook, at its time.

    The clock goes on by so many *hours* at a time.
    """
    chance = random.Random(seed)
    steps = (END - START) // timedelta(hours=hours)
    # Some while it starts for the first time, which is when all is planned.
    until = sorted(
        [*chance.choices(range(1, 4), k=kills // 10), *chance.choices(range(steps), k=kills)]
    )
    now, taken, faults = START, 0, list[str]()
    for serial in range(len(until) + 1):
        kill_at = until[serial] if serial < len(until) else None
        now, lines, wrong = _live(folder, chance, now, (records, hours, serial), kill_at, taken)
        taken += lines
        if wrong:
            faults.append(wrong)
            break
        ahead = timedelta(minutes=chance.randrange(AHEAD_HOURS * 60))
        # Not before all is planned, nor over the reload: nothing counts before it is in force.
        may_go_on = now > START and not now <= RELOAD < now + ahead and now + ahead < END
        if may_go_on and chance.random() < 0.5:
            now += ahead
    return _report(folder, records, faults, {"kills": len(until), "records": records})


def _live(
    folder: Path,
    chance: random.Random,
    now: datetime,
    given: tuple[int, int, int],
    kill_at: int | None,
    taken: int,
) -> tuple[datetime, int, str]:
    """Have a process go on from *now*; return how far it came, in how many steps, and its fault."""
    records, hours, serial = (str(one) for one in given)
    reading, writing = os.pipe()
    process = forked.start(
        [f"sqlite:///{folder}/webhookd.db", now.isoformat(), records, hours, serial],
        folder=folder,
        environment=os.environ,
        module="tests.crash.year_process",
        stdout=writing,
    )
    os.close(writing)
    lines, is_killed = 0, False
    with os.fdopen(reading, encoding="utf-8") as said:
        for line in said:
            if line.endswith("\n"):
                now, lines = datetime.fromisoformat(line.strip()), lines + 1
            if kill_at is not None and taken + lines >= kill_at and not is_killed:
                threading.Event().wait(chance.uniform(0, LONGEST_SECONDS))
                process.kill()
                is_killed = True
    status = process.wait(forked.PATIENCE)
    assert process.stderr is not None
    with process.stderr as stream:
        told = stream.read()
    if status in {0, -9 if is_killed else 0}:
        return now, lines, ""
    return now, lines, f"a process ended with {status} at {now}: {told[-2000:]}"


def _expected(records: int) -> set[Moment]:
    """Return what should come about: by the first rules until the reload, then by the others."""
    found = set[Moment]()
    for webhook, (zone, *rules) in RULES.items():
        for record, day in days_of(records).items():
            before, after = (_moment(Date(day), zone, *rule) for rule in rules)
            found |= {(webhook, record, at) for at in (before,) if START <= at <= RELOAD}
            found |= {(webhook, record, at) for at in (after,) if RELOAD < at <= END}
    return found


def _moment(day: Date, zone: str, days: int, at: time) -> datetime:
    local = day.add(days=days).at(Time(at))
    return local.assume_tz(zone, disambiguation="compatible").to_instant().to_stdlib()


def _report(folder: Path, records: int, faults: list[str], facts: dict[str, int]) -> Report:
    lanes = "lanes ON lanes.number = deliveries.lane"
    query = f"SELECT webhook, record_id, body FROM deliveries JOIN {lanes}"  # noqa: S608 - constant
    with closing(sqlite3.connect(folder / "webhookd.db")) as connection:
        rows = connection.execute(query).fetchall()
    found = Counter(
        (webhook, record, datetime.fromisoformat(json.loads(body)["occurredAt"]))
        for webhook, record, body in rows
    )
    expected = _expected(records)
    accounts = [
        Account(
            webhook,
            changes=sum(one[0] == webhook for one in expected),
            requests=sum(number for one, number in found.items() if one[0] == webhook),
            lost=sum(one[0] == webhook for one in expected - found.keys()),
            twice=sum(number - 1 for one, number in found.items() if one[0] == webhook),
            out_of_order=0,
            repeated=0,
            may_be_repeated=0,
            unexplained=0,
        )
        for webhook in RULES
    ]
    faults += [fault for one in accounts for fault in one.faults]
    faults += [f"{one} should not have come" for one in sorted(found.keys() - expected)[:5]]
    return Report("a year of moments, kill -9", accounts, faults, facts)
