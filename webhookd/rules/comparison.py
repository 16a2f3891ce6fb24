"""How two values compare: as numbers, as instants, or else as text.

Two values in JSON's number grammar (RFC 8259) compare as numbers, exactly; two ISO 8601 dates or
times in the extended calendar form (`2026-03-01`, `2026-03-01T08:30:00.5+01:00`) as instants,
in UTC where no zone stands; blanks around either do not matter. Two others compare by their
characters. A source may say that its texts write numbers and dates in other ways (`ValueReading`).
What is no number has no order beside a number, and what is no instant none beside
one: `n/a` is neither less nor greater than 1000.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from webhookd.definitions import PLAIN
from webhookd.rules.written_values import instant, json_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.definitions import ValueReading

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

    def compare(self, value: str, reading: ValueReading = PLAIN) -> int | None:
        """Return -1, 0 or 1: whether *value* is less than, equal to or greater than this.

        None says that it is not of this one's kind.
        """
        if self.number is not None:
            number = number_of(value, reading)
            return None if number is None else (number > self.number) - (number < self.number)
        if self.moment is not None:
            moment = moment_of(value, reading)
            return None if moment is None else (moment > self.moment) - (moment < self.moment)
        return (value > self.text) - (value < self.text)


def operand(text: str, reading: ValueReading = PLAIN) -> Operand:
    """Return the configured value *text*, taken apart.

    It is written as everywhere, or else as the source writes it, whose *reading* it is.
    """
    number, moment = number_of(text), moment_of(text, reading)
    if number is not None:
        return Operand(text, number, None)
    return Operand(text, number_of(text, reading) if moment is None else None, moment)


def compare_values(
    value: str, other: str, reading: ValueReading, other_reading: ValueReading
) -> int | None:
    """Return -1, 0 or 1: whether *value* is less than, equal to or greater than *other*.

    Both are of a record, read as their readings say. None says that one is a number or a date and
    the other is not.
    """
    numbers = number_of(value, reading), number_of(other, other_reading)
    if numbers[0] is not None and numbers[1] is not None:
        return (numbers[0] > numbers[1]) - (numbers[0] < numbers[1])
    moments = moment_of(value, reading), moment_of(other, other_reading)
    if moments[0] is not None and moments[1] is not None:
        return (moments[0] > moments[1]) - (moments[0] < moments[1])
    if any(one is not None for one in (*numbers, *moments)):
        return None
    return (value > other) - (value < other)


def kind_of(text: str, reading: ValueReading = PLAIN) -> Kind:
    """Return what *text* is compared as."""
    if number_of(text, reading) is not None:
        return "number"
    return "text" if moment_of(text, reading) is None else "date"


class Equals:
    """Asks whether a value equals one of the configured values *texts*, as *reading* says."""

    def __init__(self, texts: Iterable[str], reading: ValueReading = PLAIN) -> None:
        wanted = [operand(text, reading) for text in texts]
        self._numbers = frozenset(one.number for one in wanted if one.kind == "number")
        self._moments = frozenset(one.moment for one in wanted if one.kind == "date")
        self.texts = frozenset(one.text for one in wanted if one.kind == "text")
        self.is_of_texts = not (self._numbers or self._moments)
        """Whether only *texts* are wanted: nothing else is equal to one of them."""

    def is_met(self, value: str, reading: ValueReading = PLAIN) -> bool:
        """Return whether *value* is one of them; what has another *reading* than text says so."""
        return (
            value in self.texts
            or (bool(self._numbers) and number_of(value, reading) in self._numbers)
            or (bool(self._moments) and moment_of(value, reading) in self._moments)
        )


def number_of(text: str, reading: ValueReading = PLAIN) -> Decimal | None:
    """Return the number that *text* is in JSON's grammar or by *reading*, None if it is not one."""
    text = text.strip()
    if reading.grouping != "none":
        # Not beside JSON's grammar but in its place: 1.500 may be one and a half, or 1500.
        text = json_number(text, reading.grouping) or ""
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


def moment_of(text: str, reading: ValueReading = PLAIN) -> Moment | None:
    """Return the instant that *text* names by *reading* or in ISO 8601, None if it names none."""
    text = text.strip()
    if reading.dates and (found := instant(text, reading.dates)) is not None:
        return moment_at(found)
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


def moment_at(at: datetime) -> Moment:
    """Return the instant of *at*, in UTC where it has no zone."""
    time = at.hour * 3600 + at.minute * 60 + at.second
    offset = at.utcoffset() or timedelta()
    fraction = f"{at.microsecond:06}".rstrip("0")
    return Moment(at.toordinal() * _DAY + time - round(offset.total_seconds()), fraction)


def _seconds(hour: str | None, minute: str | None, second: str | None) -> int | None:
    """Return the time of day in seconds, None if no clock shows it."""
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours >= _HOURS or minutes >= _MINUTES or seconds >= _MINUTES:
        return None
    return hours * 3600 + minutes * 60 + seconds
