"""What HubSpot says of a type of object now, for a person who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.sources.described import SOME, Described, DescribedProperty
from webhookd.sources.hubspot import properties
from webhookd.sources.hubspot.answers import responses
from webhookd.sources.hubspot.now import asked_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.clock import Clock
    from webhookd.definitions import Egress, HubspotSource
    from webhookd.sources.polling.api_client import ApiTransport


async def describe(
    settings: HubspotSource,
    object_: str,
    *,
    transport: ApiTransport,
    egress: Egress,
    clock: Clock,
    credentials_of: CredentialsOf,
) -> Described:
    """Return the properties of one of the source's objects, and a page of records.

    Raises PollError when HubSpot refuses the token or a scope, or does not answer.
    """
    now = asked_now(
        settings,
        object_,
        transport=transport,
        egress=egress,
        clock=clock,
        credentials_of=credentials_of,
    )
    answer = await now.api.properties()
    now.fetcher.ask_for(properties.asked(now.read, properties.types(answer)))
    # A scope of its own: who may read properties need not be allowed to read records.
    page, _ = await now.fetcher.listed("")
    records = (now.fetcher.observation(one, None).properties for one in page.records[:SOME])
    named = {one.name: one for one in _described(answer.content)}
    return Described(tuple(records), named, is_whole=True)


def _described(content: Any) -> Iterator[DescribedProperty]:
    for one in responses.properties(content):
        options = one.get("options")
        values = [
            str(option["value"])
            for option in (options if isinstance(options, list) else ())
            if isinstance(option, dict) and "value" in option
        ]
        label = str(one.get("label") or "")
        yield DescribedProperty(one["name"], str(one.get("type")), label, tuple(values))
