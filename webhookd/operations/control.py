"""What operators may ask of the running daemon: the one place behind the admin API."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from webhookd import __version__, telemetry
from webhookd.errors import WebhookdError
from webhookd.model import DeliveryState
from webhookd.operations.json_objects import (
    backfill_under_way,
    instant,
    journal_page,
    member,
    polled,
    reload_result,
)
from webhookd.operations.source_overview import listed
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.deliveries import backlog, lanes, manual, query
from webhookd.storage.deliveries.manual import Changed
from webhookd.storage.fleet import notify
from webhookd.storage.records import journal_pages
from webhookd.telemetry import figures, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from webhookd.definitions import Definitions, Webhook
    from webhookd.delivery.breaker import Probed
    from webhookd.delivery.dispatcher import Dispatch
    from webhookd.fleet.membership import Beat
    from webhookd.intake.running_backfills import Backfills, Running
    from webhookd.model import DeliveryFilter, ReloadResult
    from webhookd.operations.reload import Reloader
    from webhookd.storage.database.connection import Connection, Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.deliveries.backlog import Standing
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.storage.deliveries.manual import Selection
    from webhookd.storage.deliveries.query import ListedDelivery, ShownDelivery

CHUNK = 500
"""Deliveries changed in one transaction: a few milliseconds of the writer's time."""

PAUSE_SECONDS = 0.02
"""Between two chunks, so that what the daemon does besides is not held up."""

SHARED_CHUNK, SHARED_PAUSE_SECONDS = 50, 0.05
"""The same where several daemons share the database, and all wait for a chunk."""

RETRIED = (DeliveryState.FAILED,)
CANCELLED = (DeliveryState.PENDING, DeliveryState.HELD)


class UnknownWebhookError(WebhookdError):
    """No webhook of that name is or was in the configuration."""


@dataclass(frozen=True, slots=True)
class Answerable:
    """The parts that are asked."""

    database: Database
    writer: Writer
    dispatch: Dispatch
    reloader: Reloader
    backfills: Backfills
    beat: Beat | None = None


