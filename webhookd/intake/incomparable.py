"""Warns of property values that have no order beside a condition's: once for each property.

A webhook with `amount GT 1000` says nothing of a record whose amount is `900,00` or `n/a`: that
must not go unseen. One example for each source and property is enough, for there may be millions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.telemetry.events import ValueNotComparable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.rules.conditions import Incomparable

LONGEST_EXAMPLE = 100
"""Characters of a value that a log line shows."""


class IncomparableValues:
    """Knows which properties it warned of. Its methods are called on one thread."""

    def __init__(self) -> None:
        self._reported: set[tuple[str, str, str]] = set()

    def report(self, source: str, found: Iterable[tuple[str, Incomparable]]) -> None:
        """Warn of the first of each property of *source* in *found*, objects and values."""
        for object_, value in found:
            key = (source, object_, value.property)
            if key in self._reported:
                continue
            self._reported.add(key)
            example = value.value[:LONGEST_EXAMPLE]
            telemetry.report(
                ValueNotComparable(source, object_, value.property, example, value.kind)
            )
