"""Deliveries: listed, shown, made due again and cancelled by a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd.errors import counted as in_words
from webhookd.operations import unknown_names
from webhookd.operations.deliveries import masked_request
from webhookd.operations.deliveries.bulk_changes import BulkChanges, EndedEarlyError
from webhookd.operations.deliveries.delivery_views import (
    More,
    delivery_page,
    group_page,
    shown_delivery,
)
from webhookd.rules.retry import later
from webhookd.rules.templating.unfilled import UnfilledError
from webhookd.storage.deliveries import lanes, manual, query, typed_ids
from webhookd.storage.deliveries.manual import CANCELLED, RETRIED
from webhookd.storage.deliveries.typed_ids import NoDeliveryError
from webhookd.storage.search import bounded_search, failure_groups, told_changes
from webhookd.views.deliveries import CancelledView, RetriedView

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.model import DeliveryFilter, DeliveryState
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.operations.deliveries.bulk_changes import ByHand, Change
    from webhookd.storage.deliveries.manual import Changed, Selection
    from webhookd.storage.deliveries.query import ShownDelivery
    from webhookd.views.deliveries import DeliveriesView, GroupsView, ShownDeliveryView


EXAMPLES: Final = 5
"""Ids that a count of what would be changed tells, of the newest."""


class DeliveryControl:
    """Shows deliveries and changes their state by hand.

    Each method raises an UnknownNameError for a webhook or object that nobody knows, a
    NoDeliveryError or a SeveralDeliveriesError for an id that means not one delivery.
    """

    def __init__(self, dependencies: ControlDependencies, clock: Clock) -> None:
        self._dependencies = dependencies
        self._now = clock.now
        self.changes = BulkChanges(dependencies, clock)

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
        if not found.listed.record_id:
            return More(request_error="its record was forgotten, and what was to be sent with it")
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

    async def counted_retry(self, selection: Selection, *, is_out_of_order: bool) -> RetriedView:
        """Return what `retry` would do, to which deliveries, and up to which number they are."""
        meant = replace(await self._meant(selection), states=RETRIED)
        meant = await self._bounded(meant)
        count = partial(manual.count_retried, with_overtaken=is_out_of_order)
        changed = await asyncio.to_thread(count, self._dependencies.database, meant)
        view = await self._retried(meant, changed, is_dry_run=True)
        examples = await self._examples(meant)
        return replace(view, upto=meant.upto, examples=examples)

    async def retry(self, selection: Selection, *, is_out_of_order: bool = False) -> RetriedView:
        """Make deliveries due now; return how many were.

        Those that a newer delivered change of their record overtook are left, where the webhook
        keeps an order, unless *is_out_of_order*. Those of held webhooks are told apart. Raises a
        BulkChangeError while another change by filter is under way.
        """
        meant = replace(await self._meant(selection), states=RETRIED)
        change = manual.retry_overtaken if is_out_of_order else manual.retry
        return await self._retried(meant, await self._change(meant, change), is_dry_run=False)

    async def begin_retry(self, selection: Selection, *, is_out_of_order: bool = False) -> ByHand:
        """Begin to do as `retry`; it goes on whoever listens to its reports."""
        counted = await self.counted_retry(selection, is_out_of_order=is_out_of_order)
        meant = replace(await self._meant(selection), states=RETRIED)
        change = manual.retry_overtaken if is_out_of_order else manual.retry
        of = counted.count + counted.overtaken + counted.held
        return self.changes.begin(await self._bounded(meant), change, of)

    async def counted_cancel(self, selection: Selection) -> CancelledView:
        """Return what `cancel` would do, to which deliveries, and up to which number they are."""
        meant = await self._bounded(replace(await self._meant(selection), states=CANCELLED))
        changed = await asyncio.to_thread(
            manual.count_cancelled, self._dependencies.database, meant
        )
        view = await self._cancelled(meant, changed, is_dry_run=True)
        return replace(view, upto=meant.upto, examples=await self._examples(meant))

    async def cancel(self, selection: Selection) -> CancelledView:
        """Cancel pending deliveries; return how many were. Raises a BulkChangeError as `retry`."""
        meant = replace(await self._meant(selection), states=CANCELLED)
        changed = await self._change(meant, manual.cancel)
        return await self._cancelled(meant, changed, is_dry_run=False)

    async def begin_cancel(self, selection: Selection) -> ByHand:
        """Begin to do as `cancel`; it goes on whoever listens to its reports."""
        counted = await self.counted_cancel(selection)
        meant = await self._bounded(replace(await self._meant(selection), states=CANCELLED))
        return self.changes.begin(meant, manual.cancel, counted.count)

    async def _retried(
        self, meant: Selection, changed: Changed, *, is_dry_run: bool
    ) -> RetriedView:
        held, holds = await asyncio.to_thread(self._held, meant, is_dry_run=is_dry_run)
        if not (changed.count or changed.overtaken or held):
            await asyncio.to_thread(self._refuse_unknown, meant.wanted)
        left = _left(meant, changed.count + changed.overtaken + held)
        return RetriedView(changed.count, changed.overtaken, is_dry_run, left, held, holds)

    async def _cancelled(
        self, meant: Selection, changed: Changed, *, is_dry_run: bool
    ) -> CancelledView:
        if not changed.count:
            await asyncio.to_thread(self._refuse_unknown, meant.wanted)
        return CancelledView(changed.count, is_dry_run, _left(meant, changed.count))

    async def _change(self, meant: Selection, change: Change) -> Changed:
        """Change what is *meant* and wait for the end: of a filter, as the only one."""
        if meant.ids:
            return await self.changes.change(meant, change)
        running = self.changes.begin(meant, change, 0)
        if running.task is not None:
            await asyncio.shield(running.task)
        if running.error is not None:
            raise EndedEarlyError(
                f"it ended early, behind {in_words(running.looked_at, 'delivery')}: {running.error}"
            )
        return running.changed

    async def _bounded(self, meant: Selection) -> Selection:
        """Return *meant* without what is stored from now on."""
        if meant.upto is not None:
            return meant
        upto = await asyncio.to_thread(manual.last_number, self._dependencies.database)
        return replace(meant, upto=upto)

    async def _examples(self, meant: Selection) -> tuple[str, ...]:
        find = partial(manual.examples, self._dependencies.database, meant, EXAMPLES)
        return tuple(await asyncio.to_thread(find))

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


def _left(selection: Selection, changed: int) -> int:
    """Return how many of those that were asked for by id nothing became of."""
    return max(0, len(selection.ids) - changed)
