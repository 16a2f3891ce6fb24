"""HubSpot's time as its records tell it, and clocks that are wrong.

What was modified when is told by records, in HubSpot's own time. This machine's clock and the
`Date` of answers may be wrong, so how far a type of object was read follows from records alone:
HubSpot's time cannot be before what a record says, and passes as fast as a clock that never jumps.
Clocks only ever hold that back, since one record may say anything.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.telemetry.events import ClocksDiffer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from webhookd.clock import Clock

DIFFERENCE_TOLD: Final = timedelta(minutes=1)
TOLD_EVERY: Final = 3600.0
"""Seconds between two warnings about the clocks of one source."""

ABSURD_MS: Final = 2 * 86_400_000
"""A record that was modified so far in the future is wrong; a clock may be behind by less."""


def milliseconds(at: datetime) -> int:
    """Return a time as milliseconds since 1970."""
    return int(at.timestamp() * 1000)


class ClockWatch:
    """Compares the clocks that one source meets, and warns once an hour where they differ."""

    def __init__(self, source: str, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._quiet_until = 0.0
        self._date_ahead = timedelta()

    def earlier(self, date: datetime | None) -> datetime:
        """Return the earlier of this machine's time and *date*, an answer's, if it had one."""
        now = self._clock.now()
        if date is None:
            return now
        self._date_ahead = date - now
        self._compare(date, "the Date of HubSpot's answers", now)
        return min(date, now)

    def is_ahead(self, at: int) -> bool:
        """Return whether *at* is over a minute after what this machine and the latest Date say.

        Then one record is wrong, or both clocks: either way its time orders nothing.
        """
        later = self._clock.now() + max(self._date_ahead, timedelta()) + DIFFERENCE_TOLD
        return at > milliseconds(later)

    def latest(self, date: datetime | None) -> int:
        """Return the time in milliseconds beyond which a record's is absurd."""
        now = self._clock.now()
        return milliseconds(max(date or now, now)) + ABSURD_MS

    def saw(self, newest: int) -> None:
        """Warn where a record was modified after what this machine's clock says."""
        now = self._clock.now()
        ahead = timedelta(milliseconds=newest - milliseconds(now))
        if timedelta() < ahead < timedelta(milliseconds=ABSURD_MS):
            self._compare(now + ahead, "the newest record", now)

    def _compare(self, theirs: datetime, whose: str, now: datetime) -> None:
        monotonic = self._clock.monotonic()
        if abs(theirs - now) > DIFFERENCE_TOLD and monotonic >= self._quiet_until:
            self._quiet_until = monotonic + TOLD_EVERY
            ahead = (theirs - now).total_seconds()
            telemetry.report(ClocksDiffer(self._source, whose, ahead_seconds=round(ahead)))


class ApiTime:
    """The least that HubSpot's time can be, from the records of one type of object."""

    def __init__(self, clock: Clock, watch: ClockWatch) -> None:
        self._clock = clock
        self._watch = watch
        self._offset: float | None = None

    def saw(self, times: Iterable[int], date: datetime | None) -> list[int]:
        """Note that records modified at *times* were in an answer of now; return those not absurd.

        *date* is the answer's own time.
        """
        now, latest = self._clock.monotonic() * 1000, self._watch.latest(date)
        sane = [at for at in times if at <= latest]
        if sane:
            newest = max(sane)
            self._watch.saw(newest)
            offset = newest - now
            self._offset = offset if self._offset is None else max(self._offset, offset)
        return sane

    def at_least(self, then: float) -> int | None:
        """Return what HubSpot's time was at *then* (of the clock that never jumps), at least.

        None when no record was seen.
        """
        return None if self._offset is None else int(self._offset + then * 1000)
