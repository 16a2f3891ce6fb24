"""One record as HubSpot has it now, read as a poll would read it, for a person who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.errors import SourceError
from webhookd.sources.hubspot import properties
from webhookd.sources.hubspot.carried.carried_parts import carrier_of
from webhookd.sources.hubspot.lists.list_api import ListApi
from webhookd.sources.hubspot.lists.memberships import TRUE
from webhookd.sources.hubspot.now import asked_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.clock import Clock
    from webhookd.definitions import Egress, HubspotSource
    from webhookd.model import KnownState, Observation
    from webhookd.sources.polling.api_client import ApiTransport


async def fetch(
    settings: HubspotSource,
    object_: str,
    record_id: str,
    *,
    transport: ApiTransport,
    egress: Egress,
    clock: Clock,
    credentials_of: CredentialsOf,
) -> Observation:
    """Return the record of one of the source's objects, with the properties that it reads.

    Raises PollError when HubSpot refuses or does not answer, and SourceError when it has no such
    record.
    """
    now = asked_now(
        settings,
        object_,
        transport=transport,
        egress=egress,
        clock=clock,
        credentials_of=credentials_of,
    )
    read, fetcher = now.read, now.fetcher
    carrier = carrier_of(
        settings,
        read,
        client=now.client,
        budget=now.budget,
        states=_nothing_known,
        left_out=now.left_out,
        figures=now.figures,
        clock=clock,
    )
    of_others: Mapping[str, Mapping[str, str]] = {}
    if carrier is not None:
        await carrier.begin()
        of_others = await carrier.learn()
    types = properties.types(await now.api.properties())
    fetcher.ask_for(properties.asked(read, types, of_others))
    reading = await fetcher.read([record_id])
    if record_id in reading.merged:
        into = reading.merged[record_id]
        raise SourceError(f"{object_} {record_id} was merged into {into}; ask for that id")
    if record_id in reading.unreadable:
        reason = reading.unreadable[record_id].reason
        raise SourceError(f"HubSpot does not give {object_} {record_id}: {reason}")
    if record_id not in reading.found:
        raise SourceError(f"HubSpot has no {object_} {record_id}, or it is archived")
    seen = fetcher.observation(reading.found[record_id], None)
    if carrier is not None:
        carrying = await carrier.complete([seen])
        if not carrying:
            raise SourceError(f"what {object_} {record_id} carries cannot be read")
        seen = carrying[0]
    if not read.lists:
        return seen
    lists = ListApi(settings.api_version, now.client)
    type_id = (await lists.facts(read.lists[0].id)).type_id
    own = (await lists.of_records(type_id, [record_id])).get(record_id, frozenset())
    members = {one.property: TRUE for one in read.lists if one.id in own}
    return replace(seen, properties={**seen.properties, **members})


async def _nothing_known(_ids: Sequence[str]) -> Mapping[str, KnownState]:
    return {}
