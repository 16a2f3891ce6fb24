"""Moments are those of Temporal, JavaScript's own reckoning with zones, in the polyfill of npm.

It needs node, and the package in a folder: `make temporal` installs and compares. By hand:
`npm install --prefix FOLDER @js-temporal/polyfill@0.5`, then
`WEBHOOKD_TEST_TEMPORAL=FOLDER/node_modules`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest

from webhookd.definitions import At
from webhookd.rules.moments import candidates

NODE = shutil.which("node")
MODULES = os.environ.get("WEBHOOKD_TEST_TEMPORAL", "")
SEED = int(os.environ.get("WEBHOOKD_TEST_SEED", "20260302"))
OF_EACH_KIND = 5_000
FEWEST_ZONES = 300
"""Zones that node must know for this to say anything."""

FIRST, LAST = date(2011, 1, 1), date(2037, 12, 31)
"""Node has data of zones of its own: what zones did long ago differs from release to release."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = sorted(available_timezones() - {"localtime", "Factory"})

pytestmark = pytest.mark.skipif(
    NODE is None or not (Path(MODULES) / "@js-temporal" / "polyfill").is_dir(),
    reason="NOT TRIED beside Temporal: needs node, and WEBHOOKD_TEST_TEMPORAL (see the module)",
)


def a_case(chance, kind):
    """Return a case as Temporal gets it."""
    day = FIRST + timedelta(days=chance.randrange((LAST - FIRST).days))
    at = datetime.combine(day, time(), UTC) + timedelta(
        microseconds=chance.randrange(86_400 * 10**6)
    )
    one = {"kind": kind, "value": day.isoformat(), "zone": chance.choice(ZONES)}
    one["days"] = chance.choice((0, -1, 1, -3, chance.randint(-3660, 3660)))
    # Hours of the night more often: it is then that clocks are changed.
    hour = chance.choice((0, 1, 2, 3, chance.randrange(24)))
    one["time"] = time(hour, chance.choice((0, 30, chance.randrange(60)))).isoformat()
    if kind in {"instant", "offset"}:
        one["value"] = at.isoformat().replace("+00:00", "Z")
    if kind == "offset":
        one["offset"] = chance.randint(-(10**15), 10**15)
    if kind == "yearly":
        one["value"] = chance.choice((day.isoformat(), f"{day.year // 4 * 4}-02-29"))
        one["year"] = chance.randint(FIRST.year + 11, LAST.year - 11)
    return one


def ours(one):
    """Return the moments that a timer makes of a case; two of a yearly one."""
    if one["kind"] == "offset":
        at = At("p", offset=timedelta(microseconds=one["offset"]))
    else:
        zone, hour = ZoneInfo(one["zone"]), time.fromisoformat(one["time"])
        at = At("p", days=one["days"], time=hour, zone=zone, yearly=one["kind"] == "yearly")
    now = 0
    if one["kind"] == "yearly":
        # From the year before on, so that the one that is asked for is the first or the second.
        begun = datetime(one["year"] - 1, 1, 5, tzinfo=UTC) + timedelta(days=one["days"])
        now = (begun - EPOCH) // timedelta(microseconds=1)
    return candidates(at, json.dumps(one["value"]), now)


def test_moments_are_those_of_temporal():
    chance = random.Random(SEED)
    kinds = ("date", "instant", "offset", "yearly")
    cases = [a_case(chance, kind) for kind in kinds for _ in range(OF_EACH_KIND)]
    asked = "".join(json.dumps(one) + "\n" for one in cases)
    script = Path(__file__).with_name("temporal.mjs")
    environment = {**os.environ, "TEMPORAL_MODULES": str(Path(MODULES).absolute())}
    done = subprocess.run(
        [str(NODE), str(script)],
        input=asked,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout)

    tried = [(one, at) for one, at in zip(cases, theirs, strict=True) if at is not None]
    others = [(one, ours(one), at) for one, at in tried if at not in ours(one)]

    assert len({one["zone"] for one, _ in tried}) >= FEWEST_ZONES
    told = Counter((one["kind"], one["zone"]) for one, _, _ in others)
    assert not others, f"seed {SEED}, {len(others)} of {len(tried)}: {told}; {others[:3]}"
