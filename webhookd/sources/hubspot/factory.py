"""Puts a HubSpot source together from its definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.definitions import Bearer, Tls
from webhookd.model import list_place
from webhookd.sources.hubspot import cursor
from webhookd.sources.hubspot.answers.api import BURST, Api, refusal
from webhookd.sources.hubspot.answers.pages import Fetcher
from webhookd.sources.hubspot.api_time import ClockWatch
from webhookd.sources.hubspot.carried.carried_parts import carrier_of
from webhookd.sources.hubspot.lists import all_lists, list_cursor
from webhookd.sources.hubspot.object_reader import ObjectReader, ReaderDependencies
from webhookd.sources.hubspot.properties import modified_property
from webhookd.sources.polling.api_client import ApiClient, Dialect
from webhookd.sources.polling.checkpoint import Checkpoint
from webhookd.sources.polling.left_out import LeftOut
from webhookd.sources.polling.poller import Poller
from webhookd.sources.storage_retry import StorageRetry
from webhookd.telemetry.figures import figures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.definitions import HubspotObject, HubspotSource
    from webhookd.model import Observation
    from webhookd.sources.dependencies import SourceDependencies
    from webhookd.sources.hubspot.lists.list_cursor import ListCursor
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.telemetry.figures import PollFigures


def make(settings: HubspotSource, dependencies: SourceDependencies) -> Poller:
    """Return the source that *settings* describe."""
    budget = dependencies.budgets.of(settings.base_url, settings.token, BURST)
    watch = ClockWatch(settings.name, dependencies.clock)
    made = [_reader(settings, read, dependencies, budget, watch) for read in settings.objects]

    def wake_lists() -> None:
        for reader, _ in made:
            reader.wake_lists()

    return Poller(
        settings.name,
        settings.poll_every,
        made,
        schedule=dependencies.schedule,
        budget=budget,
        clock=dependencies.clock,
        ledger=dependencies.polls,
        requests_per_second=settings.requests_per_second,
        wake_parts=wake_lists,
    )


def _reader(
    settings: HubspotSource,
    read: HubspotObject,
    dependencies: SourceDependencies,
    budget: Budget,
    watch: ClockWatch,
) -> tuple[ObjectReader, PollFigures]:
    figures = figures_of(settings.name, read.name)
    figures.begin_parts(read.parts)

    def count(status: str) -> None:
        figures.requests[status] += 1

    client = ApiClient(
        settings.base_url,
        dependencies.credentials_of(Bearer(settings.token), Tls(), None),
        transport=dependencies.transport,
        egress=dependencies.egress,
        budget=budget,
        clock=dependencies.clock,
        count=count,
        dialect=Dialect(refusal),
    )
    checkpoint = Checkpoint(
        settings.name,
        read.name,
        parsed=cursor.parsed,
        ingest=dependencies.ingest,
        ledger=dependencies.polls,
        storage_retry=StorageRetry(settings.name, dependencies.report),
        figures=figures,
    )
    api = Api(settings, read.name, client)
    left_out = LeftOut(figures, dependencies.clock.monotonic)
    fetcher = Fetcher(api, read.name, modified_property(read.name), left_out, watch)
    carrier = carrier_of(
        settings,
        read,
        client=client,
        budget=budget,
        states=checkpoint.states,
        left_out=left_out,
        figures=figures,
        clock=dependencies.clock,
    )

    def list_checkpoint(name: str) -> Checkpoint[ListCursor]:
        return Checkpoint(
            settings.name,
            list_place(read.name, name),
            parsed=list_cursor.parsed,
            ingest=dependencies.ingest,
            ledger=dependencies.polls,
            storage_retry=StorageRetry(settings.name, dependencies.report),
            figures=figures,
        )

    lists = all_lists.make(
        settings,
        read,
        client=client,
        fetcher=fetcher,
        records=checkpoint,
        checkpoint_of=list_checkpoint,
        figures=figures,
        clock=dependencies.clock,
        carried=_unchanged if carrier is None else carrier.complete,
        watch=watch,
    )
    if carrier is not None:
        checkpoint.complete_with(carrier.before(checkpoint.complete))
    reader = ReaderDependencies(
        settings, read, api, fetcher, checkpoint, lists, carrier, figures, dependencies.clock, watch
    )
    return ObjectReader(reader), figures


async def _unchanged(observations: Sequence[Observation]) -> Sequence[Observation]:
    """Return *observations* of records that carry nothing from elsewhere."""
    return observations
