"""Timers by a clock of their own, through a year: `year_process DATABASE NOW RECORDS HOURS SERIAL`.

Each time is said on standard output before anything is done at it, so that whoever kills this
process knows from when on another one goes on.
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.timing import Timing, due_by
from webhookd.definitions import At

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.definitions import Webhook

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
RELOAD = datetime(2026, 7, 1, 12, tzinfo=UTC)
"""Until then the first rules hold, and a second later the others."""

END = START + timedelta(days=365)
LATE = timedelta(days=5)
"""Longer than a step of the clock, and what it goes on by while nothing runs."""

AT_ONCE = 1000

# Both ways of changing clocks, and half an hour; each night has a time that is skipped, or twice.
RULES = {
    "warsaw": ("Europe/Warsaw", (0, time(2, 30)), (-3, time(2, 30))),
    "new-york": ("America/New_York", (1, time(2, 30)), (-3, time(1, 30))),
    "lord-howe": ("Australia/Lord_Howe", (-10, time(2, 15)), (2, time(1, 45))),
}
"""By webhook its zone, and days and time by the first and by the second rule."""


def days_of(records: int) -> dict[str, date]:
    """Return the date of each record: any day of the year."""
    chance = random.Random(records)
    return {f"{n}": (START + timedelta(days=chance.randrange(365))).date() for n in range(records)}


def _webhooks(now: datetime) -> Iterator[Webhook]:
    """Yield the webhooks in force *now*."""
    for name, (zone, before, after) in RULES.items():
        days, at = after if now > RELOAD else before
        yield due_by(At("renewal_date", days, at, ZoneInfo(zone), late=LATE), name)


def _following(now: datetime, step: timedelta) -> datetime:
    if now == RELOAD:
        return now + timedelta(seconds=1)
    return min(now + step, RELOAD if now < RELOAD else END)


def _say(now: datetime) -> None:
    sys.stdout.write(f"{now.isoformat()}\n")
    sys.stdout.flush()


async def _live(url: str, now: datetime, records: int, step: timedelta) -> None:
    _say(now)
    async with Timing(url, *_webhooks(now), now=now) as daemon:
        if await daemon.rows("SELECT count(*) FROM known_records") != [(records,)]:
            rows = [(id_, {"renewal_date": f'"{day}"'}) for id_, day in days_of(records).items()]
            for place in range(0, records, AT_ONCE):
                await daemon.take(*rows[place : place + AT_ONCE], as_known=True)
        await daemon.settle()
        while daemon.now < END:
            before, daemon.now = daemon.now, _following(daemon.now, step)
            _say(daemon.now)
            if before <= RELOAD < daemon.now:
                await daemon.reload(*_webhooks(daemon.now))
            await daemon.settle()
            daemon.offered.clear()


def main() -> None:
    """Go on until the year is over, or somebody kills this."""
    url, now, records, hours, serial = sys.argv[1:]
    # No id of a process before comes again.
    Timing._serials = count(1 + (int(serial) << 64))
    asyncio.run(_live(url, datetime.fromisoformat(now), int(records), timedelta(hours=int(hours))))


if __name__ == "__main__":
    main()
