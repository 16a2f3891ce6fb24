"""Deliveries: listed, shown, made due again and cancelled by a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.model import DeliveryState
from webhookd.operations.view_builders import listed_delivery, shown_delivery
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.deliveries import manual, query
from webhookd.storage.deliveries.manual import Changed
from webhookd.storage.fleet import notify
from webhookd.telemetry.events import DeliveriesChanged
from webhookd.views.deliveries import CancelledView, DeliveriesView, RetriedView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.model import DeliveryFilter
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.deliveries.manual import Selection
    from webhookd.views.deliveries import ShownDeliveryView

RETRIED = (DeliveryState.FAILED,)
CANCELLED = (DeliveryState.PENDING, DeliveryState.HELD)


class DeliveryControl:
    """Shows deliveries and changes their state by hand."""

    def __init__(self, dependencies: ControlDependencies, clock: Clock) -> None:
        self._dependencies = dependencies
        self._now = clock.now

    async def listed(self, wanted: DeliveryFilter, limit: int) -> DeliveriesView:
        """Return deliveries, the newest first."""
        database, now = self._dependencies.database, self._now()

        def read() -> DeliveriesView:
            found = query.deliveries(database, wanted, limit=limit, now=now)
            return DeliveriesView(tuple(map(listed_delivery, found)))

        return await asyncio.to_thread(read)

    async def shown(self, id_or_beginning: str) -> list[ShownDeliveryView]:
        """Return the delivery with an id, or two of those that begin so."""
        database, now = self._dependencies.database, self._now()
        found = await asyncio.to_thread(query.delivery, database, id_or_beginning, now=now)
        return list(map(shown_delivery, found))

    async def retry(
        self, selection: Selection, *, is_dry_run: bool, is_out_of_order: bool = False
    ) -> RetriedView:
        """Make deliveries due now; return how many were, or would be.

        Those that a newer delivered change of their record overtook are left, where the webhook
        keeps an order, unless *is_out_of_order*.
        """
        selection = replace(selection, states=RETRIED)
        if is_dry_run:
            changed = await self._count(selection, with_overtaken=is_out_of_order)
        else:
            change = manual.retry_overtaken if is_out_of_order else manual.retry
            changed = await self._change(selection, change)
        return RetriedView(changed.count, changed.overtaken, is_dry_run)

    async def cancel(self, selection: Selection, *, is_dry_run: bool) -> CancelledView:
        """Cancel pending deliveries; return how many were, or would be."""
        selection = replace(selection, states=CANCELLED)
        if is_dry_run:
            changed = await self._count(selection, with_overtaken=True)
        else:
            changed = await self._change(selection, manual.cancel)
        return CancelledView(changed.count, is_dry_run)

    async def _count(self, selection: Selection, *, with_overtaken: bool) -> Changed:
        count = partial(manual.count, with_overtaken=with_overtaken)
        return await asyncio.to_thread(count, self._dependencies.database, selection)

    async def _change(
        self,
        selection: Selection,
        change: Callable[[Connection, Sequence[int], datetime], Changed],
    ) -> Changed:
        database, writer = self._dependencies.database, self._dependencies.writer
        upto = await asyncio.to_thread(manual.last_number, database)
        above, total = 0, Changed()
        # Beside it nobody else writes, neither this daemon's own work nor another's.
        limit, pause = self._dependencies.dispatch.peers.exclusive_step
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
            self._dependencies.dispatch.lanes.forget(ids)
            above = numbers[-1]
            await asyncio.sleep(pause)
        self._dependencies.dispatch.fetches.refetch()
        telemetry.report(DeliveriesChanged(change.__name__, total.count, total.overtaken))
        return total


def _changed(
    change: Callable[[Connection, Sequence[int], datetime], Changed],
    numbers: Sequence[int],
    ids: Sequence[str],
    now: datetime,
    connection: Connection,
) -> Changed:
    """Change deliveries, and have other daemons drop them from their memory with the commit."""
    notify.notify(connection, "gone", ids)
    return change(connection, numbers, now)
