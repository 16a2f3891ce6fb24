"""Puts a HubSpot source together from its definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.sources.hubspot.api import Api, Clocks
from webhookd.sources.hubspot.object_reader import ObjectReader, Parts
from webhookd.sources.hubspot.pages import Fetcher
from webhookd.sources.hubspot.properties import modified_property
from webhookd.sources.polling.checkpoint import Position
from webhookd.sources.polling.poller import HubspotPolls
from webhookd.sources.storage_retry import Patience
from webhookd.telemetry.figures import figures_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.definitions import Egress, HubspotObject, HubspotSource
    from webhookd.sources.hubspot.api import Sender
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.sources.source import PollLedger, Reports, Schedule, Take
    from webhookd.telemetry.figures import PollFigures


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a source of an API needs of the daemon."""

    take: Take
    ledger: PollLedger
    reports: Reports
    transport: Sender
    egress: Callable[[], Egress]
    schedule: Schedule
    clocks: Clocks


def make(settings: HubspotSource, around: Surroundings, budget: Budget) -> HubspotPolls:
    """Return the source that *settings* describe."""
    readers = [_reader(settings, read, around, budget) for read in settings.objects]
    return HubspotPolls(
        settings, readers, schedule=around.schedule, budget=budget, clocks=around.clocks
    )


def _reader(
    settings: HubspotSource, read: HubspotObject, around: Surroundings, budget: Budget
) -> tuple[ObjectReader, PollFigures]:
    figures = figures_of(settings.name, read.name)

    def count(status: str) -> None:
        figures.requests[status] += 1

    api = Api(
        settings,
        read.name,
        transport=around.transport,
        egress=around.egress,
        budget=budget,
        clocks=around.clocks,
        count=count,
    )
    position = Position(
        settings.name,
        read.name,
        take=around.take,
        ledger=around.ledger,
        patience=Patience(settings.name, around.reports),
        figures=figures,
    )
    fetcher = Fetcher(api, read.name, modified_property(read.name))
    parts = Parts(settings, read, api, fetcher, position, figures, around.clocks)
    return ObjectReader(parts), figures
