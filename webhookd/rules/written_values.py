"""Numbers and dates as the files of a source write them, for conditions to compare.

`webhookd.rules.comparison` knows the forms of JSON and ISO 8601; these are the others, for which
a source says how to read them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from webhookd.definitions import Grouping

_GROUPING: Final = " \u00a0\u2007\u2009\u202f'\u2019"
"""Blanks and apostrophes, which group digits whatever the decimal mark is."""


def _numbers(sign: str, grouped: str, decimal: str) -> re.Pattern[str]:
    """Return the pattern of numbers whose whole part may be *grouped*, and the mark *decimal*."""
    return re.compile(
        rf"(?P<sign>{sign})(?P<whole>0|[1-9][0-9]*|[1-9][0-9]{{0,2}}{grouped})"
        rf"(?:{re.escape(decimal)}(?P<fraction>[0-9]+))?(?P<exponent>[eE][+-]?[0-9]+)?"
    )


def _by(marks: str) -> str:
    """Return the pattern of what follows the first digits, grouped by one of *marks*."""
    return rf"(?P<mark>[{marks}])[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*"


_NUMBERS: Final = {
    "point": _numbers("[+-]?", _by("," + _GROUPING), "."),
    "comma": _numbers("[+-]?", _by("." + _GROUPING), ","),
    # Two groups, or one and a decimal point: what stands behind the comma cannot be a fraction.
    "clear": _numbers("-?", r"(?:(?:,[0-9]{3}){2,}|,[0-9]{3}(?=\.))", "."),
}
_DIRECTIVE: Final = re.compile("%(-?.)", re.DOTALL)
_SHORT_FOR: Final = {
    "F": "%Y-%m-%d",
    "D": "%m/%d/%y",
    "T": "%H:%M:%S",
    "R": "%H:%M",
    "e": "%d",
    "h": "%b",
}
"""What strftime writes and Python's strptime does not read by itself."""

_OF_TIMES: Final = frozenset("HIpMSfzZXc")
"""What a time of day, or its zone, is read by."""

_EXAMPLE: Final = datetime(1987, 11, 29, 21, 43, 58, tzinfo=UTC)
_LONGEST_DATE: Final = 200
"""Characters; a longer text is no date, and is not searched for one."""


def json_number(text: str, grouping: Grouping) -> str | None:
    """Return the number that *text* is under *grouping* as JSON writes it, None if it is none."""
    match = None if grouping == "none" else _NUMBERS[grouping].fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent = match.group("sign", "whole", "fraction", "exponent")
    digits = re.sub("[^0-9]", "", whole)
    return f"{sign.strip('+')}{digits}{f'.{fraction}' if fraction else ''}{exponent or ''}"


def instant(text: str, dates: tuple[str, ...]) -> datetime | None:
    """Return the instant that *text* names in the first of *dates* that it matches."""
    found = _matched(text, dates)
    return None if found is None else found[0]


def is_day(text: str, dates: tuple[str, ...]) -> bool | None:
    """Return whether the first of *dates* that *text* matches names a day alone, and no time.

    None where it matches none.
    """
    found = _matched(text, dates)
    if found is None:
        return None
    return not any(letter in _OF_TIMES for letter in _DIRECTIVE.findall(found[1]))


def _matched(text: str, dates: tuple[str, ...]) -> tuple[datetime, str] | None:
    """Return the instant that *text* names, and the form that it matches, as Python reads it."""
    if len(text) > _LONGEST_DATE:
        return None
    for form in dates:
        read_by = _for_strptime(form)
        try:
            found = datetime.strptime(text, read_by)  # noqa: DTZ007 - see below
        except ValueError:
            continue
        # UTC where it says no zone.
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found), read_by
    return None


def flaw_of_date(form: str) -> str | None:
    """Return why *form* cannot be read as a date, None when it can."""
    read_by = _for_strptime(form)
    try:
        found = datetime.strptime(_EXAMPLE.strftime(read_by), read_by)  # noqa: DTZ007 - its day
    except re.error:
        return "it names one thing twice"
    except ValueError as error:
        unknown = re.match("'(.)' is a bad directive", str(error))
        return f"%{unknown[1]} cannot be read" if unknown else "what it writes cannot be read"
    if found.date() != _EXAMPLE.date():
        return "it does not name a day of a year, as %Y-%m-%d does"
    return None


@cache
def _for_strptime(form: str) -> str:
    """Return *form* as Python reads it: it reads padded and unpadded numbers alike."""
    return _DIRECTIVE.sub(lambda match: _SHORT_FOR.get(match[1], "%" + match[1][-1]), form)
