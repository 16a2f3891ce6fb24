"""Records that are left out because they cannot be understood or read: each costs only itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd import telemetry
from webhookd.telemetry.events import RecordsLeftOut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhookd.telemetry.events import BadRowsFound
    from webhookd.telemetry.figures import PollFigures

    Told: TypeAlias = type[RecordsLeftOut | BadRowsFound]

TOLD_EVERY: Final = 3600.0
"""Seconds after which a record that is still left out is reported again."""

SHOWN: Final = 10
"""Ids in one log line."""

_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be understood: *id* as far as it can be shown, and the reason."""

    id: str
    reason: str


class LeftOut:
    """Reports and counts the records of one type of object that are left out, as the event *told*.

    Sweeps meet a record again and again, so each is reported once an hour.
    """

    def __init__(
        self, figures: PollFigures, monotonic: Callable[[], float], told: Told = RecordsLeftOut
    ) -> None:
        self._figures = figures
        self._event = told
        self._monotonic = monotonic
        self._told: dict[tuple[str, str], float] = {}

    def note(self, records: Sequence[BadRecord]) -> None:
        """Report those of *records* that were not reported within the last hour."""
        now = self._monotonic()
        new = [one for one in records if now >= self._told.get((one.id, one.reason), now)]
        if not new:
            return
        if len(self._told) > _MOST_REMEMBERED:
            self._told.clear()
        for one in new:
            self._told[one.id, one.reason] = now + TOLD_EVERY
        self._figures.leave_out(len(new))
        telemetry.report(
            self._event(
                self._figures.source,
                self._figures.object,
                count=len(new),
                record_ids=tuple(one.id for one in new[:SHOWN]),
                reason=new[0].reason,
            )
        )
