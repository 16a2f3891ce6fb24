"""Records that are gone for good: found by their absence, where a source asks for that.

HubSpot shows what was erased, or merged unnoticed, in no list at all. So the whole list is read
once in a while, ids alone, a slice at every poll; which ids it has is noted in the database. Known
records that it lacks are then read by their ids, and only those are deleted of which HubSpot says
that they are not there, or answers with another one. A list that lacks most of what is known is set
aside until a person lets it through.

    nothing -> listing -> what it lacks is looked at -> over, what it met is forgotten -> listing …
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd.model import Deletion, Listed, list_claim
from webhookd.sources import missing_records
from webhookd.sources.hubspot.answers.responses import instant
from webhookd.sources.hubspot.api_time import milliseconds
from webhookd.sources.hubspot.cursor import CIRCLE, Absence, ListPass
from webhookd.sources.hubspot.deletions.merges import as_there
from webhookd.sources.hubspot.novelty import unknown_is
from webhookd.sources.polling.refusals import PollError, nonsense
from webhookd.sources.source import SetAside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.clock import Clock
    from webhookd.definitions import HubspotObject, HubspotSource
    from webhookd.model import MissingRecords, Observation
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.polling.checkpoint import Checkpoint

PAGES_AT_ONCE: Final = 40
"""Pages that one poll reads: what changed must not wait for a million ids."""

READS_AT_ONCE: Final = 40
"""Batch reads of one poll that confirm what is missing."""

_CHUNK: Final = 100


class Erasures:
    """Compares the whole list of one type of object with what is known of it."""

    def __init__(
        self,
        settings: HubspotSource,
        read: HubspotObject,
        fetcher: Fetcher,
        checkpoint: Checkpoint[Cursor],
        *,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._read = read
        self._fetcher = fetcher
        self._checkpoint = checkpoint
        self._clock = clock

    async def look(self, cursor: Cursor) -> Cursor:
        """Go on with the pass under way, or begin the one that is due."""
        if not self._read.deletions or self._read.absence is None:
            return await self._end(cursor)
        absence = cursor.absence
        if absence is None or absence.is_over:
            if not await self._is_due(absence):
                return cursor
            cursor = await self._begun(cursor)
        cursor = await self._list(cursor)
        is_read = cursor.absence is not None and cursor.absence.listing is None
        if not is_read or (self._read.reads_archive and cursor.archive is not None):
            # What is in the archive is told by that, with its time: the pass over it comes first.
            return cursor
        return await self._decide(cursor)

    async def _end(self, cursor: Cursor) -> Cursor:
        """Forget what is left of passes that nobody asks for any more."""
        if cursor.absence is None:
            return cursor
        cursor = await self._finished(cursor, cursor.absence)
        cursor = replace(cursor, absence=None)
        await self._checkpoint.advance(cursor)
        return cursor

    async def _is_due(self, absence: Absence | None) -> bool:
        if absence is None or await self._is_accepted(absence):
            return True
        since = milliseconds(self._clock.now()) - absence.began
        # A clock that was set back must not put it off for longer than was asked.
        assert self._read.absence is not None  # noqa: S101 - the caller has looked
        return not 0 <= since < self._read.absence.total_seconds() * 1000

    async def _is_accepted(self, absence: Absence) -> bool:
        """Return whether a person let through what was set aside, and nothing came of it yet."""
        aside = absence.set_aside
        return aside is not None and await self._checkpoint.accepted() == aside.number

    async def _begun(self, cursor: Cursor) -> Cursor:
        before = cursor.absence
        number = 1 if before is None else before.number + 1
        absence = Absence(
            number,
            milliseconds(self._clock.now()),
            ListPass(number),
            set_aside=None if before is None else before.set_aside,
        )
        cursor = replace(cursor, absence=absence)
        await self._checkpoint.advance(cursor)
        return cursor

    async def _list(self, cursor: Cursor) -> Cursor:
        """Read on in the list, some pages at most, and note which ids it has."""
        for _ in range(PAGES_AT_ONCE):
            absence = cursor.absence
            if absence is None or absence.listing is None:
                break
            listing = absence.listing
            try:
                page = await self._fetcher.ids(listing.after or "")
                if listing.was_met(page.after):
                    raise nonsense("the list's pages lead in a circle", CIRCLE)
            except PollError as error:
                await self._abandon(cursor, absence, error)
                raise
            following = None if page.after is None else listing.at(page.after)
            absence = replace(absence, listing=following, met=absence.met + len(page.ids))
            if not absence.dated and page.date is not None:
                absence = replace(absence, dated=milliseconds(page.date))
            cursor = replace(cursor, absence=absence)
            await self._checkpoint.advance(
                cursor, listed=[Listed(self._claim(absence), tuple(dict.fromkeys(page.ids)))]
            )
        return cursor

    async def _abandon(self, cursor: Cursor, absence: Absence, error: PollError) -> None:
        """Begin anew where a page leads no further: what led there may be nothing any more."""
        if absence.listing is not None and absence.listing.is_dead(error.refusal.status):
            # What it met stays noted: that is more than the list may have now, and no harm.
            again = replace(absence, listing=ListPass(absence.number), met=0)
            await self._checkpoint.advance(replace(cursor, absence=again))

    async def _decide(self, cursor: Cursor) -> Cursor:
        """Delete what the list lacks and HubSpot does not know, a few hundred at a time."""
        absence = cursor.absence
        if absence is None:
            return cursor
        if not absence.checked and not absence.is_over:
            known, missing = await missing_records.count(partial(self._missing, absence))
            aside = await missing_records.doubted(
                SetAside(absence.number, missing, known),
                absence.set_aside,
                partial(self._is_accepted, absence),
                source=self._settings.name,
                object_=self._read.name,
                is_empty=not absence.met,
            )
            if aside is not None:
                return await self._finished(cursor, replace(absence, set_aside=aside))
        for _ in range(READS_AT_ONCE):
            found = await self._missing(absence, absence.checked)
            for start in range(0, len(found.record_ids), _CHUNK):
                ids = found.record_ids[start : start + _CHUNK]
                absence = replace(absence, checked=ids[-1])
                cursor = replace(cursor, absence=absence)
                await self._checkpoint.advance(cursor, await self._confirmed(cursor, ids))
            if found.is_last:
                return await self._finished(cursor, replace(absence, set_aside=None))
            absence = replace(absence, checked=found.place)
            cursor = replace(cursor, absence=absence)
        await self._checkpoint.advance(cursor)
        return cursor

    async def _missing(self, absence: Absence, after: str) -> MissingRecords:
        # What was modified since the pass began may have come behind the place that it was at. By
        # whichever clock is ahead: each is asked for by its id anyway.
        began = instant(max(absence.began, absence.dated))
        return await self._checkpoint.missing(
            self._claim(absence), after=after, modified_before=began
        )

    async def _confirmed(self, cursor: Cursor, ids: Sequence[str]) -> list[Observation]:
        """Return what the records *ids* are now; of those that nothing is said of, nothing is."""
        reading = await self._fetcher.read(ids)
        merged = {id_: Deletion("merged", into) for id_, into in reading.merged.items()}
        gone = {id_: Deletion("gone") for id_ in reading.absent}
        alive = [
            self._fetcher.observation(record, unknown_is(self._settings, cursor, record))
            for record in reading.found.values()
        ]
        ended = [self._fetcher.ended(id_, how) for id_, how in sorted((gone | merged).items())]
        return [*ended, *as_there(alive)]

    async def _finished(self, cursor: Cursor, absence: Absence) -> Cursor:
        """Commit that a pass is over, and forget what it met."""
        # First that it is over: without what it met, all known records would be missing.
        absence = replace(absence, listing=None, checked="", is_over=True)
        cursor = replace(cursor, absence=absence)
        await self._checkpoint.advance(cursor)
        await self._checkpoint.forget(cursor, self._claim(absence))
        return cursor

    def _claim(self, absence: Absence) -> str:
        """Return the claim under which a pass notes what it met."""
        return list_claim(self._settings.name, self._read.name, absence.number)
