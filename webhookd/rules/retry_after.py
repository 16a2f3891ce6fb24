"""What a receiver asks for in `Retry-After` (RFC 9110, 10.2.3): a length, or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

LATEST = datetime.max.replace(tzinfo=UTC)

_MOST_DIGITS = 15
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# The three forms of RFC 9110, 5.6.7. The name of the day adds nothing, so it is not checked.
_DATES = (
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(
        rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"
    ),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)
_CENTURY, _FAR_FUTURE = 100, 50


def asked_for(
    retry_after: str | None, *, unit: Literal["seconds", "milliseconds"], now: datetime
) -> datetime | None:
    """Return the time before which the receiver wants no attempt; None if it named none.

    Whatever cannot be read, and every time that has passed, is as good as none; a length
    beyond the calendar is the calendar's end.
    """
    text = (retry_after or "").strip()
    is_length = text.isascii() and text.isdigit()
    asked = _after(text.lstrip("0"), unit, now) if is_length else _date(text, now)
    return asked if asked is not None and asked > now else None


def _after(digits: str, unit: Literal["seconds", "milliseconds"], now: datetime) -> datetime:
    # Counted first: Python refuses to convert numbers of thousands of digits.
    if len(digits) > _MOST_DIGITS:
        return LATEST
    try:
        return now + timedelta(**{unit: int(digits or "0")})
    except OverflowError:
        return LATEST


def _date(text: str, now: datetime) -> datetime | None:
    match = next((found for form in _DATES if (found := form.fullmatch(text))), None)
    if match is None:
        return None
    try:
        return datetime(
            _year(match["year"], now),
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            int(match["second"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None


def _year(digits: str, now: datetime) -> int:
    """Return the year; of two digits, the one that is at most fifty years ahead."""
    year = int(digits)
    if len(digits) > len("94"):
        return year
    year += now.year - now.year % _CENTURY
    return year - _CENTURY if year > now.year + _FAR_FUTURE else year
