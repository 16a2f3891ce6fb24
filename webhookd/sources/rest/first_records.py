"""What a REST API has of a type of object now, for a person who asks.

Its first records, and its properties where the definition says how to ask for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from webhookd.definitions import Tls
from webhookd.sources.described import SOME, Described
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.polling.request_budget import Budget
from webhookd.sources.rest import told_properties
from webhookd.sources.rest.detection.time_sweeps import Sweeper
from webhookd.sources.rest.rest_factory import Parts, Way, burst
from webhookd.telemetry.figures import PollFigures

if TYPE_CHECKING:
    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.clock import Clock
    from webhookd.definitions import Egress, RestSource
    from webhookd.sources.polling.api_client import ApiTransport
    from webhookd.sources.rest.answers.rest_rows import Row
    from webhookd.sources.rest.work import RestCheckpoint, Work

_ONE_BY_ONE: Final = 10
"""Records that are read by themselves where lists have little more than ids."""


async def describe(
    settings: RestSource,
    object_: str,
    *,
    transport: ApiTransport,
    egress: Egress,
    clock: Clock,
    credentials_of: CredentialsOf,
) -> Described:
    """Return records of the first page of one of the source's objects, as a first poll reads it.

    Raises PollError when the API refuses them or does not answer. Who may read records need not be
    allowed to read which properties there are: a refusal of those is told with what there is.
    """
    read = next(one for one in settings.objects if one.name == object_)
    budget = Budget(burst(settings), clock=clock)
    credentials = credentials_of(settings.authentication, Tls(), None)
    way = Way(credentials, transport, lambda: egress, budget, clock)
    parts = Parts(settings, read, way, PollFigures(settings.name, object_))
    # Nothing here commits anything.
    work: Work = parts.work(cast("RestCheckpoint", None))
    values = {}
    if read.detect.by == "time":
        sweeper = Sweeper(work, parts.proofs(work), parts.details(work))
        values = sweeper.values(sweeper.form(None), sweeper.begin(None))
    reader = work.lists if read.detect.by == "comparison" else work.sweeps
    page = await reader.page(values)
    rows = [row for row in page.rows if not row.deleted]
    if read.detail:
        rows = [row for one in rows[:_ONE_BY_ONE] if (row := await _whole(work, one)) is not None]
    records = tuple(row.properties for row in rows[:SOME])
    try:
        properties = await told_properties.told(parts.api, read)
    except PollError as error:
        return Described(records, untold=str(error))
    return Described(records, properties)


async def _whole(work: Work, row: Row) -> Row | None:
    if work.one is None:
        return row
    return (await work.one.read(row.id, is_careful=False)).row