class Control:
    """Answers and acts. Every method may raise StorageError."""

    def __init__(self, parts: Answerable, *, host: str, now: Callable[[], datetime]) -> None:
        self._parts = parts
        self._host = host
        self._now = now
        self._started_at = now()
        self.is_ready = False

    async def is_alive(self) -> bool:
        """Return whether the writer answers; the event loop does if this returns."""
        return await self._parts.writer.read(lambda _: True)

    async def deliveries(self, wanted: DeliveryFilter, limit: int) -> list[ListedDelivery]:
        """Return deliveries, the newest first."""
        database, now = self._parts.database, self._now()
        return await asyncio.to_thread(
            lambda: list(query.deliveries(database, wanted, limit=limit, now=now))
        )

    async def delivery(self, id_or_beginning: str) -> list[ShownDelivery]:
        """Return the delivery with an id, or two of those that begin so."""
        database, now = self._parts.database, self._now()
        return await asyncio.to_thread(query.delivery, database, id_or_beginning, now=now)

    async def changes(self, since: datetime, *, after: int, limit: int) -> bytes:
        """Return a page of the journal of changes as JSON, those seen since a time."""
        database = self._parts.database
        read = partial(journal_pages.page, database, since=since, after=after, limit=limit)
        return await asyncio.to_thread(lambda: journal_page(read()))

    async def sources(self) -> list[dict[str, Any]]:
        """Return every source that was ever configured; those polled with how each object goes."""
        found, now = await asyncio.to_thread(listed, self._parts.database), self._now()
        configured = self._parts.reloader.definitions.sources
        hosts = {name: one.host for name, one in configured.items()}
        return [
            source
            | {"host": hosts.get(source["source"])}
            | {"objects": [polled(one, now) for one in figures.of_source(source["source"])]}
            for source in found
        ]

    async def retry(
        self, selection: Selection, *, is_dry_run: bool, is_out_of_order: bool = False
    ) -> Changed:
        """Make deliveries due now; return how many were, or would be.

        Those that a newer delivered change of their record overtook are left, where the webhook
        keeps an order, unless *is_out_of_order*.
        """
        selection = replace(selection, states=RETRIED)
        if is_dry_run:
            return await self._count(selection, with_overtaken=is_out_of_order)
        change = manual.retry_overtaken if is_out_of_order else manual.retry
        return await self._change(selection, change)

    async def cancel(self, selection: Selection, *, is_dry_run: bool) -> Changed:
        """Cancel pending deliveries; return how many were, or would be."""
        selection = replace(selection, states=CANCELLED)
        if is_dry_run:
            return await self._count(selection, with_overtaken=True)
        return await self._change(selection, manual.cancel)

    async def pause(self, webhook: str, reason: str) -> dict[str, Any]:
        """Hold a webhook's deliveries; changes go on being matched and stored."""
        now = self._now()
        return await self._hold(
            webhook, lambda connection: lanes.pause(connection, webhook, reason, now)
        )

    async def resume(self, webhook: str) -> dict[str, Any]:
        """Lift a pause by hand and a 410's hold; what waits is due now."""
        now = self._now()
        return await self._hold(webhook, lambda connection: lanes.resume(connection, webhook, now))

    async def backfill(
        self, name: str, where: Sequence[str], *, per_second: float, is_dry_run: bool
    ) -> Running:
        """Begin to enroll the known records of the webhook *name*, or to count them.

        Raises an UnknownError or a BackfillError when that cannot be, a ConfigError when *where*
        is wrong.
        """
        return await self._parts.backfills.begin(
            name, where, per_second=per_second, is_dry_run=is_dry_run
        )

    async def end_backfill(self, name: str) -> Running:
        """End the backfill of the webhook *name*; UnknownError when there is none."""
        return await self._parts.backfills.end(name)

    async def reload(self, *, allow_mass_removal: bool) -> ReloadResult:
        """Read the configuration anew; callers that come meanwhile share one more reload."""
        return await self._parts.reloader.reload(allow_mass_removal=allow_mass_removal)

    async def rotated(self) -> dict[str, tuple[str, ...]]:
        """Return, by webhook, the settings whose secret would have another value after a reload.

        Raises ConfigError when the configuration on disk is wrong.
        """
        loaded = await self._parts.reloader.read()
        return dict(_rotated(self._parts.reloader.definitions, loaded.definitions))

    async def status(self) -> dict[str, Any]:
        """Return how everything stands."""
        reloader, now = self._parts.reloader, self._now()
        beat, own = self._parts.beat, self._parts.writer.owner
        standings = await asyncio.to_thread(backlog.standings, self._parts.database, now)
        webhooks = [
            self._webhook(name, found, reloader.definitions.webhooks.get(name))
            for name, found in sorted(standings.items())
        ]
        return {
            "version": __version__,
            "host": self._host,
            "process_id": os.getpid(),
            "started_at": instant(self._started_at),
            "config_hash": reloader.definitions.hash,
            "config_path": str(reloader.path),
            "last_reload": None if reloader.last is None else reload_result(reloader.last),
            "pending": sum(webhook["pending"] for webhook in webhooks),
            "failed": sum(webhook["failed"] for webhook in webhooks),
            "in_flight": self._parts.dispatch.in_flight,
            "fleet": [] if beat is None else [member(one, own) for one in beat.daemons],
            "webhooks": webhooks,
            "sources": await self.sources(),
            "backfills": [
                backfill_under_way(
                    one.webhook.name, one.per_second, one.made.records, one.made.deliveries
                )
                for one in self._parts.backfills.under_way
            ],
            "document": reloader.document,
        }

    async def exposition(self) -> bytes:
        """Return the metrics, with the standing of every webhook as it is now."""
        now = self._now()
        standings = await asyncio.to_thread(backlog.standings, self._parts.database, now)
        metrics.STANDING.lanes = tuple(self._scraped(found, now) for found in standings.values())
        metrics.POLLS.now = now
        return await asyncio.to_thread(metrics.exposition)

    async def _count(self, selection: Selection, *, with_overtaken: bool) -> Changed:
        count = partial(manual.count, with_overtaken=with_overtaken)
        return await asyncio.to_thread(count, self._parts.database, selection)

    async def _change(
        self,
        selection: Selection,
        change: Callable[[Connection, Sequence[int], datetime], Changed],
    ) -> Changed:
        database, writer = self._parts.database, self._parts.writer
        upto = await asyncio.to_thread(manual.last_number, database)
        above, total = 0, Changed()
        # Beside it no other daemon writes.
        limit, pause = (
            (SHARED_CHUNK, SHARED_PAUSE_SECONDS) if writer.is_shared else (CHUNK, PAUSE_SECONDS)
        )
        while True:
            find = partial(manual.numbers, database, selection, above=above, upto=upto, limit=limit)
            found = await asyncio.to_thread(find)
            if not found:
                break
            numbers = [number for number, _ in found]
            ids = [id_ for _, id_ in found]
            total += await writer.write(
                partial(_changed, change, numbers, ids, self._now()), EXCLUSIVE
            )
            self._parts.dispatch.forget(ids)
            above = numbers[-1]
            await asyncio.sleep(pause)
        self._parts.dispatch.look_again()
        telemetry.deliveries_changed(change.__name__, total.count, total.overtaken)
        return total

    async def _hold(
        self, webhook: str, unit: Callable[[Statements], LaneRow | None]
    ) -> dict[str, Any]:
        async with self._parts.dispatch.still():
            row = await self._parts.writer.write(unit, EXCLUSIVE)
            if row is None:
                raise UnknownWebhookError(f"there is no webhook {webhook!r}")
            self._parts.dispatch.set_row(row)
            self._parts.dispatch.tell("lanes", [row.number])
        telemetry.webhook_hold_changed(webhook, row.hold)
        return {"webhook": webhook, "hold": row.hold}

    def _webhook(self, name: str, found: Standing, webhook: Webhook | None) -> dict[str, Any]:
        latest = self._parts.dispatch.latest(name)
        probed = latest.probed
        is_in_force = webhook is not None and webhook.enabled
        return {
            "webhook": name,
            "description": "" if webhook is None else webhook.description,
            "state": _state(found.row, probed, is_in_force=is_in_force),
            "hold": found.row.hold,
            "quiet_until": instant(found.row.quiet_until),
            "probed_since": None if probed is None else instant(probed.since),
            "probed_reason": None if probed is None else probed.reason,
            "pending": found.pending,
            "due": found.due,
            "failed": found.failed,
            "in_flight": latest.in_flight,
            "oldest_pending_at": instant(found.oldest_pending_at),
            "last_delivered_at": instant(latest.delivered_at),
            "last_error": latest.error,
            "last_error_at": instant(latest.failed_at),
        }

    def _scraped(self, found: Standing, now: datetime) -> metrics.LaneStanding:
        oldest = found.oldest_pending_at
        latest = self._parts.dispatch.latest(found.row.webhook)
        return metrics.LaneStanding(
            webhook=found.row.webhook,
            pending=found.pending,
            failed=found.failed,
            due=found.due,
            oldest_age=0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0),
            in_flight=latest.in_flight,
            is_held=found.row.hold is not None,
            is_probed=latest.probed is not None,
        )


