"""Times as an API writes them: read from its records, and written as its records have them.

Times are whole microseconds since 1970. What an API is asked for is written in the form of its own
records, rounded down to what that form can say, so that nothing is asked for too late.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
LATEST: Final = 253_402_300_799 * SECOND
"""The last second that a calendar has."""

_FIRST_MILLISECONDS, _FIRST_MICROSECONDS = 10**11, 10**14
"""Numbers from which on they are milliseconds, and microseconds: as seconds they are far off."""

_LONG_ENOUGH: Final = len("2000-01-01T00Z")

_NUMBER: Final = re.compile(r"-?[0-9]{1,17}(?:\.[0-9]{1,9})?")
_TEXT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:(?P<mark>[Tt ])[0-9]{2}:[0-9]{2}(?P<seconds>:[0-9]{2})?"
    r"(?:(?P<point>[.,])(?P<digits>[0-9]+))?"
    r"(?P<zone>\s?(?:[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)


@dataclass(frozen=True, slots=True)
class TimeForm:
    """How an API writes times. *unit* is the least, in microseconds, by which two differ.

    *sample* is a text that is written so, or the name of a form: `epoch_s`, `epoch_ms`,
    `http_date`. *zone* is that of times that carry none.
    """

    sample: str
    unit: int
    zone: tzinfo = UTC

    def floor(self, at: int) -> int:
        """Return the latest time that can be written and is not after *at*."""
        return moment(self._floored(at))

    def written(self, at: int) -> str | int:
        """Return *at*, rounded down, as the API writes it."""
        floored = self._floored(at)
        match self.sample:
            case "epoch_s":
                return at // SECOND
            case "epoch_ms":
                return at // 1000
            case "http_date":
                return format_datetime(floored.astimezone(UTC), usegmt=True)
            case _:
                pass
        if _NUMBER.fullmatch(self.sample):
            return _number_like(self.sample, at)
        return _text_like(self.sample, floored)

    def _floored(self, at: int) -> datetime:
        """Return *at* in the zone that it is written in, cut to the unit."""
        there = _instant(at).astimezone(_zone_of(self.sample, self.zone))
        if self.unit >= DAY:
            return there.replace(hour=0, minute=0, second=0, microsecond=0)
        # Offsets of zones are whole minutes nowadays.
        return there - (moment(there) % self.unit) * MICROSECOND


_NAMED: Final = {
    "epoch_s": TimeForm("epoch_s", SECOND),
    "epoch_ms": TimeForm("epoch_ms", 1000),
    "http_date": TimeForm("http_date", SECOND),
    "rfc3339": TimeForm("2000-01-01T00:00:00Z", SECOND),
    "rfc3339_ms": TimeForm("2000-01-01T00:00:00.000Z", 1000),
}


def form_like(sample: str, zone: tzinfo = UTC) -> TimeForm:
    """Return the form that *sample* has, or is the name of; ValueError when it is neither.

    Names are `epoch_s`, `epoch_ms`, `rfc3339`, `rfc3339_ms`, `http_date` and `date`.
    """
    named = TimeForm("2000-01-01", DAY, zone) if sample == "date" else _NAMED.get(sample)
    if named is not None:
        return named
    if _NUMBER.fullmatch(sample):
        return TimeForm(sample, _unit_of_number(sample), zone)
    found = _TEXT.fullmatch(sample)
    if found is None:
        if _http_date(sample) is not None:
            return _NAMED["http_date"]
        raise ValueError(f"{sample!r:.60} is not written as a time")
    if found["mark"] is None:
        return TimeForm(sample, DAY, zone)
    if found["digits"]:
        return TimeForm(sample, 10 ** max(0, 6 - len(found["digits"])), zone)
    return TimeForm(sample, SECOND if found["seconds"] else 60 * SECOND, zone)


def read(value: object, zone: tzinfo = UTC) -> tuple[int, str]:
    """Return the time that a JSON value says, and its text; ValueError when it says none."""
    if isinstance(value, Decimal):
        return _of_number(str(value)), str(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.60} is not a time")  # noqa: TRY004 - a wrong value
    if len(value) >= _LONG_ENOUGH and value[4] == "-" and value[-1] == "Z":
        # How most are written, and most rows have two or three.
        try:
            return moment(datetime.fromisoformat(value)), value
        except ValueError:
            pass
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _of_number(text), text
    try:
        found = datetime.fromisoformat(_plain_zone(text))
        at = moment(found if found.tzinfo is not None else found.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        dated = _http_date(text)
        if dated is None:
            raise ValueError(f"{value!r:.60} is not a time") from None
        at = moment(dated)
    return at, text


def moment(at: datetime) -> int:
    """Return *at* as microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


def instant(at: int | None) -> datetime | None:
    """Return the time *at* microseconds after 1970; None stays None."""
    return None if at is None else _instant(at)


def _instant(at: int) -> datetime:
    if 0 <= at <= LATEST:
        return EPOCH + at * MICROSECOND
    return EPOCH + (0 if at < 0 else LATEST) * MICROSECOND


def _of_number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r:.60} is not a time")
    return int(Decimal(text) * _micros_in(text))


def _micros_in(text: str) -> int:
    """Return how many microseconds the unit of a number has, by its size."""
    size = abs(Decimal(text))
    if size >= _FIRST_MICROSECONDS:
        return 1
    return 1000 if size >= _FIRST_MILLISECONDS else SECOND


def _unit_of_number(text: str) -> int:
    digits = len(text.partition(".")[2])
    return max(1, int(_micros_in(text) // 10**digits))


def _number_like(sample: str, at: int) -> str | int:
    micros, digits = _micros_in(sample), len(sample.partition(".")[2])
    if not digits:
        return at // micros
    scaled = at * 10**digits // micros
    return f"{scaled // 10**digits}.{scaled % 10**digits:0{digits}}"


def _text_like(sample: str, at: datetime) -> str:
    found = _TEXT.fullmatch(sample)
    if found is None or found["mark"] is None:
        return at.strftime("%Y-%m-%d")
    text = at.strftime(f"%Y-%m-%d{found['mark']}%H:%M")
    if found["seconds"]:
        text += at.strftime(":%S")
    if found["digits"]:
        digits = f"{at.microsecond:06}".ljust(len(found["digits"]), "0")[: len(found["digits"])]
        text += found["point"] + digits
    return text + (found["zone"] or "")


def _zone_of(sample: str, zone: tzinfo) -> tzinfo:
    found = _TEXT.fullmatch(sample)
    written = "" if found is None or found["mark"] is None else (found["zone"] or "").strip()
    if found is not None and not written:
        return zone
    if not written or written[0] not in "+-":
        return UTC
    digits = written[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if written[0] == "-" else offset)


def _plain_zone(text: str) -> str:
    """Return *text* with a zone as ISO 8601 has it: none is named, no blank is before it."""
    named = re.fullmatch(r"(.*[0-9])\s?(?:UTC|GMT)", text)
    if named is not None:
        return f"{named[1]}+00:00"
    return re.sub(r"\s(?=[+-][0-9:]{2,6}$|[Zz]$)", "", text)


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)
