"""How two values compare: as numbers, as instants, or else as text.

Two values in JSON's number grammar (RFC 8259) compare as numbers, exactly; two ISO 8601 dates or
times in the extended calendar form (`2026-03-01`, `2026-03-01T08:30:00.5+01:00`) as instants,
in UTC where no zone stands; blanks around either do not matter. Two others compare by their
characters. What is no number has no order beside a number, and what is no instant none beside
one: `n/a` is neither less nor greater than 1000.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple, TypeAlias

_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(\.[0-9]+)?([eE]([+-]?)[0-9]+)?")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?)?"
    r"(?:Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?"
)
_FIRST_CHARACTERS = frozenset("-0123456789")
_HUGE, _TINY = Decimal("Infinity"), Decimal("1e-999999999999999999")
_HOURS, _MINUTES, _DAY = 24, 60, 86_400


class Moment(NamedTuple):
    """An instant, exactly: whole seconds in UTC, then the digits of the fraction."""

    seconds: int
    fraction: str


Comparable: TypeAlias = Decimal | Moment | str
Kind: TypeAlias = Literal["number", "date", "text"]


@dataclass(frozen=True, slots=True)
class Operand:
    """A configured value, taken apart once so that each record's value is compared quickly."""

    text: str
    number: Decimal | None
    moment: Moment | None

    @property
    def kind(self) -> Kind:
        """Return what a value must be to have an order beside this one."""
        if self.number is not None:
            return "number"
        return "text" if self.moment is None else "date"

    def compare(self, value: str) -> int | None:
        """Return -1, 0 or 1: whether *value* is less than, equal to or greater than this.

        None says that it is not of this one's kind.
        """
        if self.number is not None:
            number = number_of(value)
            return None if number is None else (number > self.number) - (number < self.number)
        if self.moment is not None:
            moment = moment_of(value)
            return None if moment is None else (moment > self.moment) - (moment < self.moment)
        return (value > self.text) - (value < self.text)


def operand(text: str) -> Operand:
    """Return the configured value *text*, taken apart."""
    return Operand(text, number_of(text), moment_of(text))


def comparable(text: str) -> Comparable:
    """Return what *text* is equal by: two values are equal when these are."""
    number = number_of(text)
    if number is not None:
        return number
    moment = moment_of(text)
    return text if moment is None else moment


def number_of(text: str) -> Decimal | None:
    """Return the number that *text* is in JSON's grammar, None if it is not one."""
    text = text.strip()
    if text[:1] not in _FIRST_CHARACTERS:
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return _beyond(match)


def _beyond(match: re.Match[str]) -> Decimal:
    """Return a stand-in for a number whose exponent passes what Decimal can hold (10^18)."""
    sign, whole, fraction, _, exponent_sign = match.groups()
    if not (whole + (fraction or "")).strip("0."):
        return Decimal(0)
    magnitude = _TINY if exponent_sign == "-" else _HUGE
    # The operator `-` would round to the context's exponents, to zero at that.
    return magnitude.copy_negate() if sign else magnitude


def moment_of(text: str) -> Moment | None:
    """Return the instant that *text* names in ISO 8601, None if it names none."""
    text = text.strip()
    if text[:1] not in _FIRST_CHARACTERS:
        return None
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    time = _seconds(hour, minute, second)
    zone = _seconds(zone_hour, zone_minute, None)
    if time is None or zone is None:
        return None
    try:
        days = date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        return None
    offset = -zone if sign == "-" else zone
    return Moment(days * _DAY + time - offset, (fraction or "").rstrip("0"))


def _seconds(hour: str | None, minute: str | None, second: str | None) -> int | None:
    """Return the time of day in seconds, None if no clock shows it."""
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours >= _HOURS or minutes >= _MINUTES or seconds >= _MINUTES:
        return None
    return hours * 3600 + minutes * 60 + seconds
