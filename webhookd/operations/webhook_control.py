"""Webhooks: paused, resumed and backfilled by a person, and whose secrets changed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from webhookd import telemetry
from webhookd.operations.moments import moment_cancelling
from webhookd.operations.unknown_names import unknown_webhook
from webhookd.rules.templating.live_parts import kept_names
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.deliveries import lanes
from webhookd.storage.records import known_names
from webhookd.storage.webhooks import kept_values
from webhookd.telemetry.events import WebhookHoldChanged
from webhookd.views.webhooks import HoldView, RotatedView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    from webhookd.clock import Clock
    from webhookd.config.loading import Loaded
    from webhookd.definitions import Definitions, Webhook
    from webhookd.delivery.caused_events import Caused
    from webhookd.delivery.claims import TransactionClaims
    from webhookd.intake.backfill_run import Running
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.storage.database.connection import Connection, Statements
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.views.moments import MomentView


class WebhookControl:
    """Holds webhooks, lets them go, and enrolls known records.

    Raises an UnknownNameError for a webhook that is and was in no configuration.
    """

    def __init__(self, dependencies: ControlDependencies, clock: Clock) -> None:
        self._dependencies = dependencies
        self._now = clock.now

    async def pause(self, webhook: str, reason: str) -> HoldView:
        """Hold a webhook's deliveries; changes go on being matched and stored."""
        now, drafts = (
            self._now(),
            self._dependencies.events.of_webhook("webhook.paused", webhook, reason),
        )
        return await self._hold(
            webhook, lambda connection: lanes.pause(connection, webhook, reason, now), drafts
        )

    async def resume(self, webhook: str) -> HoldView:
        """Lift a pause by hand and a 410's hold; what waits is due now."""
        now = self._now()
        drafts = self._dependencies.events.of_webhook("webhook.resumed", webhook, "by hand")
        return await self._hold(
            webhook, lambda connection: lanes.resume(connection, webhook, now), drafts
        )

    async def backfill(
        self,
        name: str,
        where: Sequence[str],
        *,
        per_second: float,
        past: timedelta | None,
        is_dry_run: bool,
    ) -> Running:
        """Begin to enroll the known records of the webhook *name*, or to count them.

        Raises an UnknownBackfillError or a BackfillError when that cannot be, a ConfigError when
        *where* is wrong.
        """
        return await self._dependencies.backfills.begin(
            name, where, per_second=per_second, past=past, is_dry_run=is_dry_run
        )

    async def cancel_moment(self, name: str, record_id: str) -> MomentView:
        """Take the next moment of a record away, and return it.

        Raises an UnknownNameError where the webhook has no timer, an UnknownRecordError where the
        record awaits nothing.
        """
        webhook = self._dependencies.reloader.definitions.webhooks.get(name)
        at = None if webhook is None else webhook.trigger.at
        cancel = partial(moment_cancelling.cancel, webhook=name, record_id=record_id, at=at)
        found: MomentView = await self._dependencies.writer.write(cancel)
        return found

    async def end_backfill(self, name: str) -> Running:
        """End the backfill of the webhook *name*; UnknownBackfillError when there is none."""
        return await self._dependencies.backfills.end(name)

    async def rotated(self, loaded: Loaded | None = None) -> RotatedView:
        """Return, by webhook, the settings whose secret would have another value after a reload.

        *loaded* is what is on the disk, where that was read already. Raises ConfigError when it is
        wrong.
        """
        loaded = loaded or await self._dependencies.reloader.read()
        in_force, after = self._dependencies.reloader.definitions, loaded.definitions
        lacking = {
            name: found
            for name, webhook in after.webhooks.items()
            if (found := await self._lacking(webhook, in_force, after))
        }
        return RotatedView(dict(_rotated(in_force, after)), lacking)

    async def _lacking(
        self, webhook: Webhook, before: Definitions, after: Definitions
    ) -> dict[str, int]:
        """Return what deliveries of *webhook* that wait would lack *after* a reload."""
        live = webhook.request.live
        needed = frozenset() if live is None else kept_names(live)
        old = before.webhooks.get(webhook.name)
        same = (
            old is not None
            and old.request.live is not None
            and needed <= kept_names(old.request.live)
        )
        if (same or not needed) and before.named_secrets.keys() <= after.named_secrets.keys():
            # Nothing new is asked for: nothing has to be looked at.
            return {}
        return await self._dependencies.writer.read(
            lambda connection: kept_values.lacking(
                connection, webhook.name, needed, after.named_secrets.keys()
            )
        )

    async def _hold(
        self,
        webhook: str,
        unit: Callable[[Statements], LaneRow | None],
        drafts: Sequence[Any],
    ) -> HoldView:
        """Change the hold of a webhook with *unit*; *drafts* are told if that changes anything."""
        dispatcher = self._dependencies.dispatcher
        caused = self._dependencies.events.together(drafts)
        claims = dispatcher.claims.transaction(caused.webhooks)
        write = partial(_changed, webhook, unit, caused, claims)
        try:
            async with dispatcher.quiesced():
                row, stored = await self._dependencies.writer.write(write, EXCLUSIVE)
                if row is None:
                    there = await self._dependencies.writer.read(known_names.webhooks)
                    raise unknown_webhook(webhook, there)
                dispatcher.set_row(row)
                dispatcher.notify("lanes", [row.number])
            if stored is not None:
                dispatcher.offer(caused.committed(stored))
        finally:
            claims.release()
        telemetry.report(WebhookHoldChanged(webhook, row.hold))
        return HoldView(webhook, row.hold)


def _changed(
    webhook: str,
    unit: Callable[[Statements], LaneRow | None],
    caused: Caused,
    claims: TransactionClaims,
    connection: Connection,
) -> tuple[LaneRow | None, Any]:
    """Change a hold; return the row, and what was stored of the event if that was news."""
    before, row = lanes.row_of(connection, webhook), unit(connection)
    if before is None or row is None or _holds(before) == _holds(row):
        return row, None
    return row, caused.store(connection, claims)


def _holds(row: LaneRow) -> tuple[str | None, str | None]:
    return row.paused_reason, row.gone_reason


def _rotated(before: Definitions, after: Definitions) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield webhooks whose secrets differ although their definitions may not."""
    for name, webhook in after.webhooks.items():
        old = before.webhooks.get(name)
        if old is None:
            continue
        was, now = old.request, webhook.request
        pairs = (
            ("request.url", was.url, now.url),
            ("secrets", was.secrets, now.secrets),
            ("request.authentication", was.authentication, now.authentication),
            ("request.signature", was.signatures, now.signatures),
            ("request.proxy_authentication", was.proxy, now.proxy),
        )
        names = [
            setting for setting, one, other in pairs if one != other and repr(one) == repr(other)
        ]
        if was.tls != now.tls and was.tls.names == now.tls.names:
            names.append("request.tls")
        if names:
            yield name, tuple(names)
