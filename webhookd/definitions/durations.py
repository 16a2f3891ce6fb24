"""Lengths of time and rates, and the text that the configuration writes for them: `30s`, `20/m`.

An annotation of this module says both: `Duration` is a `timedelta` in the definitions, and a text
like `30s` in the file and in the effective document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = timedelta(days=3650)

_DURATION = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h|d)")
_RATE = re.compile(r"([1-9][0-9]{0,5})/([smh])")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class TextForm:
    """Marks, in an annotation, a value that the configuration writes as text of its own.

    *read* makes the value of the text and raises ValueError if it cannot, *write* does the reverse.
    """

    read: Callable[[str], object]
    write: Callable[[Any], str]

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> dict[str, Any]:
        """Return how pydantic reads and writes the value.

        pydantic looks for a method of this name and takes a plain dictionary, so this module need
        not import it: only `webhookd.config` may.
        """
        return {
            "type": "function-plain",
            "function": {"type": "no-info", "function": self.read},
            "serialization": {"type": "function-plain", "function": self.write},
        }


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most *starts* attempts start in any window of length *per*."""

    starts: int
    per: timedelta


def duration(text: str) -> timedelta:
    """Return the length of time that *text* says, ten years at most."""
    length = unbounded(text)
    if length is None:
        raise ValueError(
            f"{text[:40]!r} is not a duration; write a whole number above zero and a unit, "
            "like 500ms, 30s, 5m, 8h or 3d"
        )
    if length > LONGEST:
        raise ValueError(f"{text} is longer than the maximum of {LONGEST.days}d")
    return length


def unbounded(text: str) -> timedelta | None:
    """Return the length of time that *text* says, however long; None when it says none."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found else None


def rate(text: str) -> RateLimit:
    """Return the rate that *text* says."""
    found = _RATE.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:40]!r} is not a rate; write one like 20/s, 600/m or 5000/h")
    return RateLimit(int(found[1]), _UNITS[found[2]])


def written(length: timedelta) -> str:
    """Return *length* as the configuration writes it, in the largest unit that fits."""
    for unit in ("d", "h", "m", "s"):
        if length % _UNITS[unit] == timedelta(0):
            return f"{length // _UNITS[unit]}{unit}"
    return f"{length // _UNITS['ms']}ms"


def rate_written(rate_limit: RateLimit) -> str:
    """Return *rate_limit* as the configuration writes it."""
    return f"{rate_limit.starts}/{written(rate_limit.per).removeprefix('1')}"


Duration: TypeAlias = Annotated[timedelta, TextForm(duration, written)]
Rate: TypeAlias = Annotated[RateLimit, TextForm(rate, rate_written)]
