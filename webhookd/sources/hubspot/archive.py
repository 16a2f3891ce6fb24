"""Deletions: the archive is read from its beginning to its end, a slice at every poll.

The list of what is archived has no order by time, so there is no shorter way. A record met there
is deleted, unless it can still be read, for then it has been restored. One that was there before
and is not any more has been restored, or is gone for good.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd.sources.hubspot.cursor import Archive
from webhookd.sources.hubspot.novelty import unknown_is
from webhookd.sources.polling.refusals import nonsense

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.definitions import HubspotSource
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.hubspot.pages import Fetcher
    from webhookd.sources.hubspot.responses import ApiRecord
    from webhookd.sources.polling.checkpoint import Checkpoint

PAGES_AT_ONCE: Final = 40
"""Pages that one poll reads: what changed must not wait for a large archive."""

_CHUNK: Final = 100


class ArchiveReader:
    """Reads the archive of one type of object."""

    def __init__(
        self, settings: HubspotSource, fetcher: Fetcher, checkpoint: Checkpoint[Cursor]
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._checkpoint = checkpoint

    async def read(self, cursor: Cursor) -> Cursor:
        """Read the next slice, from the beginning when the last pass is over."""
        await self._look_for_restored(cursor)
        archive = cursor.archive or Archive(cursor.passes + 1)
        for _ in range(PAGES_AT_ONCE):
            page, _ = await self._fetcher.listed(archive.after or "", archived=True)
            gone = await self._gone([record for record in page.records if record.archived])
            if page.after is None:
                cursor = replace(cursor, archive=None, passes=archive.number)
                await self._commit(cursor, gone, archive.number)
                await self._look_for_restored(cursor)
                return cursor
            if page.after == archive.mark:
                raise nonsense("the archive's pages lead in a circle")
            archive = archive.at(page.after)
            cursor = replace(cursor, archive=archive)
            await self._commit(cursor, gone, archive.number)
        return cursor

    async def _gone(self, records: Sequence[ApiRecord]) -> list[ApiRecord]:
        """Return those of *records* that are archived now, and not restored meanwhile."""
        known = await self._checkpoint.known([record.id for record in records])
        doubtful = [record.id for record in records if known.get(record.id) is False]
        alive = {record.id for record in await self._fetcher.read(doubtful)}
        return [record for record in records if record.id not in alive]

    async def _commit(self, cursor: Cursor, gone: Sequence[ApiRecord], number: int) -> None:
        await self._checkpoint.advance(
            cursor,
            [self._fetcher.deletion(record) for record in gone],
            archived=[record.id for record in gone],
            archive_pass=number,
        )

    async def _look_for_restored(self, cursor: Cursor) -> None:
        """Read again what the last whole pass did not meet any more."""
        while ids := await self._checkpoint.unarchived(before=cursor.passes, limit=_CHUNK):
            alive = await self._fetcher.read(ids)
            observations = [
                self._fetcher.observation(record, unknown_is(self._settings, cursor, record))
                for record in alive
            ]
            await self._checkpoint.advance(cursor, observations, unarchived=ids)
