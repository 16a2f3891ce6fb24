"""One record as the API has it now, read as a poll would read it, for a person who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.definitions import Tls
from webhookd.errors import SourceError
from webhookd.sources.polling.request_budget import Budget
from webhookd.sources.rest.observer import Observer
from webhookd.sources.rest.rest_cursor import Cursor
from webhookd.sources.rest.rest_factory import Parts, Way, burst
from webhookd.telemetry.figures import PollFigures

if TYPE_CHECKING:
    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.clock import Clock
    from webhookd.definitions import Egress, RestSource
    from webhookd.model import Observation
    from webhookd.sources.polling.api_client import ApiTransport


async def fetch(
    settings: RestSource,
    object_: str,
    record_id: str,
    *,
    transport: ApiTransport,
    egress: Egress,
    clock: Clock,
    credentials_of: CredentialsOf,
) -> Observation:
    """Return the record of one of the source's objects, with the properties that it reads.

    Raises PollError when the API refuses or does not answer, and SourceError when it has no such
    record, or the object has no `one`.
    """
    read = next(one for one in settings.objects if one.name == object_)
    budget = Budget(burst(settings), clock=clock)
    credentials = credentials_of(settings.authentication, Tls(), None)
    way = Way(credentials, transport, lambda: egress, budget, clock)
    reader = Parts(settings, read, way, PollFigures(settings.name, object_)).one()
    if reader is None:
        raise SourceError(
            f"the source {settings.name} cannot be asked for one record of {object_}: its"
            " definition has no 'one'"
        )
    found = await reader.read(record_id, is_careful=False)
    if found.row is None and not found.is_gone:
        raise SourceError(f"the API does not give {object_} {record_id}: {found.why}")
    if found.row is None or found.row.deleted:
        raise SourceError(f"the API has no {object_} {record_id}, or it is deleted")
    observer = Observer(settings, read)
    return replace(observer.observation(found.row, Cursor(0), "healed"), unknown_is=None)
