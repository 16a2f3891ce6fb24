"""One poll of one type of object: what is to be read now, in order, each step committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.rules.time_forms import MICROSECOND, moment
from webhookd.sources.rest.deletions.absences import Absences
from webhookd.sources.rest.deletions.deleted_list import DeletedList
from webhookd.sources.rest.detection.time_sweeps import Sweeper
from webhookd.sources.rest.passes import Passes

if TYPE_CHECKING:
    from webhookd.sources.rest.proofs import Proofs
    from webhookd.sources.rest.rest_cursor import Cursor
    from webhookd.sources.rest.work import Work


class ObjectReader:
    """Reads one type of object. Every step may raise PollError; what was committed stays."""

    def __init__(self, work: Work, proofs: Proofs) -> None:
        self._work = work
        self._sweeper = Sweeper(work, proofs)
        self._passes = Passes(work)
        self._absences = Absences(work, self._passes)
        self._deleted = (
            None if work.deleted is None else DeletedList(work, work.deleted, self._sweeper)
        )

    async def poll(self) -> None:
        """Read everything that is new."""
        work = self._work
        cursor = await work.checkpoint.cursor()
        if cursor is not None and cursor.definition != work.definition:
            cursor = cursor.anew(work.definition)
            await work.checkpoint.advance(cursor)
        if work.read.detect.by == "time":
            cursor = await self._sweeper.read(cursor)
        else:
            cursor = await self._absences.decide(await self._passes.read(cursor))
            work.note_lag(None)
        if self._deleted is not None and not cursor.is_first:
            cursor = await self._deleted.read(cursor)
        if work.read.detect.by == "time" and await self._is_due(cursor):
            cursor = await self._passes.read(cursor)
            if cursor.listing is not None and cursor.listing.stage != "listing":
                await self._absences.decide(cursor)

    async def _is_due(self, cursor: Cursor) -> bool:
        """Return whether a pass over the whole list is under way, or to be made now."""
        deletions = self._work.read.deletions
        if deletions.by != "absence" or cursor.is_first:
            return False
        if cursor.listing is not None or cursor.listed is None:
            return True
        age = moment(self._work.clock.now()) - cursor.listed
        return age >= deletions.every // MICROSECOND or await self._absences.accepted(cursor)
