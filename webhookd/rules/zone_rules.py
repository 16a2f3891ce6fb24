"""The rules of a time zone in some years, as a text that changes when they do.

Governments change them with some weeks' notice. What was reckoned by older rules is an hour off, so
it is reckoned anew when the text differs.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

YEARS: Final = 3
"""Years that rules are looked at: those after them belong to another text, next year's."""

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


@lru_cache(maxsize=1000)
def fingerprint(zone: ZoneInfo, year: int) -> str:
    """Return a short text of the offsets of *zone* from *year* on, and of when they change.

    Remembered: a zone keeps the rules that it was made with, and a reload asks for each webhook's
    while attempts wait for it.
    """
    told = ";".join(f"{at.isoformat()}={offset}" for at, offset in _offsets(zone, year))
    return f"{year}:{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _offsets(zone: ZoneInfo, year: int) -> Iterator[tuple[datetime, timedelta]]:
    """Yield the offset at the beginning of *year*, and each later one with when it begins."""
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + YEARS, 1, 1, tzinfo=UTC)
    offset = _offset(zone, at)
    yield at, offset
    while at < end:
        # No zone changes its offset and back within a day.
        if (then := _offset(zone, at + _DAY)) != offset:
            yield _change(zone, at, offset), then
            offset = then
        at += _DAY


def _change(zone: ZoneInfo, at: datetime, offset: timedelta) -> datetime:
    """Return the second at which the *offset* of *at* ends, within the day behind it."""
    low, high = at, at + _DAY
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high.replace(microsecond=0)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
