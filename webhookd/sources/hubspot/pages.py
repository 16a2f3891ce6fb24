"""Pages of records: asked for within the API's limits, and turned into observations."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Any, Final

from webhookd.model import Asked, Observation
from webhookd.sources.hubspot import responses
from webhookd.sources.hubspot.api import LONGEST_BODY, LONGEST_TARGET
from webhookd.sources.hubspot.responses import ApiRecord, Page, instant
from webhookd.sources.polling.refusals import nonsense

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.model import ChangeKind
    from webhookd.sources.hubspot.api import Api
    from webhookd.sources.hubspot.cursor import Sweep
    from webhookd.sources.polling.api_client import ApiAnswer

LIST_LIMIT: Final = 100
SEARCH_LIMIT: Final = 200
READ_LIMIT: Final = 100
_MOST_EMPTY: Final = 100
"""Pages without a record in a row; more lead nowhere."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: times and ids as the index has them, the records as they are.

    *has_more* says that there is more to find; *date* is the server's time.
    """

    places: tuple[tuple[int, str], ...]
    records: tuple[ApiRecord, ...]
    has_more: bool
    date: datetime | None


class Fetcher:
    """Fetches pages of one type of object. *asked* is set before anything is fetched."""

    def __init__(self, api: Api, object_: str, modified_property: str) -> None:
        self._api = api
        self._object = object_
        self._modified = modified_property
        self.asked = Asked(frozenset())

    async def listed(self, after: str, *, archived: bool = False) -> tuple[Page, datetime | None]:
        """Return the page of the list that *after* leads to, empty for the first."""
        query = {"limit": str(LIST_LIMIT), "archived": "true" if archived else "false"}
        if after:
            query["after"] = after
        whole = query | {"properties": ",".join(self._names)}
        is_long = len(self._api.list_target(whole)) > LONGEST_TARGET
        answer = await self._api.page(query if archived or is_long else whole)
        page = self._page(answer)
        if page.after is not None and page.after == after:
            raise nonsense("the list's next page is the same page again")
        if not is_long or archived:
            return page, answer.date
        ids = [record.id for record in page.records]
        return Page(await self.read(ids), page.after, None), answer.date

    async def found(self, sweep: Sweep) -> Found:
        """Return the next page of *sweep* that holds a record, or its end."""
        body: dict[str, Any] = _search(sweep, self._modified) | {"properties": self._names}
        is_long = len(dumps(body)) > LONGEST_BODY
        if is_long:
            body["properties"] = [self._modified]
        for _ in range(_MOST_EMPTY):
            answer = await self._api.search(body)
            page = self._page(answer)
            if page.records or page.after is None:
                return await self._whole(page, answer.date, is_long=is_long)
            if page.after == body.get("after"):
                raise nonsense("the search's next page is the same page again")
            body["after"] = page.after
        raise nonsense(f"the search gives {_MOST_EMPTY} empty pages in a row")

    async def read(self, ids: Sequence[str]) -> tuple[ApiRecord, ...]:
        """Return those records with *ids* that are there and not archived, as they are now."""
        records: list[ApiRecord] = []
        for start in range(0, len(ids), READ_LIMIT):
            wanted = list(ids[start : start + READ_LIMIT])
            answer = await self._api.read(wanted, self._names)
            page = self._page(answer)
            records += [record for record in page.records if not record.archived]
            self._refuse_unread(answer)
        asked_for = set(ids)
        if any(record.id not in asked_for for record in records):
            raise nonsense("a batch read gives records that were not asked for")
        return tuple(records)

    def observation(self, record: ApiRecord, unknown_is: ChangeKind | None) -> Observation:
        """Return *record* as intake takes it."""
        names = self.asked.names
        return Observation(
            self._object,
            record.id,
            {name: value for name, value in record.properties.items() if name in names},
            modified_at=instant(record.modified),
            asked=self.asked,
            unknown_is=unknown_is,
        )

    def deletion(self, record: ApiRecord) -> Observation:
        """Return that *record* is archived. The time of its last modification has not moved."""
        when = instant(record.archived_at)
        return Observation(self._object, record.id, {}, deleted=True, occurred_at=when)

    @property
    def _names(self) -> list[str]:
        return sorted(self.asked.names | {self._modified})

    async def _whole(self, page: Page, date: datetime | None, *, is_long: bool) -> Found:
        places = tuple(_place(record) for record in page.records)
        records = page.records
        if is_long:
            records = await self.read([record.id for record in records])
        return Found(places, records, _has_more(page), date)

    def _page(self, answer: ApiAnswer) -> Page:
        try:
            return responses.page(answer.content, self._modified)
        except (TypeError, ValueError) as error:
            raise nonsense(f"the API's answer cannot be understood: {error}") from None

    def _refuse_unread(self, answer: ApiAnswer) -> None:
        try:
            why = responses.unread(answer.content)
        except TypeError as error:
            why = f"the API's answer cannot be understood: {error}"
        if why is not None:
            raise nonsense(why)


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
        "limit": SEARCH_LIMIT,
    }


def _place(record: ApiRecord) -> tuple[int, str]:
    if record.modified is None:
        raise nonsense(f"the record {record.id:.60} has no time of modification")
    return record.modified, record.id


def _has_more(page: Page) -> bool:
    """Return whether the search has more; a short page may, and a count says so too."""
    count = len(page.records)
    return page.after is not None or count >= SEARCH_LIMIT or (page.total or 0) > count
