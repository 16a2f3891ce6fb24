"""Deliveries: listed, shown, made due again and cancelled by a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.operations import unknown_names
from webhookd.operations.deliveries import masked_request
from webhookd.operations.deliveries.delivery_views import (
    More,
    delivery_page,
    group_page,
    shown_delivery,
)
from webhookd.rules.retry import later
from webhookd.rules.templating.unfilled import UnfilledError
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.deliveries import lanes, manual, query, typed_ids
from webhookd.storage.deliveries.manual import CANCELLED, RETRIED, Changed
from webhookd.storage.deliveries.typed_ids import NoDeliveryError
from webhookd.storage.fleet import notify
from webhookd.storage.search import bounded_search, failure_groups, told_changes
from webhookd.telemetry.events import DeliveriesChanged
from webhookd.views.deliveries import CancelledView, RetriedView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.model import DeliveryFilter, DeliveryState
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.deliveries.manual import Selection
    from webhookd.storage.deliveries.query import ShownDelivery
    from webhookd.views.deliveries import DeliveriesView, GroupsView, ShownDeliveryView


class DeliveryControl:
    """Shows deliveries and changes their state by hand.

    Each method raises an UnknownNameError for a webhook or object that nobody knows, a
    NoDeliveryError or a SeveralDeliveriesError for an id that means not one delivery.
    """

    def __init__(self, dependencies: ControlDependencies, clock: Clock) -> None:
        self._dependencies = dependencies
        self._now = clock.now

    async def listed(
        self, wanted: DeliveryFilter, limit: int, *, before: int | None = None
    ) -> DeliveriesView:
        """Return deliveries, the newest first: of those stored *before* the one of a number.

        What takes long to find is told as far as the time for a page led.
        """
        database, now = self._dependencies.database, self._now()

        def read() -> DeliveriesView:
            page = bounded_search.page(database, wanted, limit=limit, now=now, before=before)
            if not page.deliveries:
                self._refuse_unknown(wanted)
            return delivery_page(page)

        return await asyncio.to_thread(read)

    async def groups(self, state: DeliveryState | None, limit: int) -> GroupsView:
        """Return what failed and what is held, or one of these, by webhook and cause."""
        find = partial(failure_groups.groups, self._dependencies.database, state, limit)
        return group_page(*await asyncio.to_thread(find))

    async def shown(self, typed: str) -> ShownDeliveryView:
        """Return the delivery whose id is *typed*, or begins or ends so."""
        database, now = self._dependencies.database, self._now()

        def read() -> ShownDeliveryView:
            id_ = typed_ids.find(database, typed, now=now)
            found = query.delivery(database, id_, now=now)
            if found is None:
                raise NoDeliveryError(f"the delivery {id_} was deleted just now")
            with database.reading() as connection:
                changed = told_changes.changed(connection, found.listed)
            return shown_delivery(found, replace(self._more(found, now), changed=changed))

        return await asyncio.to_thread(read)

    def _more(self, found: ShownDelivery, now: datetime) -> More:
        """Return what the configuration in force makes of a delivery."""
        definitions = self._dependencies.reloader.definitions
        webhook = definitions.webhooks.get(found.listed.webhook)
        if webhook is None:
            return More(request_error=f"no webhook {found.listed.webhook} is in force")
        after = webhook.delivery.retry.give_up_after
        give_up_at = None if found.counted_from is None else later(found.counted_from, after)
        redactor = self._dependencies.secrets.redactor
        try:
            request = masked_request.request_view(found, webhook, definitions, redactor, now)
        except UnfilledError as error:
            return More(request_error=f"{error.reason}: {error}", give_up_at=give_up_at)
        return More(request, give_up_at=give_up_at)

    async def retry(
        self, selection: Selection, *, is_dry_run: bool, is_out_of_order: bool = False
    ) -> RetriedView:
        """Make deliveries due now; return how many were, or would be.

        Those that a newer delivered change of their record overtook are left, where the webhook
        keeps an order, unless *is_out_of_order*. Those of held webhooks are told apart.
        """
        selection = await self._meant(selection)
        meant = replace(selection, states=RETRIED)
        if is_dry_run:
            changed = await asyncio.to_thread(
                manual.count_retried,
                self._dependencies.database,
                meant,
                with_overtaken=is_out_of_order,
            )
        else:
            change = manual.retry_overtaken if is_out_of_order else manual.retry
            changed = await self._change(meant, change)
        held, holds = await asyncio.to_thread(self._held, meant, is_dry_run=is_dry_run)
        if not (changed.count or changed.overtaken or held):
            await asyncio.to_thread(self._refuse_unknown, selection.wanted)
        left = _left(meant, changed.count + changed.overtaken + held)
        return RetriedView(changed.count, changed.overtaken, is_dry_run, left, held, holds)

    async def cancel(self, selection: Selection, *, is_dry_run: bool) -> CancelledView:
        """Cancel pending deliveries; return how many were, or would be."""
        selection = await self._meant(selection)
        meant, database = replace(selection, states=CANCELLED), self._dependencies.database
        if is_dry_run:
            changed = await asyncio.to_thread(manual.count_cancelled, database, meant)
        else:
            changed = await self._change(meant, manual.cancel)
        if not changed.count:
            await asyncio.to_thread(self._refuse_unknown, selection.wanted)
        return CancelledView(changed.count, is_dry_run, _left(meant, changed.count))

    async def _meant(self, selection: Selection) -> Selection:
        """Return *selection* with whole ids in place of those that were typed."""
        find = partial(typed_ids.find_all, now=self._now())
        ids = await asyncio.to_thread(find, self._dependencies.database, selection.ids)
        return replace(selection, ids=ids)

    def _held(self, selection: Selection, *, is_dry_run: bool) -> tuple[int, dict[str, str]]:
        """Return how many of *selection* are held, and by webhook why."""
        database = self._dependencies.database
        counts = manual.held(database, selection, is_dry_run=is_dry_run)
        with database.reading() as connection:
            rows = [lanes.row_of(connection, webhook) for webhook in sorted(counts)]
        holds = {row.webhook: row.hold for row in rows if row is not None}
        return sum(counts.values()), {name: hold or "" for name, hold in holds.items()}

    def _refuse_unknown(self, wanted: DeliveryFilter) -> None:
        definitions = self._dependencies.reloader.definitions
        with self._dependencies.database.reading() as connection:
            unknown_names.refuse_unknown(
                connection,
                wanted,
                webhooks=definitions.webhooks,
                objects=unknown_names.objects_of(definitions),
            )

    async def _change(
        self,
        selection: Selection,
        change: Callable[[Connection, Sequence[int], datetime], Changed],
    ) -> Changed:
        database, writer = self._dependencies.database, self._dependencies.writer
        upto = await asyncio.to_thread(manual.last_number, database)
        above, total = 0, Changed()
        # Beside it nobody else writes, neither this daemon's own work nor another's.
        limit, pause = self._dependencies.dispatcher.peers.exclusive_step
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
            self._dependencies.dispatcher.lanes.forget(ids)
            above = numbers[-1]
            await asyncio.sleep(pause)
        self._dependencies.dispatcher.fetches.refetch()
        telemetry.report(
            DeliveriesChanged(change.__name__, total.count, total.overtaken, total.held)
        )
        return total


def _left(selection: Selection, changed: int) -> int:
    """Return how many of those that were asked for by id nothing became of."""
    return max(0, len(selection.ids) - changed)


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
