"""Which records await a moment, and when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from webhookd.config.messages import no_such
from webhookd.operations.lookups.record_lookup import UnknownRecordError
from webhookd.operations.unknown_names import UnknownNameError
from webhookd.storage.moments import stored_moments, timer_rows
from webhookd.views.moments import MomentView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.moments.stored_moments import ListedMoment
    from webhookd.storage.moments.timer_rows import Timer

PAGE = 1000


def listed(
    database: Database, webhook: str | None, before: datetime | None, limit: int
) -> Iterator[MomentView]:
    """Yield at most *limit* records that await a moment, the next first, webhook by webhook.

    Raises an UnknownNameError where *webhook* has no timer.
    """
    with database.reading() as connection:
        if webhook is None:
            timers = timer_rows.all_timers(connection)
        else:
            timers = [timer_of(connection, webhook)]
    for timer in timers:
        after: tuple[int, str] | None = None
        while limit > 0:
            with database.reading() as connection:
                page = stored_moments.listed(
                    connection, timer, before=before, after=after, limit=min(limit, PAGE)
                )
            yield from (moment_view(timer, one) for one in page)
            limit -= len(page)
            if len(page) < PAGE or limit <= 0:
                break
            after = page[-1].place


def shown(database: Database, webhook: str, record_id: str) -> MomentView:
    """Return the moment of one record, past or ahead.

    Raises an UnknownNameError where the webhook has no timer, an UnknownRecordError where the
    record never had a moment.
    """
    with database.reading() as connection:
        timer = timer_of(connection, webhook)
        found = stored_moments.of_record(connection, timer, record_id)
    if found is None:
        raise UnknownRecordError(f"{timer.object} {record_id!r} never had a moment of {webhook}")
    return moment_view(timer, found)


def timer_of(connection: Statements, webhook: str) -> Timer:
    """Return the timer of a webhook; raises an UnknownNameError where it has none."""
    timer = timer_rows.of_webhook(connection, webhook)
    if timer is None:
        there = [one.webhook for one in timer_rows.all_timers(connection)]
        raise UnknownNameError(no_such("timer of a webhook", webhook, there))
    return timer


def moment_view(timer: Timer, one: ListedMoment) -> MomentView:
    """Return a row of *timer* as people see it."""
    return MomentView(
        webhook=timer.webhook,
        source=timer.source,
        object=timer.object,
        record_id=one.record_id,
        at=one.at,
        kind=timer.kind,
        told_at=one.told,
        waiting_since=one.first_at,
        rule=rule_of(timer),
    )


def rule_of(timer: Timer) -> dict[str, Any] | None:
    """Return what the moments of a timer of dates follow from; None of a wait."""
    if timer.kind != "at" or not timer.digest.startswith("{"):
        return None
    rule: dict[str, Any] = json.loads(timer.rule)
    rule.pop("dates", None)
    return rule
