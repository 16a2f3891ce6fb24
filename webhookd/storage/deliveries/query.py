"""Deliveries as they are listed and shown: by filter, by number or id, and one whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from webhookd.model import Attempt, DeliveryState, deletion_of
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.deliveries import kept_heads
from webhookd.storage.schema import template_columns
from webhookd.storage.schema.tables import DELIVERIES, LANES
from webhookd.storage.search.delivery_conditions import HELD, conditions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from webhookd.model import Deletion, DeliveryFilter
    from webhookd.storage.database.database import Database


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    """A delivery as it is listed. *next_attempt_at* is None when none is planned.

    *is_behind* says that an older delivery of its record must end first; *superseded_by* is the
    id of the one that took its place. *number* counts deliveries in the order they were stored.
    """

    id: str
    webhook: str
    source: str
    object: str
    record_id: str
    change: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    is_behind: bool
    last_status: int | None
    last_error: str | None
    created_at: datetime
    settled_at: datetime | None
    superseded_by: str | None = None
    number: int = 0
    deletion: Deletion | None = None


@dataclass(frozen=True, slots=True)
class ShownDelivery:
    """One delivery whole: what is frozen of its request, and every attempt.

    *body* has `***` for secrets; *url_values*, JSON, are values for the URL and headers.
    *counted_from* is from when on the time of giving up counts: the first attempt, and later by as
    long as the webhook was held since; None where it does not count.
    """

    listed: ListedDelivery
    method: str
    content_type: str | None
    query: str
    body: bytes | None
    attempts: tuple[Attempt, ...]
    url_values: str | None = None
    counted_from: datetime | None = None


_AT_ONCE = 500

_LISTED = (
    DELIVERIES.c.id,
    LANES.c.webhook,
    DELIVERIES.c.source,
    DELIVERIES.c.object,
    DELIVERIES.c.record_id,
    DELIVERIES.c.change,
    DELIVERIES.c.state,
    DELIVERIES.c.behind,
    DELIVERIES.c.attempts,
    DELIVERIES.c.due_at,
    DELIVERIES.c.last_status,
    DELIVERIES.c.last_error,
    DELIVERIES.c.created_at,
    DELIVERIES.c.settled_at,
    DELIVERIES.c.superseded_by,
    DELIVERIES.c.deletion,
    DELIVERIES.c.number,
    HELD.label("is_held"),
    LANES.c.quiet_until,
    (DELIVERIES.c.epoch < LANES.c.epoch).label("is_released"),
)


def deliveries(
    database: Database,
    wanted: DeliveryFilter,
    *,
    limit: int,
    now: datetime,
    before: int | None = None,
) -> Iterator[ListedDelivery]:
    """Yield at most *limit* deliveries that *wanted* means, the newest first.

    Those *before* a delivery's number were stored before it, which need not be there any more.
    """
    query = (
        select(*_LISTED)
        .join(LANES, LANES.c.number == DELIVERIES.c.lane)
        .where(*conditions(wanted))
        .order_by(DELIVERIES.c.number.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(DELIVERIES.c.number < before)
    with database.connected() as connection:
        for row in connection.execution_options(yield_per=500).execute(query):
            yield _listed(row, now)


def with_numbers(
    connection: Connection, numbers: Sequence[int], *, now: datetime
) -> list[ListedDelivery]:
    """Return the deliveries that have one of *numbers*, the newest first; some may be gone."""
    found = []
    for first in range(0, len(numbers), _AT_ONCE):
        query = (
            select(*_LISTED)
            .join(LANES, LANES.c.number == DELIVERIES.c.lane)
            .where(DELIVERIES.c.number.in_(numbers[first : first + _AT_ONCE]))
        )
        found += [_listed(row, now) for row in connection.execute(query)]
    return sorted(found, key=lambda one: one.number, reverse=True)


def with_ids(database: Database, ids: Sequence[str], *, now: datetime) -> list[ListedDelivery]:
    """Return the deliveries that have one of *ids*, the newest first."""
    query = (
        select(*_LISTED)
        .join(LANES, LANES.c.number == DELIVERIES.c.lane)
        .where(DELIVERIES.c.id.in_(ids))
        .order_by(DELIVERIES.c.number.desc())
    )
    with database.connected() as connection:
        return [_listed(row, now) for row in connection.execute(query)]


def delivery(database: Database, id_: str, *, now: datetime) -> ShownDelivery | None:
    """Return the delivery with an id whole; None where it is not there."""
    query = (
        select(
            *_LISTED,
            DELIVERIES.c.method,
            DELIVERIES.c.content_type,
            DELIVERIES.c.query,
            DELIVERIES.c.body,
            DELIVERIES.c.holes,
            DELIVERIES.c.url_values,
            DELIVERIES.c.first_attempt_at,
            DELIVERIES.c.held_before,
            LANES.c.held_total,
            LANES.c.held_since,
        )
        .join(LANES, LANES.c.number == DELIVERIES.c.lane)
        .where(DELIVERIES.c.id == id_)
    )
    with database.connected() as connection:
        row = connection.execute(query).first()
        return None if row is None else _shown(row, _attempts(connection, row.id), now)


def _listed(row: Any, now: datetime) -> ListedDelivery:
    is_pending = row.state == "pending"
    state = DeliveryState.HELD if is_pending and row.is_held else DeliveryState(row.state)
    is_behind = is_pending and row.behind == 1
    is_planned = state is DeliveryState.PENDING and not is_behind
    return ListedDelivery(
        id=row.id,
        webhook=row.webhook,
        source=row.source,
        object=row.object,
        record_id=row.record_id,
        change=row.change,
        state=state,
        attempts=row.attempts,
        next_attempt_at=_next_attempt(row, now) if is_planned else None,
        is_behind=is_behind,
        last_status=row.last_status,
        last_error=row.last_error,
        created_at=from_micros(row.created_at),
        settled_at=from_micros(row.settled_at),
        superseded_by=row.superseded_by,
        number=row.number,
        deletion=deletion_of(row.deletion),
    )


def _next_attempt(row: Any, now: datetime) -> datetime:
    due_at = now if row.is_released else from_micros(row.due_at)
    quiet_until = from_micros(row.quiet_until)
    return due_at if quiet_until is None else max(due_at, quiet_until)


def _shown(row: Any, attempts: tuple[Attempt, ...], now: datetime) -> ShownDelivery:
    return ShownDelivery(
        _listed(row, now),
        row.method,
        row.content_type,
        row.query,
        _with_marks(row.body, template_columns.holes_of(row.holes)),
        attempts,
        row.url_values,
        _counted_from(row, now),
    )


def _counted_from(row: Any, now: datetime) -> datetime | None:
    if row.state != "pending" or row.first_attempt_at is None:
        return None
    held = row.held_total - row.held_before
    if row.held_since is not None:
        held += max(to_micros(now) - row.held_since, 0)
    since: int = row.first_attempt_at + max(held, 0)
    return from_micros(since)


def _with_marks(body: bytes | None, holes: tuple[tuple[int, str], ...]) -> bytes | None:
    """Return a body with `***` where an attempt puts secrets."""
    if body is None or not holes:
        return body
    ends = [0, *(place for place, _ in holes), len(body)]
    return b"***".join(body[start:end] for start, end in pairwise(ends))


def _attempts(connection: Connection, delivery_id: str) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            number=row.number,
            started_at=from_micros(row.started_at),
            seconds=row.seconds / 1_000_000,
            status=row.status,
            error=row.error,
            answer=row.answer,
            config_hash=row.config_hash,
            sent=row.sent,
            answer_headers=row.answer_headers,
        )
        for row in connection.execute(kept_heads.with_attempts(delivery_id))
    )
