"""What changed since a token: the API gives one with each answer, to ask with next time.

Without a token the whole list is read, and what that lacks of the known records is doubted as any
absence is (`passes`, `absences`): they may have been deleted while no token was at hand. One pass
is enough where each is asked for by itself; else a second one confirms it, beside the new token.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from webhookd import telemetry
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.rest.asking.leads import of_token
from webhookd.sources.rest.rest_cursor import Walk
from webhookd.telemetry.events import ChangeTokenExpired

if TYPE_CHECKING:
    from webhookd.sources.rest.answers.rest_rows import Row
    from webhookd.sources.rest.asking.list_pages import Page
    from webhookd.sources.rest.detection.details import Details
    from webhookd.sources.rest.rest_cursor import Cursor, Place
    from webhookd.sources.rest.work import Work


class TokenWalker:
    """Reads what changed of one type of object; PollError leaves what was committed."""

    def __init__(self, work: Work, details: Details) -> None:
        self._work = work
        self._details = details
        self._detect = work.read.detect
        self._lead = of_token(work.read.detect)
        self._is_of_first = work.read.detect.token_of == "first_page"  # noqa: S105 - no password
        self._first: Page | None = None

    async def read(self, cursor: Cursor) -> Cursor:
        """Read on from the cursor's token; it has none where that is none any more."""
        while cursor.token is not None:
            walk = cursor.walk or Walk()
            page = await self._page(cursor, walk)
            if page is None:
                return await self._restarted(cursor)
            cursor = await self._taken(cursor, walk, page)
            if cursor.walk is None:
                break
        return cursor

    def whole(self, cursor: Cursor, page: Page, place: Place) -> Cursor:
        """Return *cursor* behind a *page* of the whole list, with the token where that is the last.

        PollError where none of the pages had one.
        """
        if cursor.token is not None:
            # The list is read beside a token, to confirm what it lacked before.
            return cursor
        if not place.number:
            self._first = page
        walk = self._with_token(cursor.walk or Walk(self._work.server_time(page.date)), page, place)
        return self._moved(cursor, walk, page)

    async def prove(self, cursor: Cursor) -> Cursor:
        """Return *cursor*, which is behind a page of the whole list, with what its token proves.

        It is returned as it is where there is no token yet. PollError where the token is ignored.
        """
        token = cursor.token
        if token is None and cursor.walk is not None:
            token = cursor.walk.found
        if token is None:
            return cursor
        cursor = replace(cursor, token=token)
        page = await self._page(cursor, Walk())
        return cursor if page is None else self._proved(cursor, page)

    async def _page(self, cursor: Cursor, walk: Walk) -> Page | None:
        """Return the next page; None where the token is none any more."""
        is_link = self._detect.is_link
        try:
            page = await self._work.sweeps.page(
                {"token": None if is_link else cursor.token},
                walk.place,
                link=cursor.token if is_link else None,
                expired=self._detect.expired,
            )
        except PollError as error:
            if error.refusal.restarts:
                return None
            is_dead = walk.place.number > 0 and error.refusal.concerns in {"poll", "object"}
            if is_dead:
                # What its place was kept by may be gone: begin again at the token.
                await self._work.checkpoint.advance(replace(cursor, walk=None))
            raise
        return None if page.is_expired else page

    async def _taken(self, cursor: Cursor, walk: Walk, page: Page) -> Cursor:
        if not walk.place.number:
            cursor = self._proved(cursor, page)
            walk = replace(walk, began=self._work.server_time(page.date))
        observer = self._work.observer
        rows = await self._details.rows(page.rows, cursor)
        observations = [observer.observation(row, cursor, "later") for row in rows]
        cursor = self._moved(cursor, self._with_token(walk, page, walk.place), page)
        await self._work.checkpoint.advance(cursor, observations)
        return cursor

    def _with_token(self, walk: Walk, page: Page, place: Place) -> Walk:
        """Return *walk* with the token of *page*, if it counts; PollError where none is to come."""
        if self._is_of_first and place.number:
            return walk
        found = walk.found if page.token is None else page.token
        is_wanted = self._is_of_first or page.following is None
        if found is None and is_wanted and page.lack and self._lead is not None:
            raise self._lead.missing(page.lack, self._work.sweeps.keys)
        return replace(walk, found=found)

    def _moved(self, cursor: Cursor, walk: Walk, page: Page) -> Cursor:
        if page.following is not None:
            return replace(cursor, walk=replace(walk, place=page.following))
        # An answer with nothing in it has no token: what was asked with still holds.
        token = cursor.token if walk.found is None else walk.found
        return replace(cursor, token=token, walk=None, mark=walk.began)

    def _proved(self, cursor: Cursor, page: Page) -> Cursor:
        """Return *cursor*, proved where what changed is not the whole list again."""
        whole, self._first = self._first, None
        if whole is None or cursor.proved == self._work.definition or not whole.rows:
            return cursor
        times = {row.modified for row in page.rows}
        is_one_instant = len(times) == 1 and None not in times
        is_again = len(page.rows) > 1 and _told(page.rows) == _told(whole.rows)
        if is_again and not is_one_instant:
            what = "is the link followed?" if self._detect.is_link else "is ${token} read?"
            why = f"the token is ignored: what changed since it is the first page again: {what}"
            raise self._work.sweeps.keys.wrong("detect", why, own=False)
        return replace(cursor, proved=self._work.definition)

    async def _restarted(self, cursor: Cursor) -> Cursor:
        work = self._work
        telemetry.report(ChangeTokenExpired(work.settings.name, work.read.name))
        cursor = cursor.restarted()
        await work.checkpoint.advance(cursor)
        return cursor


def _told(rows: tuple[Row, ...]) -> list[Any]:
    return [(row.id, row.deleted, row.properties) for row in rows]
