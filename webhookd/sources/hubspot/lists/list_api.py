"""What HubSpot is asked about lists and their members, and what it answers.

Paths and shapes are those of its published description (CRM Lists, 2026-03). Values whose kind it
leaves open are taken as text or as number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from webhookd.sources.hubspot.answers import responses
from webhookd.sources.hubspot.answers.api import path_of
from webhookd.sources.hubspot.answers.batch_reads import OF_ONE
from webhookd.sources.hubspot.cursor import CIRCLE
from webhookd.sources.polling.left_out import BadRecord
from webhookd.sources.polling.refusals import PollError, nonsense

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhookd.sources.polling.api_client import ApiClient

PAGE_LIMIT: Final = 250
"""Members that one page may have."""

BATCH_LIMIT: Final = 100
"""Records that one request asks about. HubSpot does not say how many it may be, so that a refused
request is halved."""

_DONE: Final = "COMPLETE"


@dataclass(frozen=True, slots=True)
class ListFacts:
    """What a list says of itself: whose it is, and why nothing can be read of it now, if so."""

    type_id: str
    is_deleted: bool
    processing: str | None
    """How far HubSpot is with filling the list, where that is not over."""


@dataclass(frozen=True, slots=True)
class MemberPage:
    """A page of members, each with when it joined in milliseconds; *after* leads to the next."""

    members: Mapping[str, int | None]
    bad: tuple[BadRecord, ...]
    after: str | None


class ListApi:
    """Asks about lists. Every request raises PollError when it has no success."""

    def __init__(self, version: str, client: ApiClient) -> None:
        self._client = client
        self._base = path_of(version, "lists")
        self._limit = BATCH_LIMIT

    async def facts(self, list_id: str) -> ListFacts:
        """Return what the list says of itself."""
        return _facts((await self._client.call("GET", f"{self._base}/{list_id}")).content)

    async def members(self, list_id: str, after: str | None) -> MemberPage:
        """Return a page of all members, in the order of their ids."""
        return await self._page(f"{self._base}/{list_id}/memberships", after)

    async def joined(self, list_id: str, after: str | None) -> MemberPage:
        """Return a page of all members, in the order in which they joined."""
        return await self._page(f"{self._base}/{list_id}/memberships/join-order", after)

    async def of_records(self, type_id: str, ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return the ids of all lists of each of the records *ids* that HubSpot tells of.

        Of a record that has no entry nothing was learned.
        """
        found: dict[str, frozenset[str]] = {}
        place = 0
        while place < len(ids):
            some = ids[place : place + self._limit]
            await self._read_some(type_id, some, found)
            place += len(some)
        return found

    async def _read_some(
        self, type_id: str, ids: Sequence[str], found: dict[str, frozenset[str]]
    ) -> bool:
        """Read the lists of *ids* into *found*; return whether HubSpot took all of them.

        Where it takes both halves and not the whole, so many are too many from then on. Where it
        does not take one alone, that one is to blame.
        """
        try:
            found |= await self._lists_of(type_id, ids)
        except PollError as error:
            if error.refusal.status not in OF_ONE:
                raise
            if len(ids) == 1:
                return False
            middle = (len(ids) + 1) // 2
            halves = [
                await self._read_some(type_id, ids[:middle], found),
                await self._read_some(type_id, ids[middle:], found),
            ]
            if all(halves):
                self._limit = min(self._limit, middle)
            return all(halves)
        return True

    async def _lists_of(self, type_id: str, ids: Sequence[str]) -> dict[str, frozenset[str]]:
        inputs = [{"objectTypeId": type_id, "recordId": one} for one in ids]
        target = f"{self._base}/records/memberships/batch/read"
        answer = await self._client.call("POST", target, {"inputs": inputs})
        wanted = frozenset(ids)
        return {id_: lists for id_, lists in _memberships(answer.content) if id_ in wanted}

    async def _page(self, path: str, after: str | None) -> MemberPage:
        query = {"limit": str(PAGE_LIMIT)} | ({"after": after} if after else {})
        content = (await self._client.call("GET", f"{path}?{urlencode(query)}")).content
        page = _member_page(content)
        if page.after is not None and page.after == after:
            raise nonsense("the list's next page is the same page again", CIRCLE)
        return page


def _facts(content: Mapping[str, Any]) -> ListFacts:
    found = content.get("list")
    type_id = found.get("objectTypeId") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(type_id, str):
        raise nonsense("the list's answer cannot be understood: it names no type of object")
    status = found.get("processingStatus")
    is_over = not isinstance(status, str) or status in {"", _DONE}
    return ListFacts(str(type_id), bool(found.get("deletedAt")), None if is_over else str(status))


def _member_page(content: dict[str, Any]) -> MemberPage:
    results = content.get("results")
    if not isinstance(results, list):
        raise nonsense("the members of the list cannot be understood: 'results' is not a list")
    members: dict[str, int | None] = {}
    bad: list[BadRecord] = []
    for one in results:
        try:
            if not isinstance(one, dict):
                raise TypeError("it is not an object")  # noqa: TRY301 - told like the others
            id_ = responses.id_of(one.get("recordId"))
            members[id_] = responses.time_or_none(one.get("membershipTimestamp"))
        except (TypeError, ValueError) as error:
            bad.append(BadRecord("a member of a list", str(error)))
    after, lacks_after = responses.following(content)
    if lacks_after:
        raise nonsense("'paging.next' of a list's members has no 'after'")
    return MemberPage(members, tuple(bad), after)


def _memberships(content: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each record that an answer tells of, with the ids of its lists.

    What cannot be understood tells nothing, and so does an answer that is not whole.
    """
    results = content.get("results")
    if not isinstance(results, list):
        raise nonsense("the lists of records cannot be understood: 'results' is not a list")
    if content.get("status", _DONE) != _DONE:
        return
    for one in results:
        lists = one.get("recordListMemberships") if isinstance(one, dict) else None
        if not isinstance(lists, list):
            continue
        try:
            ids = {responses.id_of(each.get("listId")) for each in lists}
            yield responses.id_of(one.get("recordId")), frozenset(ids)
        except (AttributeError, TypeError, ValueError):
            continue
