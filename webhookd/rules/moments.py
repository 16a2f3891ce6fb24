"""When a property's date is due: the moments of a timer, pure.

A date (`2026-11-28`, or milliseconds that are a midnight in UTC) is the day as it is written,
whatever the zone; any other time is an instant. A moment is whole microseconds since 1970. A local
time that clocks skip is that much later, one that comes twice is the first: what `fold=0` means.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from webhookd.model import text_of
from webhookd.rules.comparison import moment_of
from webhookd.rules.time_forms import EPOCH, MICROSECOND, moment
from webhookd.rules.written_values import instant, is_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from webhookd.definitions import At, ValueReading
    from webhookd.model import JsonText

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}")
_LONG_NUMBER: Final = re.compile(r"-?[0-9]{9,15}")
"""A text of so many digits is milliseconds: a shorter one may be a day without its hyphens."""

_DAY_MILLISECONDS: Final = 86_400_000
_SECONDS_TO_1970: Final = EPOCH.toordinal() * 86_400
"""What a `Moment` of a comparison, which counts days as a calendar does, has before 1970."""

_HALF_A_DAY: Final = 43_200_000_000
"""Moments of two days are further apart than this; other rules of a zone move one by less."""

_KEPT: Final = 20_000
"""Values whose moments are remembered: records of one day have the same ones."""

_LEAP_DAY: Final = (2, 29)
_YEARS_AROUND: Final = 2

Made = TypeVar("Made")


def candidates(at: At, value: JsonText | None, now: int) -> tuple[int, ...]:
    """Return the moments that *value* leads to; none when it is absent or no date.

    At most two, in their order: of a yearly timer those that may still come at *now*.
    """
    if value is None:
        return ()
    if not at.yearly:
        only = _only(at, value)
        return () if only is None else (only,)
    day = _day(at, value)
    return () if day is None else tuple(_anniversaries(at, day, now))


def is_readable(at: At, value: JsonText) -> bool:
    """Return whether *value* is a date or time that *at* can be reckoned from."""
    written = _written(value, at.reading)
    return isinstance(written, datetime) or (written is not None and at.time is not None)


def chosen(wanted: Sequence[int], *, at: At, told: int | None, since: int, now: int) -> int | None:
    """Return the first of the moments *wanted* that is to come about, None when there is none.

    *told* is the last one that did: no moment comes about twice, nor one before it. It counts only
    up to *now*, for a clock may once have been wrong by years, but what passes for told (a person
    took it away) never comes about. Nor does the moment of a day that was told, which other rules
    of the zone moved: *since* is from when on the timer has its rule.
    """
    earliest, done = max(since, now - at.late // MICROSECOND), _done(at, told, since, now)
    for one in wanted:
        if one >= earliest and one != told and (done is None or one > done):
            return one
    return None


def is_missed(wanted: Sequence[int], *, at: At, told: int | None, since: int, now: int) -> bool:
    """Return whether a moment of *wanted* is past by more than it may be, and never came about."""
    earliest, done = now - at.late // MICROSECOND, _done(at, told, since, now)
    return any(since <= one < earliest and (done is None or one > done) for one in wanted)


def _done(at: At, told: int | None, since: int, now: int) -> int | None:
    """Return up to when moments of a record have come about, None when none has."""
    if told is None:
        return None
    if told > now:
        return now
    return told + _HALF_A_DAY if told >= since and at.time is not None else told


def rule_text(at: At) -> str:
    """Return all that the moments of *at* follow from, but the zone's rules, as JSON."""
    rule = {
        "property": at.property,
        "days": at.days,
        "time": None if at.time is None else at.time.isoformat(),
        "zone": None if at.zone is None else at.zone.key,
        "yearly": at.yearly,
        "offset": at.offset.total_seconds(),
        "dates": at.reading.dates,
    }
    return json.dumps(rule, separators=(",", ":"))


@lru_cache(maxsize=_KEPT)
def _only(at: At, value: JsonText) -> int | None:
    written = _written(value, at.reading)
    if at.time is None:
        if not isinstance(written, datetime):
            return None
        return _safely(lambda: moment(written + at.offset))
    day = _day(at, value)
    return None if day is None else _safely(lambda: _on(at, day))


@lru_cache(maxsize=_KEPT)
def _day(at: At, value: JsonText) -> date | None:
    """Return the day that *value* names: as it is written, or of its instant in the zone."""
    written = _written(value, at.reading)
    if not isinstance(written, datetime):
        return written
    return _safely(lambda: written.astimezone(at.zone).date())


def _on(at: At, day: date) -> int:
    """Return the moment that belongs to *day*."""
    if at.time is None:
        raise ValueError("a day has no moment without a time")
    local = datetime.combine(day + timedelta(days=at.days), at.time, tzinfo=at.zone)
    return moment(local.replace(fold=0))


def _anniversaries(at: At, day: date, now: int) -> Iterator[int]:
    """Yield the next two moments of *day* that are not past by more than the timer allows."""
    late = at.late // MICROSECOND
    earliest = now - late
    middle = (EPOCH + earliest * MICROSECOND - timedelta(days=at.days)).year
    found = 0
    for year in range(middle - 1, middle + _YEARS_AROUND + 1):
        one = _safely(lambda year=year: _on(at, _in_year(day, year)))  # type: ignore[misc]
        if one is not None and one >= earliest:
            yield one
            found += 1
        if found == _YEARS_AROUND:
            return


def _in_year(day: date, year: int) -> date:
    """Return *day* in *year*; 29 February is the 28th where there is none."""
    if (day.month, day.day) != _LEAP_DAY:
        return day.replace(year=year)
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


@lru_cache(maxsize=_KEPT)
def _written(value: JsonText, reading: ValueReading) -> date | datetime | None:
    """Return the day or the instant that *value* names, None when it names none."""
    if not value.startswith('"'):
        return _of_milliseconds(value) if _NUMBER.fullmatch(value) else None
    text = text_of(value).strip()
    if reading.dates and (is_of_day := is_day(text, reading.dates)) is not None:
        found = instant(text, reading.dates)
        return found.date() if found is not None and is_of_day else found
    if _DATE.fullmatch(text):
        return _safely(lambda: date.fromisoformat(text))
    if _LONG_NUMBER.fullmatch(text):
        return _of_milliseconds(text)
    named = moment_of(text)
    if named is None:
        return None
    micros = int(f"{named.fraction:0<6}"[:6])
    seconds = named.seconds - _SECONDS_TO_1970
    return _safely(lambda: EPOCH + timedelta(seconds=seconds, microseconds=micros))


def _of_milliseconds(text: str) -> date | datetime | None:
    at = _safely(lambda: EPOCH + timedelta(milliseconds=int(text)))
    if at is None:
        return None
    return at.date() if int(text) % _DAY_MILLISECONDS == 0 else at


def _safely(make: Callable[[], Made]) -> Made | None:
    """Return what *make* makes, None where no calendar has it: a day before year 1, say."""
    try:
        return make()
    except (ValueError, OverflowError):
        return None
