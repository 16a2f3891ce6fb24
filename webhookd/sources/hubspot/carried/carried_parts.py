"""Puts together what looks up the things that records of one type carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.sources.hubspot.answers.api import Api
from webhookd.sources.hubspot.carried.associated_records import AssociatedRecords
from webhookd.sources.hubspot.carried.associations import Pair
from webhookd.sources.hubspot.carried.carrier import Carrier, OwnerReading
from webhookd.sources.hubspot.carried.neighbours import Neighbour
from webhookd.sources.hubspot.carried.owners import OwnerApi, owners_of

if TYPE_CHECKING:
    from webhookd.clock import Clock
    from webhookd.definitions import HubspotObject, HubspotSource
    from webhookd.sources.hubspot.carried.carrier import States
    from webhookd.sources.polling.api_client import ApiClient
    from webhookd.sources.polling.left_out import LeftOut
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.telemetry.figures import PollFigures


def carrier_of(
    settings: HubspotSource,
    read: HubspotObject,
    *,
    client: ApiClient,
    budget: Budget,
    states: States,
    left_out: LeftOut,
    figures: PollFigures,
    clock: Clock,
) -> Carrier | None:
    """Return what looks up the things that records of the type *read* carry; None for nothing."""
    if not read.carried:
        return None
    names = dict.fromkeys(one.object for one in read.associated)
    owners = None
    if read.owners:
        api = OwnerApi(client, settings.api_version, settings.name, read.name)
        owners = OwnerReading(owners_of(budget, clock), api)
    return Carrier(
        read,
        neighbours={name: _neighbour(settings, read, name, client) for name in names},
        owners=owners,
        states=states,
        left_out=left_out,
        figures=figures,
        clock=clock,
    )


def _neighbour(
    settings: HubspotSource, read: HubspotObject, name: str, client: ApiClient
) -> Neighbour:
    api = Api(settings, name, client)
    wanted = (own for one in read.associated if one.object == name for own in one.properties)
    return Neighbour(
        settings.name,
        read.name,
        name,
        api=api,
        pair=Pair(client, settings.api_version, read.name, name),
        records=AssociatedRecords(api, name, wanted),
    )
