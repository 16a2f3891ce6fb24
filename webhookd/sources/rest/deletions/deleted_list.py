"""Deletions by a list of their own, which the API has for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.sources.rest.rest_cursor import START

if TYPE_CHECKING:
    from webhookd.sources.rest.asking.list_pages import ListReader
    from webhookd.sources.rest.detection.time_sweeps import Sweeper
    from webhookd.sources.rest.rest_cursor import Cursor
    from webhookd.sources.rest.work import Work


class DeletedList:
    """Reads what was deleted since, whole at each poll, and one that is broken off from its start.

    A deletion that is told again is none.
    """

    def __init__(self, work: Work, reader: ListReader, sweeper: Sweeper) -> None:
        self._work = work
        self._reader = reader
        self._sweeper = sweeper

    async def read(self, cursor: Cursor) -> Cursor:
        """Return the cursor behind what was deleted up to now."""
        work = self._work
        mark = cursor.since if cursor.gone_mark is None else cursor.gone_mark
        values = self._sweeper.values(self._sweeper.form(cursor), mark - work.overlap)
        began, newest, place = 0, mark, START
        while True:
            page = await self._reader.page(values, place)
            began = began or work.server_time(page.date)
            newest = max([newest, *(row.modified for row in page.rows if row.modified is not None)])
            rows = [replace(row, deleted=True) for row in page.rows]
            observations = [work.observer.observation(row, cursor, "later") for row in rows]
            is_last = await self._reader.is_last(page, values, cursor.short)
            if is_last or page.following is None:
                cursor = replace(cursor, gone_mark=max(mark, min(newest, began)))
                await work.checkpoint.advance(cursor, observations)
                return cursor
            await work.checkpoint.advance(cursor, observations)
            place = page.following
