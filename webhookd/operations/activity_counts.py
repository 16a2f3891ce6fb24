"""What attempts come to over time: counted in memory by minutes, written down by ten minutes.

Threads: attempts end on the event loop, and all else here runs there, too. What has to be read or
written is handed over as values.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from webhookd import telemetry
from webhookd.errors import StorageError
from webhookd.model import Delivered, GivenUp, Held
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.webhooks import activity
from webhookd.storage.webhooks.activity import BUCKET, Counts, Place
from webhookd.telemetry.events import DeliveryAttempted, StorageRefused
from webhookd.views.activity import ActivityView

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.model import Settlement
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer
    from webhookd.telemetry.events import Event

KEPT: Final = timedelta(hours=2)
"""How long minutes are told apart, in memory."""

MINUTE: Final = timedelta(minutes=1)
STEPS: Final = {60: MINUTE, 1440: BUCKET, 10_080: timedelta(hours=1)}
"""The lengths that may be asked for, in minutes, and the usual step of each."""

_MINUTE, _BUCKET = MINUTE // timedelta(microseconds=1), BUCKET // timedelta(microseconds=1)
_MINUTES_OF_A_BUCKET = BUCKET // MINUTE

_Row: TypeAlias = "list[int]"
"""What is being counted: as `Counts`, and changed in place, for attempts wait for it."""


class ActivityCounts:
    """Counts attempts from the first on. A part of the daemon: what is left is written at its end.

    Until it is written down, what was counted is here alone: a crash costs a minute of it.
    """

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._now = clock.now
        self._begun_at: datetime | None = None
        self._minutes: dict[int, dict[int, _Row]] = {}
        self._unwritten: dict[int, dict[int, _Row]] = {}
        # Of the minute that is being counted: when it begins and ends, and of each lane its row in
        # either of the two.
        self._since = self._until = from_micros(0)
        self._counting: dict[int, tuple[_Row, _Row]] = {}
        # Whoever reads what is written adds what is not: nothing may go from one to the other.
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._begun_at = self._now()
        self._stop = telemetry.reporter().listen(self._heard)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop()
        await self.write_down()

    def _heard(self, event: Event) -> None:
        if isinstance(event, DeliveryAttempted):
            self._count(event.settlement)

    def _count(self, settlement: Settlement) -> None:
        if not self._since <= settlement.ended_at < self._until:
            self._begin(settlement.ended_at)
        rows = self._counting.get(settlement.lane)
        if rows is None:
            rows = self._counting[settlement.lane] = self._rows_of(settlement.lane)
        match settlement.outcome:
            case Delivered():
                column = 0
            case GivenUp():
                column = 2
            case Held():
                column = 3
            case _:
                column = 1
        micros = round(settlement.attempt.seconds * 1_000_000)
        for row in rows:
            row[column] += 1
            row[4] += micros

    def _begin(self, at: datetime) -> None:
        """Count the minute of *at* from now on, and forget those that are too long ago."""
        minute = to_micros(at) // _MINUTE
        self._since = from_micros(minute * _MINUTE)
        self._until = self._since + MINUTE
        self._counting = {}
        for old in [one for one in self._minutes if one < minute - KEPT // MINUTE]:
            del self._minutes[old]

    def _rows_of(self, lane: int) -> tuple[_Row, _Row]:
        """Return a lane's row of the minute, and that of its bucket.

        Either may have been begun before: the clock may be set back.
        """
        minute = to_micros(self._since) // _MINUTE
        of_minute = self._minutes.setdefault(minute, {})
        of_bucket = self._unwritten.setdefault(minute // _MINUTES_OF_A_BUCKET, {})
        return of_minute.setdefault(lane, [0] * 5), of_bucket.setdefault(lane, [0] * 5)

    async def write_down(self) -> None:
        """Write what was counted since the last time; what is refused is written the next time."""
        async with self._lock:
            await self._write_down()

    async def _write_down(self) -> None:
        counted = dict(self._not_written())
        # Those that end meanwhile are counted into new ones.
        self._unwritten, self._counting = {bucket: {} for bucket in self._unwritten}, {}
        if not counted:
            return
        try:
            await self._writer.write(partial(activity.add, counted=counted))
        except StorageError as error:
            telemetry.report(StorageRefused("activity", len(counted), str(error)))
            for place, counts in counted.items():
                of_bucket = self._unwritten.setdefault(place.bucket // _BUCKET, {})
                row = of_bucket.setdefault(place.lane, [0] * 5)
                row[:] = (one + another for one, another in zip(row, counts, strict=True))
            return
        newest = max(self._unwritten, default=0)
        for old in [one for one, rows in self._unwritten.items() if one < newest and not rows]:
            del self._unwritten[old]

    def _not_written(self) -> Iterable[tuple[Place, Counts]]:
        for bucket, rows in self._unwritten.items():
            for lane, row in rows.items():
                yield Place(bucket * _BUCKET, lane), Counts(*row)

    async def tidy(self, before: datetime) -> None:
        """Make one old hour a row after the other, and delete what is older than *before*."""
        now = self._now()
        while await self._writer.write(partial(activity.merge, now=now)):
            pass
        await self._writer.write(partial(activity.retire, before=before))

    async def told(
        self, minutes: int, step: timedelta | None = None, webhook: str | None = None
    ) -> ActivityView:
        """Return what attempts came to in the last *minutes*, which are one of `STEPS`.

        Single minutes are told where this daemon counted all of them: alone, and for so long. Else
        the step is ten minutes at the least, whatever was asked for.
        """
        now, length = self._now(), timedelta(minutes=minutes)
        step = step or STEPS[minutes]
        if step < BUCKET and not self._has_minutes(now - length):
            step = BUCKET
        size = step // timedelta(microseconds=1)
        last = to_micros(now) // size * size
        first = last - (length // step - 1) * size
        if step < BUCKET:
            read: dict[Place, Counts] = {}
            own = list(self._of_minutes(first, size))
        else:
            since = from_micros(first)
            async with self._lock:
                read = await asyncio.to_thread(activity.read, self._database, since, step)
                left = tuple(self._not_written())
            own = [(Place(one.bucket // size * size, one.lane), counts) for one, counts in left]
        names = await asyncio.to_thread(activity.names, self._database)
        sums = activity.together(read.items(), own)
        found: dict[str, list[tuple[float, ...]]] = {}
        for place, counts in sorted(sums.items(), key=lambda item: item[0].bucket):
            name = names.get(place.lane)
            if name is None or place.bucket < first or (webhook is not None and name != webhook):
                continue
            *numbers, micros = counts
            row = ((place.bucket - first) // size, *numbers, round(micros / 1_000_000, 3))
            found.setdefault(name, []).append(row)
        rows = {name: tuple(of_webhook) for name, of_webhook in sorted(found.items())}
        return ActivityView(from_micros(first), round(step.total_seconds()), rows)

    def _has_minutes(self, since: datetime) -> bool:
        return not self._writer.is_shared and self._begun_at is not None and self._begun_at <= since

    def _of_minutes(self, first: int, size: int) -> Iterable[tuple[Place, Counts]]:
        for minute, rows in self._minutes.items():
            bucket = minute * _MINUTE // size * size
            if bucket >= first:
                for lane, row in rows.items():
                    yield Place(bucket, lane), Counts(*row)