def _changed(
    change: Callable[[Connection, Sequence[int], datetime], Changed],
    numbers: Sequence[int],
    ids: Sequence[str],
    now: datetime,
    connection: Connection,
) -> Changed:
    """Change deliveries, and have other daemons drop them from their memory with the commit."""
    if connection.session.is_shared:
        notify.notify(connection, "gone", ids)
    return change(connection, numbers, now)


def _state(row: LaneRow, probed: Probed | None, *, is_in_force: bool) -> str:
    if row.absent_reason is not None:
        return "removed" if row.absent_reason == lanes.REMOVED else "disabled"
    if not is_in_force:
        return "elsewhere"
    if row.gone_reason is not None:
        return "gone"
    if row.paused_reason is not None:
        return "paused"
    return "active" if probed is None else "probed"


def _rotated(before: Definitions, after: Definitions) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield webhooks whose secrets differ although their definitions may not."""
    for name, webhook in after.webhooks.items():
        old = before.webhooks.get(name)
        if old is None:
            continue
        was, now = old.request, webhook.request
        pairs = (
            ("request.authentication", was.authentication, now.authentication),
            ("request.signature", was.signature, now.signature),
            ("request.proxy_authentication", was.proxy, now.proxy),
        )
        names = [
            setting for setting, one, other in pairs if one != other and repr(one) == repr(other)
        ]
        if was.tls != now.tls and was.tls.names == now.tls.names:
            names.append("request.tls")
        if names:
            yield name, tuple(names)
