"""Owners of an account: one list for all that a token reads, in memory, read again every hour.

An owner whom the list lacks is asked for by itself, and may be an archived one.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode
from weakref import WeakKeyDictionary

from webhookd import telemetry
from webhookd.rules.json_text import text as json_text
from webhookd.sources.formats.json_values import WholeNumber
from webhookd.sources.hubspot.answers.api import path_of
from webhookd.sources.hubspot.answers.responses import following, text_or_none
from webhookd.sources.polling.refusals import PollError, nonsense
from webhookd.telemetry.events import OwnersStale, OwnerUnknown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from webhookd.clock import Clock
    from webhookd.definitions import HubspotOwner
    from webhookd.model import JsonText, Properties
    from webhookd.sources.polling.api_client import ApiClient
    from webhookd.sources.polling.request_budget import Budget

READ_EVERY: Final = 3600.0
"""Seconds after which the list is read again."""

ASKED_EVERY: Final = 600.0
"""Seconds after which an owner whom nobody knows is asked for again."""

MOST_PAGES: Final = 1000
_LIMIT: Final = 100
_MOST_UNKNOWN: Final = 10_000
_NOT_FOUND: Final = 404
_PROPERTIES: Final = ("id", "email", "firstName", "lastName", "userId", "type")


class OwnerList:
    """The owners whom a token may see, by id.

    *stale* is why they could not be read again, None where they were.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._owners: dict[str, Properties] | None = None
        self._read_at = 0.0
        self._asked_at: dict[str, float] = {}
        self._told: set[str] = set()
        self.stale: str | None = None
        # Types of objects are read side by side, and each of them may be the first to ask.
        self._turn = asyncio.Lock()

    async def refresh(self, api: OwnerApi) -> None:
        """Read the list, unless it was read within the hour.

        Raises PollError where there is no list yet; an older one is used and warned of.
        """
        async with self._turn:
            now = self._clock.monotonic()
            if self._owners is not None and now < self._read_at + READ_EVERY:
                return
            try:
                owners = {owner_id: one async for owner_id, one in api.all()}
            except PollError as error:
                if self._owners is None or error.is_general:
                    raise
                self.stale = str(error)
                telemetry.report(OwnersStale(api.source, self.stale))
            else:
                self._owners, self.stale = owners, None
                self._asked_at.clear()
            self._read_at = now

    async def owner(self, owner_id: str, api: OwnerApi) -> Properties | None:
        """Return an owner's properties; None where HubSpot knows none with this id."""
        async with self._turn:
            owners = self._owners if self._owners is not None else {}
            now = self._clock.monotonic()
            if owner_id not in owners and self._asked_at.get(owner_id, now) <= now:
                if len(self._asked_at) >= _MOST_UNKNOWN:
                    self._asked_at.clear()
                found = await api.one(owner_id)
                if found is None:
                    self._asked_at[owner_id] = now + ASKED_EVERY
                    self._tell(owner_id, api)
                else:
                    owners[owner_id] = found
                    self._owners = owners
            return owners.get(owner_id)

    def _tell(self, owner_id: str, api: OwnerApi) -> None:
        if owner_id not in self._told and len(self._told) < _MOST_UNKNOWN:
            self._told.add(owner_id)
            telemetry.report(OwnerUnknown(api.source, api.object, owner_id))


_OF_TOKENS: WeakKeyDictionary[Budget, OwnerList] = WeakKeyDictionary()


def owners_of(budget: Budget, clock: Clock) -> OwnerList:
    """Return the owners for all that has a token's *budget*: kept through reloads, as that is."""
    if budget not in _OF_TOKENS:
        _OF_TOKENS[budget] = OwnerList(clock)
    return _OF_TOKENS[budget]


class OwnerApi:
    """Asks for owners, for the sake of records of the type *object_* of a *source*."""

    def __init__(self, client: ApiClient, api_version: str, source: str, object_: str) -> None:
        self._client = client
        self._path = path_of(api_version, "owners")
        self.source = source
        self.object = object_

    async def all(self) -> AsyncIterator[tuple[str, Properties]]:
        """Yield the id and the properties of every owner, those that are archived first."""
        for archived in ("true", "false"):
            query = {"limit": str(_LIMIT), "archived": archived}
            for _ in range(MOST_PAGES):
                content = await self._get(f"{self._path}?{urlencode(query)}")
                for one in _owners(content):
                    yield one
                after, _ = following(content)
                if after is None or after == query.get("after"):
                    break
                query["after"] = after

    async def one(self, owner_id: str) -> Properties | None:
        """Return the properties of one owner, archived or not; None where there is none."""
        for archived in ("false", "true"):
            target = f"{self._path}/{quote(owner_id, safe='')}?archived={archived}"
            try:
                answer = await self._client.call("GET", target, accept=(_NOT_FOUND,))
            except PollError as error:
                # What is no id of an owner may be refused as such.
                if error.refusal.status != "400":
                    raise self._refused(error) from None
                continue
            if not answer.is_empty and isinstance(answer.content, dict):
                return _properties(answer.content)
        return None

    async def _get(self, target: str) -> dict[str, Any]:
        try:
            content = (await self._client.call("GET", target)).content
        except PollError as error:
            raise self._refused(error) from None
        if not isinstance(content, dict) or not isinstance(content.get("results"), list):
            raise nonsense("the API's list of owners cannot be understood")
        return content

    def _refused(self, error: PollError) -> PollError:
        if error.refusal.concerns != "object":
            return error
        why = (
            f"{self.object} wait: no permission to read owners;"
            f" the token needs the scope crm.objects.owners.read ({error})"
        )
        return PollError(replace(error.refusal, why=why))


def values(read: HubspotOwner, owner: Properties | None) -> dict[str, JsonText]:
    """Return what a record gets of its *owner*."""
    found = owner or {}
    return {
        name: found[own]
        for name in read.names
        if (own := name.removeprefix(f"{read.prefix}.")) in found
    }


def _owners(content: Mapping[str, Any]) -> Iterator[tuple[str, Properties]]:
    for one in content["results"]:
        if isinstance(one, dict) and (owner_id := text_or_none(one.get("id"))):
            yield owner_id, _properties(one)


def _properties(one: Mapping[str, Any]) -> Properties:
    """Return an owner's properties that have a value, each as its JSON text."""
    found = {name: _json(one.get(name)) for name in _PROPERTIES}
    return {name: value for name, value in found.items() if value is not None}


def _json(value: object) -> JsonText | None:
    match value:
        case WholeNumber():
            return str(value)
        case str() if value:
            return json_text(value)
        case _:
            return None
