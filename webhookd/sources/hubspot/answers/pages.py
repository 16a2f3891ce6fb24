"""Pages of records: asked for within the API's limits, and turned into observations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from json import dumps
from typing import TYPE_CHECKING, Any, Final, Protocol

from webhookd.model import Asked, Deletion, Observation
from webhookd.sources.hubspot.answers import batch_reads, responses
from webhookd.sources.hubspot.answers.api import LONGEST_BODY, LONGEST_TARGET
from webhookd.sources.hubspot.answers.batch_reads import NOBODY
from webhookd.sources.hubspot.answers.responses import ApiRecord, Page, instant
from webhookd.sources.hubspot.cursor import CIRCLE
from webhookd.sources.polling.left_out import BadRecord
from webhookd.sources.polling.refusals import TOO_LARGE, PollError, nonsense

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from webhookd.model import ChangeKind
    from webhookd.sources.hubspot.answers.api import Api
    from webhookd.sources.hubspot.answers.batch_reads import Reading
    from webhookd.sources.hubspot.api_time import ClockWatch
    from webhookd.sources.hubspot.cursor import Sweep
    from webhookd.sources.polling.api_client import ApiAnswer
    from webhookd.sources.polling.left_out import LeftOut

LIST_LIMIT: Final = 100
SEARCH_LIMIT: Final = 200
_MOST_EMPTY: Final = 100
"""Pages without a record in a row; more lead nowhere."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: times and ids as the index has them, the records as they are.

    *has_more* says that a next page exists; *date* is the server's time. *merged* leads from ids
    of records that were merged to those that they were merged into.
    """

    places: tuple[tuple[int, str], ...]
    records: tuple[ApiRecord, ...]
    has_more: bool
    date: datetime | None
    merged: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids on a page of the list; *after* leads to the next one, *date* is the server's time."""

    ids: tuple[str, ...]
    after: str | None
    date: datetime | None


