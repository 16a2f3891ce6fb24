"""One poll of one type of object: what is to be read now, in order, each step committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.rules.time_forms import MICROSECOND, moment
from webhookd.sources.rest.deletions.absences import Absences
from webhookd.sources.rest.deletions.deleted_list import DeletedList
from webhookd.sources.rest.detection.time_sweeps import Sweeper
from webhookd.sources.rest.detection.token_walks import TokenWalker
from webhookd.sources.rest.passes import Passes

if TYPE_CHECKING:
    from webhookd.sources.rest.detection.details import Details
    from webhookd.sources.rest.proofs import Proofs
    from webhookd.sources.rest.rest_cursor import Cursor
    from webhookd.sources.rest.work import Work


class ObjectReader:
    """Reads one type of object. Every step may raise PollError; what was committed stays."""

    def __init__(self, work: Work, proofs: Proofs, details: Details) -> None:
        self._work = work
        self._by = work.read.detect.by
        self._sweeper = Sweeper(work, proofs, details)
        self._walker = TokenWalker(work, details)
        self._whole = Passes(work, details, self._walker if self._by == "token" else None)
        is_own = self._by == "token" and work.read.deletions.by == "absence"
        self._passes = Passes(work, details) if is_own else self._whole
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
        match self._by:
            case "time":
                cursor = await self._sweeper.read(cursor)
            case "token":
                cursor = await self._by_token(cursor)
            case "comparison":
                cursor = await self._absences.decide(await self._whole.read(cursor))
                work.note_lag(None)
        if self._deleted is not None and not cursor.is_first:
            cursor = await self._deleted.read(cursor)
        if self._by != "comparison" and await self._is_due(cursor):
            cursor = await self._passes.read(cursor)
            if cursor.listing is not None and cursor.listing.stage != "listing":
                await self._absences.decide(cursor)

    async def _by_token(self, cursor: Cursor | None) -> Cursor:
        """Read what changed since the token; without one, the whole list, and then since that."""
        if cursor is not None:
            cursor = await self._walker.read(cursor)
        if cursor is None or cursor.token is None:
            cursor = await self._absences.decide(await self._whole.read(cursor))
            cursor = await self._walker.read(cursor)
        self._work.note_lag(None)
        return cursor

    async def _is_due(self, cursor: Cursor) -> bool:
        """Return whether a pass over the whole list is under way, or to be made now."""
        deletions = self._work.read.deletions
        is_regular = deletions.by == "absence"
        if cursor.is_first or not (is_regular or cursor.token is not None):
            return False
        if cursor.listing is not None or (is_regular and cursor.listed is None):
            return True
        age = moment(self._work.clock.now()) - (cursor.listed or 0)
        is_time = age >= deletions.every // MICROSECOND
        is_wanted = is_regular or (cursor.is_owed and cursor.absent is None)
        is_second = not is_regular and cursor.is_owed and cursor.absent is not None
        return is_second or (is_time and is_wanted) or await self._absences.accepted(cursor)
