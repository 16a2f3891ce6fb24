"""Puts a HubSpot source together from its definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.sources.hubspot.api import Api
from webhookd.sources.hubspot.object_reader import ObjectReader, Parts
from webhookd.sources.hubspot.pages import Fetcher
from webhookd.sources.hubspot.properties import modified_property
from webhookd.sources.polling.checkpoint import Position
from webhookd.sources.polling.poller import HubspotPolls
from webhookd.sources.storage_retry import Patience
from webhookd.telemetry.figures import figures_of

if TYPE_CHECKING:
    from webhookd.definitions import HubspotObject, HubspotSource
    from webhookd.sources.dependencies import SourceDependencies
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.telemetry.figures import PollFigures


def make(settings: HubspotSource, dependencies: SourceDependencies) -> HubspotPolls:
    """Return the source that *settings* describe."""
    budget = dependencies.budgets.of(settings.base_url, settings.token)
    readers = [_reader(settings, read, dependencies, budget) for read in settings.objects]
    return HubspotPolls(
        settings, readers, schedule=dependencies.schedule, budget=budget, clocks=dependencies.clocks
    )


def _reader(
    settings: HubspotSource, read: HubspotObject, dependencies: SourceDependencies, budget: Budget
) -> tuple[ObjectReader, PollFigures]:
    figures = figures_of(settings.name, read.name)

    def count(status: str) -> None:
        figures.requests[status] += 1

    api = Api(
        settings,
        read.name,
        transport=dependencies.transport,
        egress=dependencies.egress,
        budget=budget,
        clocks=dependencies.clocks,
        count=count,
    )
    position = Position(
        settings.name,
        read.name,
        take=dependencies.take,
        ledger=dependencies.polls,
        patience=Patience(settings.name, dependencies.reports),
        figures=figures,
    )
    fetcher = Fetcher(api, read.name, modified_property(read.name))
    parts = Parts(settings, read, api, fetcher, position, figures, dependencies.clocks)
    return ObjectReader(parts), figures
