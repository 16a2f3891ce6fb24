"""How everything stands: the status, the sources, and the metrics."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

from webhookd import __version__
from webhookd.model import REMOVED
from webhookd.operations import unknown_properties, webhook_detail
from webhookd.operations.deliveries.delivery_views import by_hand
from webhookd.operations.source_overview import listed
from webhookd.operations.unknown_properties import RecentLooks
from webhookd.operations.view_builders import (
    as_written,
    member,
    polled,
    reload_result,
    running_backfill,
    running_source,
)
from webhookd.sources import kinds
from webhookd.storage.moments import stored_moments
from webhookd.storage.webhooks import backlog
from webhookd.telemetry import figures, metrics
from webhookd.views.sources import SourcesView
from webhookd.views.status import StatusView
from webhookd.views.webhooks import WebhookView

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import Source, Webhook
    from webhookd.delivery.breaker import Probed
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.operations.deliveries.bulk_changes import BulkChanges
    from webhookd.sources.source import DiskSpace, FileCounts
    from webhookd.storage.webhooks.backlog import Standing
    from webhookd.views.deliveries import ByHandView
    from webhookd.views.view import JsonObject
    from webhookd.views.webhooks import ShownWebhookView, WebhookState


_NO_MOMENTS: Final[tuple[int | None, datetime | None]] = (None, None)
"""How a webhook without a timer stands."""


class StatusReport:
    """Tells how the daemon, its webhooks and its sources stand."""

    def __init__(self, dependencies: ControlDependencies, *, host: str, clock: Clock) -> None:
        self._dependencies = dependencies
        self._host = host
        self._now = clock.now
        self._started_at: datetime
        self._looks = RecentLooks(clock.monotonic)
        self._changes: BulkChanges | None = None
        self._written: tuple[Mapping[str, Any], JsonObject[Any]] | None = None

    def watch(self, changes: BulkChanges) -> None:
        """Tell of *changes* by hand as well."""
        self._changes = changes

    def begin(self) -> None:
        """Take note that the daemon begins to answer, which counts as its start."""
        self._started_at = self._now()

    async def sources(self) -> SourcesView:
        """Return every source that was ever configured; those polled with how each object goes."""
        return await self._sources((await self._standings(self._now())).values())

    async def _standings(self, now: datetime) -> dict[str, Standing]:
        """Return the standing of each webhook; the database counts on two threads at once."""
        database = self._dependencies.database
        counted, oldest = await asyncio.gather(
            asyncio.to_thread(backlog.counted, database, now),
            asyncio.to_thread(backlog.oldest, database),
        )
        return backlog.with_oldest(counted, oldest)

    async def _sources(self, standings: Collection[Standing]) -> SourcesView:
        database, definitions = self._dependencies.database, self._dependencies.reloader.definitions
        of_webhooks = {name: one.source for name, one in definitions.webhooks.items()}
        is_polled = figures.places().__contains__
        found = await asyncio.to_thread(
            lambda: listed(
                database,
                backlog.pending_of_sources(database, standings, of_webhooks),
                lambda source, object_: is_polled((source, object_)),
            )
        )
        now, configured = self._now(), definitions.sources
        hosts = {name: definition.host for name, definition in configured.items()}
        files, space = await asyncio.to_thread(_look_at_disks, configured)
        return SourcesView(
            tuple(
                running_source(
                    stored,
                    hosts.get(stored.source),
                    [polled(read, now) for read in figures.of_source(stored.source)],
                    files.get(stored.source),
                    space.get(stored.source),
                    _wakes(configured.get(stored.source)),
                )
                for stored in found
            )
        )

    async def status(self) -> StatusView:
        """Return how everything stands."""
        reloader, now = self._dependencies.reloader, self._now()
        own = self._dependencies.writer.owner
        standings = await self._standings(now)
        in_force = reloader.definitions.webhooks
        moments = await asyncio.to_thread(stored_moments.standing, self._dependencies.database)
        notes = await asyncio.to_thread(
            unknown_properties.notes,
            self._dependencies.database,
            in_force.values(),
            self._looks,
        )
        webhooks = tuple(
            self._webhook(
                name, found, in_force.get(name), notes.get(name, ()), moments.get(name, _NO_MOMENTS)
            )
            for name, found in sorted(standings.items())
        )
        return StatusView(
            version=__version__,
            host=self._host,
            process_id=os.getpid(),
            started_at=self._started_at,
            config_hash=reloader.definitions.hash,
            config_path=str(reloader.path),
            last_reload=None if reloader.last is None else reload_result(reloader.last),
            pending=sum(webhook.pending for webhook in webhooks),
            failed=sum(webhook.failed for webhook in webhooks),
            in_flight=self._dependencies.dispatcher.in_flight,
            fleet=tuple(member(daemon, own) for daemon in self._dependencies.members.daemons),
            webhooks=webhooks,
            sources=(await self._sources(standings.values())).sources,
            backfills=tuple(map(running_backfill, self._dependencies.backfills.under_way)),
            document=self._document(reloader.shown.document),
            defaults=as_written(reloader.defaults),
            hidden_digests=reloader.shown.digests,
            by_hand=self._by_hand(),
        )

    async def waiting(self) -> dict[str, int]:
        """Return how many deliveries of each webhook wait."""
        standings = await self._standings(self._now())
        return {name: one.pending for name, one in standings.items()}

    async def webhook(self, name: str) -> ShownWebhookView | None:
        """Return a webhook whole; None where nobody knows it."""
        found = (await self._standings(self._now())).get(name)
        reloader = self._dependencies.reloader
        webhook = reloader.definitions.webhooks.get(name)
        if found is None:
            return None
        moments = await asyncio.to_thread(stored_moments.standing, self._dependencies.database)
        return webhook_detail.shown_webhook(
            self._webhook(name, found, webhook, (), moments.get(name, _NO_MOMENTS)),
            webhook,
            reloader.shown.document,
            reloader.written,
            self._dependencies.secrets.redactor,
        )

    def _by_hand(self) -> ByHandView | None:
        running = None if self._changes is None else self._changes.under_way
        return None if running is None else by_hand(running)

    def _document(self, document: Mapping[str, Any]) -> JsonObject[Any]:
        """Return *document* as JSON: it is written once, for a reload brings another."""
        if self._written is None or self._written[0] is not document:
            self._written = document, as_written(document)
        return self._written[1]

    async def exposition(self) -> bytes:
        """Return the metrics, with the standing of every webhook as it is now."""
        now = self._now()
        standings = await self._standings(now)
        moments = await asyncio.to_thread(stored_moments.standing, self._dependencies.database)
        metrics.STANDING.show(
            self._scraped(found, now, moments.get(name, _NO_MOMENTS)[0])
            for name, found in standings.items()
        )
        metrics.POLLS.show(now)
        return await asyncio.to_thread(metrics.exposition)

    def _webhook(
        self,
        name: str,
        found: Standing,
        webhook: Webhook | None,
        notes: tuple[str, ...],
        moments: tuple[int | None, datetime | None],
    ) -> WebhookView:
        lanes, latest = self._dependencies.dispatcher.lanes, found.latest
        probed = lanes.probed(name)
        is_in_force = webhook is not None and webhook.enabled
        method, url = _target(self._dependencies.reloader.shown.document, name)
        return WebhookView(
            webhook=name,
            description="" if webhook is None else webhook.description,
            state=_state(found, probed, is_in_force=is_in_force),
            hold=found.row.hold,
            quiet_until=found.row.quiet_until,
            probed_since=None if probed is None else probed.since,
            probed_reason=None if probed is None else probed.reason,
            pending=found.pending,
            due=found.due,
            failed=found.failed,
            in_flight=lanes.in_flight(name),
            oldest_pending_at=found.oldest_pending_at,
            last_delivered_at=latest.last_delivered_at,
            last_error=latest.last_error,
            last_error_at=latest.last_error_at,
            notes=notes,
            method=method,
            url=url,
            is_failing=latest.is_failing,
            failing_since=latest.failing_since,
            failing_attempts=latest.failing_attempts,
            moments=moments[0],
            next_moment_at=moments[1],
        )

    def _scraped(self, found: Standing, now: datetime, moments: int | None) -> metrics.LaneStanding:
        oldest = found.oldest_pending_at
        lanes, webhook = self._dependencies.dispatcher.lanes, found.row.webhook
        return metrics.LaneStanding(
            webhook=webhook,
            pending=found.pending,
            failed=found.failed,
            due=found.due,
            oldest_age=0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0),
            in_flight=lanes.in_flight(webhook),
            is_held=found.row.hold is not None,
            is_probed=lanes.probed(webhook) is not None,
            is_failing=found.latest.is_failing,
            token_age=lanes.token_age(webhook),
            moments=moments,
        )


def _look_at_disks(
    configured: Mapping[str, Source],
) -> tuple[dict[str, FileCounts | None], dict[str, DiskSpace | None]]:
    """Return how many files each source has, and how much of its disk is free."""
    return (
        {name: kinds.count_files(definition) for name, definition in configured.items()},
        {name: kinds.space_of(definition) for name, definition in configured.items()},
    )


def _state(found: Standing, probed: Probed | None, *, is_in_force: bool) -> WebhookState:
    row = found.row
    if row.absent_reason is not None:
        return "removed" if row.absent_reason == REMOVED else "disabled"
    if not is_in_force:
        return "elsewhere"
    if row.gone_reason is not None:
        return "gone"
    if row.paused_reason is not None:
        return "paused"
    if probed is not None:
        return "probed"
    return "failing" if found.latest.is_failing else "active"


def _target(document: Mapping[str, Any], webhook: str) -> tuple[str | None, str | None]:
    """Return method and URL of a webhook as *document* shows them; None of one not in it."""
    request = document.get("webhooks", {}).get(webhook, {}).get("request")
    if request is None:
        return None, None
    url = request["url"]
    if isinstance(url, str):
        return request["method"], url
    return request["method"], "".join(f"{{{how}: {name}}}" for how, name in url.items())


def _wakes(source: Source | None) -> figures.WakeFigures | None:
    """Return how many wakes of *source* were accepted; None where nobody may wake it."""
    if source is None or source.wake is None:
        return None
    return figures.WAKES.get(source.name, figures.WakeFigures())
