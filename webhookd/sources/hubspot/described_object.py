"""What HubSpot says of a type of object now, for a person who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.definitions import Bearer, Tls
from webhookd.sources.described import SOME, Described, DescribedProperty
from webhookd.sources.hubspot import properties
from webhookd.sources.hubspot.answers.api import BURST, Api, refusal
from webhookd.sources.hubspot.answers.pages import Fetcher
from webhookd.sources.hubspot.api_time import ClockWatch
from webhookd.sources.polling.api_client import ApiClient, Dialect
from webhookd.sources.polling.left_out import LeftOut
from webhookd.sources.polling.request_budget import Budget
from webhookd.telemetry.figures import PollFigures

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
    read = next(one for one in settings.objects if one.name == object_)
    client = ApiClient(
        settings.base_url,
        credentials_of(Bearer(settings.token), Tls(), None),
        transport=transport,
        egress=lambda: egress,
        budget=Budget(BURST, clock=clock),
        clock=clock,
        count=lambda _: None,
        dialect=Dialect(refusal),
    )
    api, modified = Api(settings, object_, client), properties.modified_property(object_)
    answer = await api.properties()
    left_out = LeftOut(PollFigures(settings.name, object_), clock.monotonic)
    fetcher = Fetcher(api, object_, modified, left_out, ClockWatch(settings.name, clock))
    fetcher.asked = properties.asked(read, properties.types(answer))
    # A scope of its own: who may read properties need not be allowed to read records.
    page = await api.page({"limit": str(SOME)})
    reading = await fetcher.read(list(_ids(page.content)))
    records = (fetcher.observation(one, None).properties for one in reading.found.values())
    return Described({one.name: one for one in _described(answer.content)}, tuple(records))


def _ids(content: Any) -> Iterator[str]:
    results = content.get("results") if isinstance(content, dict) else None
    for one in results if isinstance(results, list) else ():
        if isinstance(one, dict) and isinstance(one.get("id"), str):
            yield one["id"]


def _described(content: Any) -> Iterator[DescribedProperty]:
    # `properties.types` has seen that it is a list.
    for one in content["results"]:
        name = one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str) and name and one.get("archived") is not True:
            options = one.get("options")
            values = [
                str(option["value"])
                for option in (options if isinstance(options, list) else ())
                if isinstance(option, dict) and "value" in option
            ]
            label = str(one.get("label") or "")
            yield DescribedProperty(name, str(one.get("type")), label, tuple(values))
