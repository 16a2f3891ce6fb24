"""Passes over the whole list: for comparison, and to find out what is not in it any more.

Which ids were met is noted in the database, with each page. A pass goes on where it was left.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from webhookd.model import Listed, list_claim
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.rest.answers.rest_rows import NAMELESS
from webhookd.sources.rest.detection.unchanged_lists import Conditions
from webhookd.sources.rest.rest_cursor import Pass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.model import Observation
    from webhookd.sources.polling.left_out import BadRecord
    from webhookd.sources.rest.answers.rest_rows import Row
    from webhookd.sources.rest.asking.list_pages import Page
    from webhookd.sources.rest.detection.details import Details
    from webhookd.sources.rest.detection.token_walks import TokenWalker
    from webhookd.sources.rest.observer import Found
    from webhookd.sources.rest.rest_cursor import Cursor
    from webhookd.sources.rest.work import Work

PAGES_AT_ONCE: Final = 40
"""Pages of a pass that one poll reads where changes are found by time: those come first."""

_VALUES: Final[Mapping[str, None]] = MappingProxyType({"token": None})
"""The placeholders of a request for the whole list."""

MOST_BAD: Final = 100
"""Bad rows whose ids are remembered from pass to pass; of more, nothing is concluded."""


class Passes:
    """Reads the whole list of one type of object, page by page.

    With a *walker* it is the list that a token is given with.
    """

    def __init__(self, work: Work, details: Details, walker: TokenWalker | None = None) -> None:
        self._work = work
        self._details = details
        self._walker = walker
        self._compares = walker is not None or work.read.detect.by == "comparison"
        self._notes = walker is not None or work.read.deletions.by == "absence"
        self._reader = work.absences if self._notes else work.lists
        own = work.read.deletions
        is_other = own.query or own.headers or own.body or own.path or own.records
        self._is_whole = not (is_other or work.read.detail)
        if walker is not None:
            self._reader = work.sweeps
        is_compared = work.read.detect.by == "comparison"
        self._conditions = Conditions(work, self._reader, is_on=is_compared)

    def claim(self, number: int) -> str:
        """Return the claim under which the pass of this number notes what it met."""
        return list_claim(self._work.settings.name, self._work.read.name, number)

    async def read(self, cursor: Cursor | None) -> Cursor:
        """Go on with the pass under way, or begin one; all of it is read at stage `deciding`."""
        pages = 0
        while True:
            cursor, pages = await self._step(cursor), pages + 1
            is_read = cursor.listing is None or cursor.listing.stage != "listing"
            is_first = self._compares and (self._walker is None or cursor.token is None)
            if is_read or (pages >= PAGES_AT_ONCE and not is_first):
                return cursor

    async def _step(self, cursor: Cursor | None) -> Cursor:
        work = self._work
        listing = None if cursor is None else cursor.listing
        if listing is None:
            listing = await self._begun(cursor)
        if listing.stage != "listing" and cursor is not None:
            return cursor
        try:
            condition = self._conditions.header(cursor, _VALUES, listing.place)
            page = await self._reader.page(_VALUES, listing.place, condition=condition)
        except PollError as error:
            await self._abandon(cursor, listing, error)
            raise
        if cursor is None:
            cursor = work.begun(page.date)
        if page.is_unchanged:
            # Nothing is open either: the list is as it was when it was compared.
            cursor = replace(cursor, listed=work.server_time(page.date))
            await work.checkpoint.advance(cursor)
            return cursor
        cursor = self._behind(cursor, listing, page)
        observations = await self._observations(page, cursor)
        alive = tuple(row.id for row in page.rows if not row.deleted)
        is_noted = self._notes and listing.is_noted
        listed = [Listed(self.claim(listing.number), alive)] if is_noted else []
        await work.checkpoint.advance(cursor, observations, listed=listed)
        return cursor

    async def _begun(self, cursor: Cursor | None) -> Pass:
        """Return a new pass, when what an earlier one may have left is forgotten."""
        if cursor is None:
            return Pass(1, 0, is_noted=self._walker is None)
        if self._notes:
            # A pass that was given up, by a crash too, may have left something.
            await self._work.checkpoint.forget(cursor, self.claim(cursor.passes))
        return Pass(cursor.passes + 1, 0, is_noted=self._walker is None or not _is_new(cursor))

    def _behind(self, cursor: Cursor, listing: Pass, page: Page) -> Cursor:
        """Return the cursor behind *page*."""
        if self._walker is not None:
            cursor = self._walker.whole(cursor, page, listing.place)
        listing = _with_bad(
            replace(
                listing,
                began=listing.began or self._work.server_time(page.date),
                rows=listing.rows + page.count,
                validator=self._conditions.met(listing.validator, page, listing.place),
            ),
            page.bad,
        )
        if page.following is None:
            listing = replace(listing, stage="deciding")
            cursor = self._conditions.kept(cursor, listing.validator, _VALUES)
        else:
            listing = replace(listing, place=page.following)
        stamp = next((row.stamp for row in page.rows if row.stamp is not None), None)
        return replace(cursor, listing=listing, sample=cursor.sample or stamp)

    async def _abandon(self, cursor: Cursor | None, listing: Pass, error: PollError) -> None:
        """Begin anew after a page that leads no further: what its place was kept by may be gone."""
        is_dead = listing.place.number > 0 and error.refusal.concerns in {"poll", "object"}
        if cursor is not None and is_dead:
            # The next pass notes under a number of its own, and forgets what this one met.
            again = replace(cursor, listing=None, passes=listing.number)
            if cursor.token is None:
                again = replace(again, walk=None)
            await self._work.checkpoint.advance(again)

    async def _observations(self, page: Page, cursor: Cursor) -> list[Observation]:
        """Return what the rows of *page* tell: ids alone are looked up one by one."""
        observer = self._work.observer
        if self._compares:
            found: Found = "first" if cursor.is_first else "later"
            rows = await self._details.rows(page.rows, cursor)
            return [observer.observation(row, cursor, found) for row in rows]
        if self._is_whole:
            return [observer.observation(row, cursor, "healed") for row in page.rows]
        gone = [row for row in page.rows if row.deleted]
        healed = await self._unknown([row.id for row in page.rows if not row.deleted])
        return [observer.observation(row, cursor, "healed") for row in (*gone, *healed)]

    async def _unknown(self, ids: Sequence[str]) -> list[Row]:
        """Return those of the records *ids* that are not known, or known as deleted."""
        one = self._work.one
        if one is None:
            return []
        known = await self._work.checkpoint.known(ids)
        rows = []
        for id_ in ids:
            if known.get(id_, True):
                found = await one.read(id_)
                if found.row is not None and not found.is_gone:
                    rows.append(found.row)
        return rows


def _is_new(cursor: Cursor) -> bool:
    """Return whether nothing is known yet that the list could lack."""
    return cursor.is_first and not cursor.is_again and cursor.passes == 0


def _with_bad(listing: Pass, bad: Sequence[BadRecord]) -> Pass:
    named = [one.id for one in bad if one.id != NAMELESS]
    is_too_much = len(listing.bad) + len(named) > MOST_BAD
    return replace(
        listing,
        bad=listing.bad if is_too_much else (*listing.bad, *named),
        has_nameless=listing.has_nameless or is_too_much or len(named) < len(bad),
    )
