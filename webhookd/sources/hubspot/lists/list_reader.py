"""One list: who joined it, and whole passes over its members that find who left.

    first pass     all pages at once, before any record is read; nobody hears of it
    joined         the order of joining from the last place, at every poll
    whole pass     every `read_every`, a slice at every poll ──► who was not met ──► doubted
                                                                                    │
        set aside until a person lets it through ◄── most of the members, or all ◄──┤
        members no more, once HubSpot says so of the record itself ◄────────────────┘

The order of joining shifts, or does not, when members leave: nobody says. So it is a short cut, and
what it misses a whole pass finds. The place in it leads to the last page, which is read again and
again until it has a next one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd.model import Members, list_place
from webhookd.sources import missing_records
from webhookd.sources.hubspot.api_time import milliseconds
from webhookd.sources.hubspot.cursor import CIRCLE, ListPass
from webhookd.sources.hubspot.lists.list_cursor import ListCursor
from webhookd.sources.hubspot.lists.list_work import joins
from webhookd.sources.polling.refusals import PollError, nonsense
from webhookd.sources.source import SetAside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhookd.definitions import HubspotList
    from webhookd.model import MissingRecords
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.hubspot.lists.list_api import MemberPage
    from webhookd.sources.hubspot.lists.list_work import ListWork

PAGES_AT_ONCE: Final = 40
"""Pages of one list, in either order, that one poll reads: what changed must not wait for more."""

_CHUNK: Final = 100


class ListReader:
    """Reads one list. Every step may raise PollError; what was committed stays."""

    def __init__(self, read: HubspotList, work: ListWork) -> None:
        self._read = read
        self._work = work
        self._checkpoint = work.checkpoints[read.name]
        self._is_clean = False
        """Whether this daemon read the pass from its beginning, and all of it made sense."""

    async def first_pass(self) -> None:
        """Read all members, unless that was done once; nobody is told of them."""
        place = await self._checkpoint.cursor() or ListCursor(self._read.id)
        self._work.memberships.places[self._read.name] = place
        if place.is_known:
            return
        if place.under_way is None:
            place = await self._begun(place)
        if place.checked is None:
            place = await self._first_pages(place)
        await self._forget_unmet(place)

    async def read(self, cursor: Cursor) -> None:
        """Read who joined, and the next slice of a whole pass if one is due."""
        await self._joined(cursor)
        place = self._place
        if place.under_way is None:
            if not await self._is_due(place):
                return
            place = await self._begun(place)
        if place.checked is None:
            place = await self._next_pages(place, cursor)
        if place.checked is not None:
            await self._decide(place, cursor)

    @property
    def _place(self) -> ListCursor:
        return self._work.memberships.places[self._read.name]

    async def _advance(self, place: ListCursor, news: Members | None = None) -> ListCursor:
        await self._checkpoint.advance(place, members=[] if news is None else [news])
        self._work.memberships.places[self._read.name] = place
        return place

    def _news(self, number: int, *, met: Iterable[str] = (), left: Iterable[str] = ()) -> Members:
        return Members(self._work.read.name, self._read.name, number, tuple(met), tuple(left))

    async def _begun(self, place: ListCursor) -> ListCursor:
        """Return the place at the beginning of a pass, once the list says that it can be read."""
        facts = await self._work.troubles.facts(self._read)
        self._is_clean = True
        return await self._advance(place.begun(facts.type_id))

    async def _first_pages(self, place: ListCursor) -> ListCursor:
        while place.checked is None:
            page = await self._page(place)
            place = _behind(place, page)
            place = await self._advance(place, self._news(place.number, met=page.members))
        return place

    async def _forget_unmet(self, place: ListCursor) -> None:
        """End the first pass: an earlier try at it, which was broken off, may have met more."""
        while True:
            found = await self._unmet(place, place.checked or "")
            place = replace(place, checked=found.place)
            place = await self._advance(place, self._news(place.number, left=found.record_ids))
            if found.is_last:
                await self._ended(place)
                return

    async def _page(self, place: ListCursor) -> MemberPage:
        """Return the next page of the pass; where it leads no further, the pass begins anew."""
        under_way = place.under_way or ListPass(place.number)
        try:
            page = await self._work.api.members(self._read.id, under_way.after)
            if under_way.was_met(page.after):
                raise nonsense("the list's pages lead in a circle", CIRCLE)
        except PollError as error:
            if under_way.is_dead(error.refusal.status):
                await self._begun(place)
            raise
        self._note_bad(page)
        return page

    def _note_bad(self, page: MemberPage) -> None:
        self._is_clean = self._is_clean and not page.bad
        self._work.fetcher.leave_out(page.bad)

    async def _next_pages(self, place: ListCursor, cursor: Cursor) -> ListCursor:
        for _ in range(PAGES_AT_ONCE):
            page = await self._page(place)
            place = _behind(place, page)
            await self._take(place, page.members, cursor)
            if place.checked is not None:
                break
        return place

    async def _take(
        self,
        place: ListCursor,
        members: Mapping[str, int | None],
        cursor: Cursor,
        before: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """Commit that *members* were met, and observe those of them that joined.

        *before* has the lists that they are in, where that is known already.
        """
        news = self._news(place.number, met=members)
        name = self._read.name
        await self._work.commit(name, place, news, cursor=cursor, joined_at=members, before=before)

    async def _joined(self, cursor: Cursor) -> None:
        """Go on in the order of joining, from the last place."""
        for _ in range(PAGES_AT_ONCE):
            place = self._place
            try:
                page = await self._work.api.joined(self._read.id, place.order.after)
                if place.order.was_met(page.after):
                    raise nonsense("the order of joining leads in a circle", CIRCLE)
            except PollError as error:
                if place.order.is_dead(error.refusal.status):
                    await self._advance(replace(place, order=ListPass(0)))
                raise
            self._work.fetcher.leave_out(page.bad)
            before = await self._work.memberships.known(list(page.members))
            new = joins(page.members, before, self._read.name)
            if page.after is not None:
                place = replace(place, order=place.order.at(page.after))
            if new or page.after is not None:
                await self._take(place, {id_: page.members[id_] for id_ in new}, cursor, before)
            if page.after is None:
                return

    async def _is_due(self, place: ListCursor) -> bool:
        since = milliseconds(self._work.clock.now()) - place.read_at
        every = self._read.read_every.total_seconds() * 1000
        # A clock that was set back makes a pass due, too.
        return not 0 <= since < every or await self._is_let_through(place)

    async def _is_let_through(self, place: ListCursor) -> bool:
        """Return whether a person let through what was set aside."""
        aside = place.set_aside
        return aside is not None and await self._checkpoint.accepted() == aside.number

    async def _decide(self, place: ListCursor, cursor: Cursor) -> None:
        """Decide what it means that a pass did not meet some members."""
        try:
            await self._work.troubles.facts(self._read)
        except PollError:
            # While HubSpot fills a list anew it lacks members that have not left it: of such a
            # pass nothing is believed, and the next one comes as soon as the list can be read.
            await self._advance(place.ended(place.read_at))
            raise
        if not place.checked:
            known, missing = await missing_records.count(partial(self._unmet, place))
            aside = await missing_records.doubted(
                SetAside(place.number, missing, known),
                place.set_aside,
                partial(self._is_let_through, place),
                source=self._work.settings.name,
                object_=list_place(self._work.read.name, self._read.name),
            )
            if aside is not None:
                await self._ended(replace(place, set_aside=aside))
                return
        for _ in range(PAGES_AT_ONCE):
            found = await self._unmet(place, place.checked or "")
            for start in range(0, len(found.record_ids), _CHUNK):
                ids = found.record_ids[start : start + _CHUNK]
                place = replace(place, checked=ids[-1])
                await self._let_go(place, ids, cursor)
            place = replace(place, checked=found.place)
            if found.is_last:
                await self._ended(replace(place, set_aside=None))
                return
            place = await self._advance(place)

    async def _let_go(self, place: ListCursor, ids: tuple[str, ...], cursor: Cursor) -> None:
        """Commit what became of members *ids* that the pass did not meet.

        Each is asked for by itself, as a page may lack what is there. Of one that HubSpot tells
        nothing of the pass is believed, if all of it could be understood.
        """
        told = await self._work.api.of_records(place.type_id, ids)
        stays = [id_ for id_ in ids if self._read.id in told.get(id_, frozenset())]
        left = [id_ for id_ in ids if id_ not in stays and (id_ in told or self._is_clean)]
        news = self._news(place.number, met=stays, left=left)
        await self._work.commit(self._read.name, place, news, cursor=cursor)

    async def _unmet(self, place: ListCursor, after: str) -> MissingRecords:
        name = self._read.name
        return await self._work.records.unmet(name, number=place.number, after=after)

    async def _ended(self, place: ListCursor) -> None:
        await self._advance(place.ended(milliseconds(self._work.clock.now())))


def _behind(place: ListCursor, page: MemberPage) -> ListCursor:
    """Return the place behind a page of the pass under way."""
    if page.after is None:
        return replace(place, checked="")
    under_way = place.under_way or ListPass(place.number)
    return replace(place, under_way=under_way.at(page.after))
