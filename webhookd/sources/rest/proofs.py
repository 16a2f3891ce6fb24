"""Proofs that an API does what the definition of an object says, before it is relied on.

Made at the first poll of an object, and when its definition has changed. Until they hold, the poll
fails with what was seen and the key that it is about; what was read stays taken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from webhookd.rules.time_forms import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.rules.placeholders import Value
    from webhookd.rules.time_forms import TimeForm
    from webhookd.sources.polling.refusals import PollError
    from webhookd.sources.rest.answers.rest_rows import Row
    from webhookd.sources.rest.asking.list_pages import ListReader, Page
    from webhookd.sources.rest.rest_cursor import Cursor, Sweep
    from webhookd.sources.rest.work import Work

    class Asking(Protocol):
        """Knows how times are asked for."""

        def form(self, cursor: Cursor | None) -> TimeForm:
            """Return how times are written."""

        def values(
            self, form: TimeForm, at: int, *, tied: str | None = None
        ) -> Mapping[str, Value | None]:
            """Return the placeholders of a request for what was modified at *at* or later."""


class Proofs:
    """Proves the filter by time of one type of object.

    *reader* asks for the list of what was modified, beside the one that reads it.
    """

    def __init__(self, work: Work, reader: ListReader) -> None:
        self._work = work
        self._reader = reader

    def wrong(self, why: str) -> PollError:
        """Return the error that the list of what was modified is not as it should be."""
        keys = self._reader.keys
        return type(keys)(keys.object).wrong("detect", why)

    async def hold(self, cursor: Cursor, page: Page, sweep: Sweep, asking: Asking) -> Cursor:
        """Return *cursor*, proved by *page*, the first of *sweep*; PollError where a proof fails.

        Where there is no record to prove with it is returned as it is: another page may have one.
        """
        is_open = cursor.proved != self._work.definition
        timed = [row for row in page.rows if row.modified is not None]
        if not is_open or not timed or sweep.place.number or sweep.tied is not None:
            return cursor
        sampled = cursor if cursor.sample is not None else replace(cursor, sample=timed[-1].stamp)
        form = asking.form(sampled)
        row = max(timed, key=lambda one: one.modified or 0)
        await self.nothing_is_from_tomorrow(form, asking, self._tomorrow(page, row))
        if not await self.it_is_found(row, form, asking):
            before = asking.values(asking.form(cursor), sweep.at)
            if await self._is_still_there(row, before):
                raise self._unfound(row, form, asking)
            return cursor
        return replace(cursor, proved=self._work.definition)

    async def nothing_is_from_tomorrow(self, form: TimeForm, asking: Asking, at: int) -> None:
        """Raise a PollError where records are found that are older than what is asked for."""
        page = await self._reader.page(asking.values(form, at))
        least = form.floor(at) - form.unit
        older = sum(row.modified is not None and row.modified < least for row in page.rows)
        if older:
            raise self.wrong(f"the filter is ignored: {older} records are older than asked for")

    async def it_is_found(self, row: Row, form: TimeForm, asking: Asking) -> bool:
        """Return whether what is asked for since a record's own time has such a record."""
        at = row.modified or 0
        page = await self._reader.page(asking.values(form, at))
        found = [one.modified for one in page.rows if one.modified is not None]
        if self._work.read.detect.order == "none" and page.following is not None:
            # It may be on any other page.
            return bool(found)
        return any(form.floor(one) == form.floor(at) for one in found)

    def _tomorrow(self, page: Page, row: Row) -> int:
        return max(self._work.server_time(page.date), row.modified or 0) + DAY

    async def _is_still_there(self, row: Row, values: Mapping[str, Value | None]) -> bool:
        page = await self._reader.page(values)
        return any((one.id, one.modified) == (row.id, row.modified) for one in page.rows)

    def _unfound(self, row: Row, form: TimeForm, asking: Asking) -> PollError:
        since = asking.values(form, row.modified or 0)["since"]
        return self.wrong(
            f"the filter finds nothing since {since!r}, but a record has {row.stamp}: see format"
            " and inclusive"
        )
