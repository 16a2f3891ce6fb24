"""Warns of property values that cannot be used as a webhook means them: once for each property.

A webhook with `amount GT 1000` says nothing of a record whose amount is `900,00` or `n/a`, and a
timer passes over a date that is none: that must not go unseen. One example for each source and
property is enough, for there may be millions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.telemetry.events import DateUnreadable, PropertyUndated, ValueNotComparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhookd.rules.conditions import Incomparable

LONGEST_EXAMPLE: Final = 100
"""Characters of a value that a log line shows."""


class ValueWarnings:
    """Knows which properties it warned of, and of what. Its methods are called on one thread."""

    def __init__(self) -> None:
        self._reported: set[tuple[type, str, str, str]] = set()

    def incomparable(self, source: str, found: Iterable[tuple[str, Incomparable]]) -> None:
        """Warn of the first of each property of *source* in *found*, objects and values.

        They have no order beside a condition's value.
        """
        for object_, value in found:
            if self._is_first(ValueNotComparable, source, object_, value.property):
                example = value.value[:LONGEST_EXAMPLE]
                telemetry.report(
                    ValueNotComparable(source, object_, value.property, example, value.kind)
                )

    def unreadable(self, source: str, found: Mapping[tuple[str, str], str]) -> None:
        """Warn of dates that cannot be read: *found* has one of each object and property."""
        for (object_, property_), value in found.items():
            if self._is_first(DateUnreadable, source, object_, property_):
                example = value[:LONGEST_EXAMPLE]
                telemetry.report(DateUnreadable(source, object_, property_, example))

    def undated(self, source: str, found: Iterable[tuple[str, str]]) -> None:
        """Warn of properties that a timer looks at, and that are no dates as *source* says."""
        for object_, property_ in found:
            if self._is_first(PropertyUndated, source, object_, property_):
                telemetry.report(PropertyUndated(source, object_, property_))

    def _is_first(self, event: type, source: str, object_: str, property_: str) -> bool:
        key = (event, source, object_, property_)
        if key in self._reported:
            return False
        self._reported.add(key)
        return True
