"""Moments that have come before their webhook was there, made up for by a backfill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from webhookd.intake.decision import decide
from webhookd.intake.moments.moment_step import due_change
from webhookd.rules.moments import candidates
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.moments import stored_moments, timer_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from webhookd.definitions import At, Webhook
    from webhookd.intake.decision import Decision
    from webhookd.model import KnownRecord
    from webhookd.storage.database.connection import Statements


@dataclass(frozen=True, slots=True)
class PastMoments:
    """The moments of some records that have come from *since* to *now*.

    *told* are those of them that came about last, by record; they are locked until the transaction
    ends. *patient* is the webhook's rule as if moments could be so late: of a yearly timer, last
    year's is looked for, too.
    """

    webhook: Webhook
    patient: At
    since: datetime
    now: datetime
    told: Mapping[str, int]

    def decide(
        self, record_id: str, known: KnownRecord, delivery_id: str, decision: Decision
    ) -> None:
        """Add to *decision* what the latest of a record's moments makes that was never told."""
        since, until, told = to_micros(self.since), to_micros(self.now), self.told.get(record_id)
        wanted = candidates(self.patient, known.properties.get(self.patient.property), until)
        found = [one for one in wanted if since <= one <= until and (told is None or one > told)]
        if found:
            change = due_change(self.webhook, record_id, known, from_micros(max(found)))
            decide(self.webhook, change, delivery_id, self.now, decision)
            decision.made_up_for[record_id] = max(found)


def read_past(
    connection: Statements,
    webhook: Webhook,
    record_ids: Iterable[str],
    since: datetime | None,
    now: datetime,
) -> PastMoments | None:
    """Return the moments of *record_ids* since then; None without a *since*, or a timer."""
    at = webhook.trigger.at
    if since is None or at is None:
        return None
    timer = timer_rows.of_webhook(connection, webhook.name)
    if timer is None:
        return None
    told = stored_moments.told_of(connection, timer, record_ids)
    return PastMoments(webhook, replace(at, late=now - since), since, now, told)


def made_up_for(connection: Statements, webhook: Webhook, decision: Decision) -> None:
    """Note that the moments of *decision* have come: part of the transaction that stores it."""
    if not decision.made_up_for:
        return
    timer = timer_rows.of_webhooks(connection, [webhook.name])[webhook.name]
    stored_moments.mark_told(connection, timer, decision.made_up_for)
