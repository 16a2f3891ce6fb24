"""HubSpot's CRM API: endpoints for one type of object, limits, and what its errors mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from webhookd.sources.polling import refusals
from webhookd.sources.polling.refusals import UNKNOWN_LIMIT, asked_wait
from webhookd.sources.polling.request_budget import Burst

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhookd.definitions import HubspotSource
    from webhookd.sources.polling.api_client import ApiAnswer, ApiClient
    from webhookd.sources.polling.refusals import Received, Refusal

BURST: Final = Burst(90, 10.0)
"""HubSpot allows an app a hundred requests in ten seconds (the smallest plan)."""

LONGEST_BODY: Final = 3000
"""Characters of a search's body that HubSpot takes."""

LONGEST_TARGET: Final = 8000
"""Characters of a path and query: half of what is answered 414."""

_PAUSES: Final = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 900.0}
"""Seconds to wait at least at a limit, by its policy's name."""

_LOCKED: Final = 2.0
"""Seconds to wait at least for a record that another request works on."""

_MOVING: Final = 300.0
"""Seconds to wait for an account that moves to another data centre, unless it says how long."""


class Api:
    """Asks for one type of object. Every request raises PollError when it has no success."""

    def __init__(self, settings: HubspotSource, object_: str, client: ApiClient) -> None:
        self._client = client
        self._searches_per_second = settings.requests_per_second
        self._objects = f"{path_of(settings.api_version, 'objects')}/{object_}"
        self._properties = f"{path_of(settings.api_version, 'properties')}/{object_}"

    async def properties(self) -> ApiAnswer:
        """Return the names and types of all properties."""
        return await self._client.call("GET", self._properties)

    async def page(self, query: Mapping[str, str]) -> ApiAnswer:
        """Return a page of the list of records."""
        return await self._client.call("GET", self.list_target(query))

    def list_target(self, query: Mapping[str, str]) -> str:
        """Return the path and query of a page of the list."""
        return f"{self._objects}?{urlencode(query, quote_via=quote)}"

    async def search(self, body: Mapping[str, Any]) -> ApiAnswer:
        """Return what a search finds."""
        rate = self._searches_per_second
        return await self._client.call("POST", f"{self._objects}/search", body, per_second=rate)

    async def read(self, ids: list[str], names: list[str]) -> ApiAnswer:
        """Return the records with *ids* (a hundred at the most) that are there and not archived."""
        body = {"inputs": [{"id": one} for one in ids], "properties": names}
        return await self._client.call("POST", f"{self._objects}/batch/read", body)


def refusal(received: Received, hide: Callable[[str], str]) -> Refusal | None:
    """Return what an answer refuses; None when it is a success."""
    found = refusals.refusal(received, hide)
    if found is None:
        return None
    body, wait = received.members, asked_wait(received.retry_after, received.at)
    match received.status:
        case 403 | 404 if not _is_own(body):
            return replace(found, concerns="poll")
        case 423:
            return replace(found, concerns="request", wait=max(wait, _LOCKED))
        case 429:
            policy = str(body.get("policyName", ""))
            pause = _PAUSES.get(policy, UNKNOWN_LIMIT)
            why = f"{found.why} (limit {policy or 'unnamed'})"
            return replace(found, why=why, wait=max(wait, pause))
        case 477:
            why = f"{found.why}: the account is being moved"
            return replace(found, why=why, concerns="token", wait=wait or _MOVING)
        case _:
            return found


def _is_own(body: Mapping[str, Any]) -> bool:
    """Return whether an error is HubSpot's own, and not one of a proxy or a firewall on the way."""
    category = body.get("category")
    return isinstance(category, str) and bool(category)


def path_of(version: str, kind: str) -> str:
    """Return the path of all that is of a *kind* (`objects`, `lists`), in a version of the API."""
    return f"/crm/{version}/{kind}" if version.startswith("v") else f"/crm/{kind}/{version}"
