"""Deletions: the archive is read from its beginning to its end, a slice at every poll.

The list of what is archived has no order by time, so there is no shorter way. A record met there
is deleted, unless it can still be read, for then it has been restored. One that was there before
and is not any more has been restored, or is gone for good.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd.sources.hubspot.cursor import CIRCLE, ListPass
from webhookd.sources.hubspot.deletions.merges import as_there
from webhookd.sources.hubspot.novelty import unknown_is
from webhookd.sources.polling.refusals import PollError, nonsense

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from webhookd.definitions import HubspotSource
    from webhookd.model import Observation
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.answers.responses import ApiRecord, Page
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.hubspot.deletions.merges import Merges
    from webhookd.sources.polling.checkpoint import Checkpoint

PAGES_AT_ONCE: Final = 40
"""Pages that one poll reads: what changed must not wait for a large archive."""

_CHUNK: Final = 100


class ArchiveReader:
    """Reads the archive of one type of object."""

    def __init__(
        self,
        settings: HubspotSource,
        fetcher: Fetcher,
        checkpoint: Checkpoint[Cursor],
        merges: Merges,
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._checkpoint = checkpoint
        self._merges = merges
        self._is_clean = False
        """Whether this daemon read the latest pass from its beginning, and all of it made sense."""

    async def read(self, cursor: Cursor) -> Cursor:
        """Read the next slice, from the beginning when the last pass is over."""
        await self._look_for_restored(cursor)
        archive = cursor.archive
        if archive is None:
            archive, self._is_clean = ListPass(cursor.passes + 1), True
        for _ in range(PAGES_AT_ONCE):
            page = await self._page(cursor, archive)
            self._is_clean = self._is_clean and not page.bad
            archived = [record for record in page.records if record.archived]
            gone, survivors = await self._gone(archived, cursor)
            if page.after is None:
                cursor = replace(cursor, archive=None, passes=archive.number)
                await self._commit(cursor, gone, survivors, archive.number)
                await self._look_for_restored(cursor)
                return cursor
            archive = archive.at(page.after)
            cursor = replace(cursor, archive=archive)
            await self._commit(cursor, gone, survivors, archive.number)
        return cursor

    async def _page(self, cursor: Cursor, archive: ListPass) -> Page:
        """Return the next page of a pass; where it leads no further, the next poll begins anew."""
        try:
            page, _ = await self._fetcher.listed(archive.after or "", archived=True)
            if archive.was_met(page.after):
                raise nonsense("the archive's pages lead in a circle", CIRCLE)
        except PollError as error:
            if archive.is_dead(error.refusal.status):
                await self._checkpoint.advance(replace(cursor, archive=None))
            raise
        return page

    async def _gone(
        self, records: Sequence[ApiRecord], cursor: Cursor
    ) -> tuple[list[ApiRecord], list[Observation]]:
        """Return those of *records* that are archived now, and what some were merged into.

        One that was restored meanwhile is not archived, and of one that cannot be read nobody
        knows until the next pass.
        """
        known = await self._checkpoint.known([record.id for record in records])
        doubtful = [record.id for record in records if known.get(record.id) is False]
        reading = await self._fetcher.read(doubtful)
        alive = reading.found.keys() | reading.unreadable.keys()
        survivors = [reading.found[id_] for id_ in reading.found.keys() - set(doubtful)]
        gone = [record for record in records if record.id not in alive]
        return gone, self._observations(survivors, cursor)

    def _observations(self, records: Iterable[ApiRecord], cursor: Cursor) -> list[Observation]:
        return [
            self._fetcher.observation(record, unknown_is(self._settings, cursor, record))
            for record in records
        ]

    async def _commit(
        self,
        cursor: Cursor,
        gone: Sequence[ApiRecord],
        survivors: Sequence[Observation],
        number: int,
    ) -> None:
        await self._checkpoint.advance(
            cursor,
            [*(self._fetcher.deletion(record) for record in gone), *survivors],
            archived=[record.id for record in gone],
            archive_pass=number,
        )

    async def _look_for_restored(self, cursor: Cursor) -> None:
        """Read again what the last whole pass did not meet any more."""
        while ids := await self._checkpoint.unarchived(before=cursor.passes, limit=_CHUNK):
            reading = await self._fetcher.read(ids)
            merged = await self._merges.tombstones(reading.found.values(), reading.merged)
            # They are there now, whatever their times say: none is an older state.
            alive = as_there(self._observations(reading.found.values(), cursor))
            # What cannot be read now, or may be in the archive though the pass did not make sense
            # of it, is looked for again after the next pass.
            settled = reading.found.keys() | reading.merged.keys()
            if self._is_clean:
                settled |= set(ids) - reading.unreadable.keys()
            await self._checkpoint.advance(
                cursor,
                [*merged, *alive],
                archive_pass=cursor.passes,
                archived=[id_ for id_ in ids if id_ not in settled],
                unarchived=[id_ for id_ in ids if id_ in settled],
            )
