"""A type of object as HubSpot has it now, for a person who asks: what it is asked with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.definitions import Bearer, Tls
from webhookd.sources.hubspot.answers.api import BURST, Api, refusal
from webhookd.sources.hubspot.answers.pages import Fetcher
from webhookd.sources.hubspot.api_time import ClockWatch
from webhookd.sources.hubspot.properties import modified_property
from webhookd.sources.polling.api_client import ApiClient, Dialect
from webhookd.sources.polling.left_out import LeftOut
from webhookd.sources.polling.request_budget import Budget
from webhookd.telemetry.figures import PollFigures

if TYPE_CHECKING:
    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.clock import Clock
    from webhookd.definitions import Egress, HubspotObject, HubspotSource
    from webhookd.sources.polling.api_client import ApiTransport


@dataclass(frozen=True, slots=True)
class AskedNow:
    """What one of a source's types of objects is asked with; no daemon counts these requests."""

    read: HubspotObject
    client: ApiClient
    budget: Budget
    api: Api
    left_out: LeftOut
    figures: PollFigures
    fetcher: Fetcher


def asked_now(
    settings: HubspotSource,
    object_: str,
    *,
    transport: ApiTransport,
    egress: Egress,
    clock: Clock,
    credentials_of: CredentialsOf,
) -> AskedNow:
    """Return what the type *object_* of the source is asked with."""
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
    api = Api(settings, object_, client)
    figures = PollFigures(settings.name, object_)
    left_out = LeftOut(figures, clock.monotonic)
    watch = ClockWatch(settings.name, clock)
    return AskedNow(
        next(one for one in settings.objects if one.name == object_),
        client,
        budget,
        api,
        left_out,
        figures,
        Fetcher(api, object_, modified_property(object_), left_out, watch),
    )
