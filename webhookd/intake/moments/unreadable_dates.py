"""Warns of values that are no dates, of properties that timers look at: once for each property."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.intake.incomparable import LONGEST_EXAMPLE
from webhookd.telemetry.events import DateUnreadable, PropertyUndated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class UnreadableDates:
    """Knows which properties it warned of. Its methods are called on one thread."""

    def __init__(self) -> None:
        self._reported: set[tuple[str, str, str]] = set()
        self._undated: set[tuple[str, str, str]] = set()

    def report(
        self,
        source: str,
        found: Mapping[tuple[str, str], str],
        undated: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Warn of each property of *source* in *found*: objects and properties, with an example.

        And of those that are *undated*, as the source says.
        """
        for object_, property_ in undated:
            if (source, object_, property_) not in self._undated:
                self._undated.add((source, object_, property_))
                telemetry.report(PropertyUndated(source, object_, property_))
        for (object_, property_), value in found.items():
            if (source, object_, property_) not in self._reported:
                self._reported.add((source, object_, property_))
                example = value[:LONGEST_EXAMPLE]
                telemetry.report(DateUnreadable(source, object_, property_, example))
