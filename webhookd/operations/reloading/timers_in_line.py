"""Timers brought in line with a configuration, in the transaction that puts it in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.model import REMOVED
from webhookd.rules.moments import rule_text
from webhookd.rules.zone_rules import fingerprint
from webhookd.storage.moments import timer_rows
from webhookd.storage.moments.timer_rows import ConfiguredTimer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from webhookd.definitions import Definitions, Webhook
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.deliveries.lanes import LaneRow


def bring_timers_in_line(
    connection: Connection,
    definitions: Definitions,
    before: Definitions | None,
    rows: Iterable[LaneRow],
    now: datetime,
) -> dict[str, int]:
    """Give each webhook with a timer its row, and take those of dates from all others.

    *before* is what this daemon had in force until now, *rows* are the lanes, in line already.
    Returns of how many records of each webhook a wait was dropped: it looks at others by now.
    """
    configured = [
        one
        for webhook in definitions.webhooks.values()
        if (one := _configured(webhook, now)) is not None
    ]
    timed = {one.webhook for one in configured}
    gone = [row.webhook for row in rows if row.absent_reason == REMOVED]
    untimed = {
        webhook.name: (webhook.source, webhook.object)
        for webhook in definitions.webhooks.values()
        if webhook.name not in timed
    }
    # In a fleet this daemon took records in by the rule that it had, or by none, while another one
    # had the new rule in force: they are looked at once more.
    again = {
        one.webhook
        for one in configured
        if connection.session.is_shared and _is_new_here(one, before, now)
    }
    return timer_rows.adopt(connection, configured, now, gone=gone, again=again, untimed=untimed)


def _is_new_here(one: ConfiguredTimer, before: Definitions | None, now: datetime) -> bool:
    webhook = None if before is None else before.webhooks.get(one.webhook)
    return webhook is None or _configured(webhook, now) != one


def _configured(webhook: Webhook, now: datetime) -> ConfiguredTimer | None:
    at = webhook.trigger.at
    if at is not None:
        zone_rules = "-" if at.zone is None else fingerprint(at.zone, now.year)
        return ConfiguredTimer(
            webhook.name,
            "at",
            webhook.source,
            webhook.object,
            rule_text(at),
            zone_rules,
            webhook.enabled,
        )
    if webhook.trigger.wait is None:
        return None
    # Whatever the wait is: what waits is judged by the one in force at its end.
    return ConfiguredTimer(
        webhook.name, "wait", webhook.source, webhook.object, is_on=webhook.enabled
    )
