"""What the reading of one type of object works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from webhookd.rules.time_forms import MICROSECOND, moment
from webhookd.sources.polling.checkpoint import Checkpoint
from webhookd.sources.rest.rest_cursor import Cursor

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from webhookd.clock import Clock
    from webhookd.definitions import RestObject, RestSource
    from webhookd.sources.rest.asking.list_pages import ListReader
    from webhookd.sources.rest.asking.one import OneReader
    from webhookd.sources.rest.observer import Observer
    from webhookd.telemetry.figures import PollFigures

RestCheckpoint: TypeAlias = Checkpoint[Cursor]


@dataclass(frozen=True, slots=True)
class Work:
    """The settings of one type of object, and what reads it.

    *lists* is the whole list, *sweeps* what was modified, *ties* the records of one instant,
    *absences* the list that absences are drawn from, *deleted* that of deleted records, and *one*
    a single record: None where there is none. *definition* is a digest of what is read how.
    """

    settings: RestSource
    read: RestObject
    definition: str
    zone: tzinfo
    lists: ListReader
    sweeps: ListReader
    ties: ListReader | None
    absences: ListReader
    deleted: ListReader | None
    one: OneReader | None
    checkpoint: RestCheckpoint
    observer: Observer
    figures: PollFigures
    clock: Clock

    def begun(self, date: datetime | None) -> Cursor:
        """Return the cursor of an object that was never read; *date* is the API's time."""
        match self.settings.start:
            case "now" | "beginning":
                now = self.clock.now()
                since = moment(now if date is None else min(date, now))
            case at:
                since = moment(at)
        return Cursor(since, self.definition)

    def server_time(self, date: datetime | None) -> int:
        """Return what the API's clock says, as far as an answer's *date* tells."""
        return moment(self.clock.now() if date is None else date)

    @property
    def overlap(self) -> int:
        """Return how long ago what was modified is read again, in microseconds."""
        overlap = self.read.detect.overlap
        return 0 if overlap is None else overlap // MICROSECOND

    def note_lag(self, at: int | None) -> None:
        """Note that everything modified before *at* is read; None: everything is."""
        seen_at = self.clock.now()
        behind = 0 if at is None else moment(seen_at) - at
        self.figures.note_lag(behind / 1_000_000, seen_at)
