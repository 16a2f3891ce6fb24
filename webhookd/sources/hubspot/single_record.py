"""One record as HubSpot has it now, read as a poll would read it, for a person who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.definitions import Bearer, Tls
from webhookd.errors import SourceError
from webhookd.sources.hubspot import properties
from webhookd.sources.hubspot.answers.api import BURST, Api, refusal
from webhookd.sources.hubspot.answers.pages import Fetcher
from webhookd.sources.hubspot.api_time import ClockWatch
from webhookd.sources.hubspot.carried.carried_parts import carrier_of
from webhookd.sources.hubspot.lists.list_api import ListApi
from webhookd.sources.hubspot.lists.memberships import TRUE
from webhookd.sources.polling.api_client import ApiClient, Dialect
from webhookd.sources.polling.left_out import LeftOut
from webhookd.sources.polling.request_budget import Budget
from webhookd.telemetry.figures import PollFigures

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
    read = next(one for one in settings.objects if one.name == object_)
    budget = Budget(BURST, clock=clock)
    client = ApiClient(
        settings.base_url,
        credentials_of(Bearer(settings.token), Tls(), None),
        transport=transport,
        egress=lambda: egress,
        budget=budget,
        clock=clock,
        count=lambda _: None,
        dialect=Dialect(refusal),
    )
    api, modified = Api(settings, object_, client), properties.modified_property(object_)
    left_out = LeftOut(PollFigures(settings.name, object_), clock.monotonic)
    fetcher = Fetcher(api, object_, modified, left_out, ClockWatch(settings.name, clock))
    carrier = carrier_of(
        settings,
        read,
        client=client,
        budget=budget,
        states=_nothing_known,
        left_out=left_out,
        clock=clock,
    )
    of_others: Mapping[str, Mapping[str, str]] = {}
    if carrier is not None:
        await carrier.begin()
        of_others = await carrier.learn()
    fetcher.asked = properties.asked(read, properties.types(await api.properties()), of_others)
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
    lists = ListApi(settings.api_version, client)
    type_id = (await lists.facts(read.lists[0].id)).type_id
    own = (await lists.of_records(type_id, [record_id])).get(record_id, frozenset())
    members = {one.property: TRUE for one in read.lists if one.id in own}
    return replace(seen, properties={**seen.properties, **members})


async def _nothing_known(_ids: Sequence[str]) -> Mapping[str, KnownState]:
    return {}
