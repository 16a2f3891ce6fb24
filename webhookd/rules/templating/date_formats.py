"""Dates and times of records, written as a template says: a part of strftime, in any time zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from webhookd.definitions import PLAIN
from webhookd.model import text_of
from webhookd.rules.comparison import moment_of
from webhookd.rules.instants import iso
from webhookd.rules.written_values import is_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhookd.definitions import ValueReading
    from webhookd.model import JsonText

_DIRECTIVE: Final = re.compile("%(.?)", re.DOTALL)
_WRITERS: Final[Mapping[str, Callable[[datetime], str]]] = {
    # Python's own %Y writes the year 33 with two digits on some systems.
    "Y": lambda at: f"{at.year:04}",
    "m": lambda at: f"{at.month:02}",
    "d": lambda at: f"{at.day:02}",
    "H": lambda at: f"{at.hour:02}",
    "M": lambda at: f"{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "z": lambda at: at.strftime("%z"),
    "%": lambda _at: "%",
}
_MILLISECONDS: Final = re.compile("-?[0-9]{1,15}")
_FIRST_DAY: Final = datetime(1, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400


class _Read(NamedTuple):
    """A date or time that was read; a date alone lies in no time zone."""

    at: datetime
    is_date: bool


def flaw_of_format(form: str) -> str | None:
    """Return what is wrong with *form* as a format of dates, None if nothing is."""
    for found in _DIRECTIVE.finditer(form):
        if found[1] not in _WRITERS:
            known = ", ".join(f"%{letter}" for letter in _WRITERS)
            return f"{found[0]!r} is not known in a format of dates; there is {known}"
    return None if _DIRECTIVE.search(form) else f"{form!r} names no part of a date, as %Y does"


def flaw_of_zone(name: str) -> str | None:
    """Return what is wrong with *name* as that of a time zone, None if nothing is."""
    try:
        _zone(name)
    except (ValueError, OSError, LookupError):
        return f"there is no time zone {name!r}; write one like 'Europe/Warsaw' or 'UTC'"
    return None


def written(
    value: JsonText, form: str, zone: str, reading: ValueReading, *, is_instant: bool
) -> str | None:
    """Return the date or time *value* in *form* and in *zone*; None if it is none.

    A number of milliseconds since 1970 is a time; as a text only where the source says that the
    property is one (*is_instant*).
    """
    read = _read(value, reading, is_instant=is_instant)
    if read is None:
        return None
    try:
        at = read.at if read.is_date else read.at.astimezone(_zone(zone))
    except OverflowError:
        return None
    return _DIRECTIVE.sub(lambda found: _WRITERS[found[1]](at), form)


def _read(value: JsonText, reading: ValueReading, *, is_instant: bool) -> _Read | None:
    is_text = value.startswith('"')
    text = text_of(value).strip()
    if is_instant or (not is_text and _MILLISECONDS.fullmatch(value)):
        text = iso(text)
    read_by = reading if is_text else PLAIN
    moment = moment_of(text, read_by)
    if moment is None:
        return None
    fraction = int(moment.fraction[:6].ljust(6, "0"))
    try:
        at = _FIRST_DAY + timedelta(seconds=moment.seconds - _DAY, microseconds=fraction)
    except OverflowError:
        return None
    is_date = is_day(text, read_by.dates)
    return _Read(at, is_date="T" not in text if is_date is None else is_date)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