class Ask(Protocol):
    """Asks for a page of records, bare ones where it *is_bare*: without properties."""

    async def __call__(self, limit: int, *, is_bare: bool) -> ApiAnswer:
        """Return the answer, with *limit* records at the most."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """An answer, and what was asked for: how many records, and whether bare ones."""

    answer: ApiAnswer
    limit: int
    is_bare: bool


class Fetcher:
    """Fetches pages of one type of object. *asked* is set before anything is fetched.

    Properties *beside* those are read as well, and are no part of what is observed.
    """

    def __init__(
        self,
        api: Api,
        object_: str,
        modified_property: str,
        left_out: LeftOut,
        watch: ClockWatch,
    ) -> None:
        self._api = api
        self._watch = watch
        self._left_out = left_out
        self._object = object_
        self._modified = modified_property
        self._divisor = 1
        self.asked = Asked(frozenset())
        self.beside: frozenset[str] = frozenset()

    def ask_for(self, asked: Asked, beside: frozenset[str] = frozenset()) -> None:
        """Read the properties *asked* from now on, and those *beside* them."""
        self.asked, self.beside = asked, beside

    async def listed(self, after: str, *, archived: bool = False) -> tuple[Page, datetime | None]:
        """Return the page of the list that *after* leads to, empty for the first."""
        query = {"archived": "true" if archived else "false"}
        if after:
            query["after"] = after
        names = {"properties": ",".join(self._names)}
        is_long = len(self._api.list_target(query | names)) > LONGEST_TARGET

        async def ask(limit: int, *, is_bare: bool) -> ApiAnswer:
            size = {"limit": str(limit)}
            return await self._api.page(query | size if is_bare else query | size | names)

        asked = await self._asked(ask, LIST_LIMIT, is_bare=archived or is_long)
        answer, is_bare = asked.answer, asked.is_bare
        page = self._page(answer)
        if page.lacks_after:
            page = replace(page, after=_last_id(page))
        if page.after is not None and page.after == after:
            raise nonsense("the list's next page is the same page again", CIRCLE)
        if is_bare and not archived:
            reading = await self.read([record.id for record in page.records])
            page = replace(page, records=tuple(reading.found.values()))
        return page, answer.date

    async def found(self, sweep: Sweep) -> Found:
        """Return the next page of *sweep* that holds a record with a place, or its end."""
        body = _search(sweep, self._modified)
        is_long = len(dumps(body | {"properties": self._names})) > LONGEST_BODY

        async def ask(limit: int, *, is_bare: bool) -> ApiAnswer:
            names = [self._modified] if is_bare else self._names
            return await self._api.search(body | {"limit": limit, "properties": names})

        for _ in range(_MOST_EMPTY):
            asked = await self._asked(ask, SEARCH_LIMIT, is_bare=is_long)
            page = self._page(asked.answer)
            if page.places or page.after is None:
                return await self._whole(page, sweep, asked)
            if page.after == body.get("after"):
                raise nonsense("the search's next page is the same page again")
            body["after"] = page.after
        raise nonsense(f"the search gives {_MOST_EMPTY} pages in a row without a record")

    async def ids(self, after: str) -> Ids:
        """Return the ids on the page of the list that *after* leads to, empty for the first."""
        query = {"archived": "false", "properties": "hs_object_id"}
        if after:
            query["after"] = after

        async def ask(limit: int, *, is_bare: bool) -> ApiAnswer:  # noqa: ARG001 - always is
            return await self._api.page(query | {"limit": str(limit)})

        asked = await self._asked(ask, LIST_LIMIT, is_bare=True)
        page = self._page(asked.answer)
        if page.lacks_after:
            page = replace(page, after=_last_id(page))
        # A record that cannot be understood is there all the same.
        ids = (*(one.id for one in page.records), *(one.id for one in page.bad))
        return Ids(ids, page.after, asked.answer.date)

    async def read(self, ids: Sequence[str], named_by: Mapping[str, str] = NOBODY) -> Reading:
        """Return what is there of the records with *ids*, as it is now.

        *named_by* leads from some of them to records that say that they were merged into them.
        """
        reading = await batch_reads.read(self._api, ids, self._names, self._modified, named_by)
        self._left_out.note(tuple(reading.unreadable.values()))
        return reading

    def observation(self, record: ApiRecord, unknown_is: ChangeKind | None) -> Observation:
        """Return *record* as intake takes it."""
        names = self.asked.names
        return Observation(
            self._object,
            record.id,
            {name: value for name, value in record.properties.items() if name in names},
            modified_at=self._modified_at(record),
            asked=self.asked,
            unknown_is=unknown_is,
        )

    def _modified_at(self, record: ApiRecord) -> datetime | None:
        """Return when *record* was modified; None for a time to come, which would freeze it."""
        is_ahead = record.modified is not None and self._watch.is_ahead(record.modified)
        return None if is_ahead else instant(record.modified)

    def leave_out(self, records: Sequence[BadRecord]) -> None:
        """Report *records* of answers that others took apart, which could not be understood."""
        self._left_out.note(records)

    def ended(
        self, id_: str, deletion: Deletion, occurred_at: datetime | None = None
    ) -> Observation:
        """Return that the record *id_* is no more, as *deletion* says; None: nobody knows when."""
        return Observation(
            self._object, id_, {}, deleted=True, occurred_at=occurred_at, deletion=deletion
        )

    def deletion(self, record: ApiRecord) -> Observation:
        """Return that *record* is archived. The time of its last modification has not moved."""
        return self.ended(record.id, Deletion("archived"), instant(record.archived_at))

    @property
    def _names(self) -> list[str]:
        # What comes from elsewhere has a dot in its name, and HubSpot's own have none.
        own = {name for name in self.asked.names if "." not in name}
        return sorted(own | self.beside | {self._modified})

    async def _asked(self, ask: Ask, most: int, *, is_bare: bool) -> _Asked:
        """Return what *ask* gets, *most* records or as many as an answer that can be read holds.

        Where one record alone is too much, the answer is bare: it has no properties.
        """
        while True:
            limit = max(1, most // self._divisor)
            try:
                answer = await ask(limit, is_bare=is_bare)
            except PollError as error:
                if error.refusal.status != TOO_LARGE or (limit == 1 and is_bare):
                    raise
                self._divisor *= 2
                is_bare = is_bare or limit == 1
            else:
                self._divisor = max(1, self._divisor // 2)
                return _Asked(answer, limit, is_bare)

    async def _whole(self, page: Page, sweep: Sweep, asked: _Asked) -> Found:
        records, odd = [], []
        for record in page.records:
            why = _oddity(record, sweep)
            if why is None:
                records.append(record)
            else:
                odd.append(BadRecord(record.id, why))
        self._left_out.note(odd)
        merged: Mapping[str, str] = NOBODY
        if asked.is_bare:
            reading = await self.read([record.id for record in records])
            records, merged = list(reading.found.values()), reading.merged
        has_more = _has_more(page, asked.limit)
        return Found(page.places, tuple(records), has_more, asked.answer.date, merged)

    def _page(self, answer: ApiAnswer) -> Page:
        try:
            page = responses.page(answer.content, self._modified)
        except TypeError as error:
            raise nonsense(f"the API's answer cannot be understood: {error}") from None
        self._left_out.note(page.bad)
        return page


def _search(sweep: Sweep, modified: str) -> dict[str, Any]:
    """Return the search for what comes next in *sweep*.

    Each page is a search of its own, from the newest time seen: pages of one search would shift
    while records change, and end at 10,000.
    """
    at = {"propertyName": modified, "value": str(sweep.at)}
    if sweep.last_id is None:
        filters, sort = [at | {"operator": "GTE"}], modified
    else:
        filters, sort = [at | {"operator": "EQ"}], "hs_object_id"
        if sweep.last_id:
            behind = {"propertyName": sort, "operator": "GT", "value": sweep.last_id}
            filters.append(behind)
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
    }


def _oddity(record: ApiRecord, sweep: Sweep) -> str | None:
    """Return why *record* cannot be what *sweep* searched for; None where it can."""
    if record.modified is None:
        return "it has no time of modification"
    if record.modified < sweep.at:
        return "its time of modification is before the time that was asked for"
    return None


def _last_id(page: Page) -> str:
    """Return the id of the last record, which leads to the next page where the answer does not."""
    if not page.records:
        raise nonsense("'paging.next' has no 'after'")
    return page.records[-1].id


def _has_more(page: Page, limit: int) -> bool:
    """Return whether the search has more; a short page may, and a count says so too."""
    has_next = page.after is not None or page.lacks_after
    return has_next or page.count >= limit or (page.total or 0) > page.count
