"""Moments that have come before their webhook was there, made up for by a backfill."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.intake.decision import decide
from webhookd.intake.moments.moment_step import due_change
from webhookd.rules.moments import candidates
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.moments import stored_moments, timer_rows

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import At, Webhook
    from webhookd.intake.decision import Decision
    from webhookd.model import KnownRecord
    from webhookd.storage.database.connection import Statements


def decide_past(
    webhook: Webhook,
    record_id: str,
    known: KnownRecord,
    past: datetime,
    now: datetime,
    delivery_id: str,
    connection: Statements,
    decision: Decision,
) -> None:
    """Add to *decision* what the moment of a record makes that has come since *past*."""
    at = webhook.trigger.at
    if at is None:
        return
    moment = past_moment(connection, webhook, at, record_id, known, past, now)
    if moment is not None:
        change = due_change(webhook, record_id, known, from_micros(moment))
        decide(webhook, change, delivery_id, now, decision)
        decision.made_up_for[record_id] = moment


def past_moment(
    connection: Statements,
    webhook: Webhook,
    at: At,
    record_id: str,
    known: KnownRecord,
    past: datetime,
    now: datetime,
) -> int | None:
    """Return the latest moment of a record since *past* that has come and was never told."""
    timer = timer_rows.of_webhooks(connection, [webhook.name]).get(webhook.name)
    if timer is None:
        return None
    told = stored_moments.told_of(connection, timer, [record_id]).get(record_id)
    since, until = to_micros(past), to_micros(now)
    # As if moments could be that late: of a yearly timer, last year's is looked for, too.
    patient = replace(at, late=now - past)
    wanted = candidates(patient, known.properties.get(at.property), until)
    found = [one for one in wanted if since <= one <= until and (told is None or one > told)]
    return max(found, default=None)


def made_up_for(connection: Statements, webhook: Webhook, decision: Decision) -> None:
    """Note that the moments of *decision* have come: part of the transaction that stores it."""
    if not decision.made_up_for:
        return
    timer = timer_rows.of_webhooks(connection, [webhook.name])[webhook.name]
    stored_moments.mark_told(connection, timer, decision.made_up_for)
