"""Deliveries and their attempts: finding what is due, settling.

Functions that take a connection run on the writer's thread (`writer`); several of them may
share one transaction. The statements here are the hot ones and go to the driver as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhookd.model import (
    ChangeKind,
    Delivered,
    Delivery,
    GivenUp,
    Held,
    Rendered,
    RetryAt,
    Settlement,
)
from webhookd.storage import lanes, ordering
from webhookd.storage.times import from_micros, to_micros

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_COLUMNS = (
    "deliveries.id, lanes.webhook, source, object, record_id, change, method, body, content_type,"
    " query, created_at, due_at, attempts, first_attempt_at, held_before"
)
_WAITING = (
    f"SELECT {_COLUMNS} FROM deliveries JOIN lanes ON lanes.number = lane"  # noqa: S608 - constant
    " WHERE due_at IS NOT NULL"
)
_MAY_GO = "behind IS NOT 1 AND lane = ? AND behind IS ?"
_RELEASED = (
    f"{_WAITING} AND {_MAY_GO} AND deliveries.epoch < ? ORDER BY deliveries.epoch, due_at LIMIT ?"
)
_DUE = f"{_WAITING} AND {_MAY_GO} AND deliveries.epoch = ? AND due_at <= ? ORDER BY due_at LIMIT ?"
_NEXT = (
    "SELECT min(due_at) FROM deliveries"  # noqa: S608 - constant
    f" WHERE due_at IS NOT NULL AND {_MAY_GO} AND epoch = ? AND due_at > ?"
)
_NUMBERED = f"{_WAITING} AND deliveries.number = ?"
_PENDING = (
    "SELECT (SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL AND behind IS NOT 1)"
    " + (SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL AND behind = 1)"
)
_ATTEMPT = (
    "INSERT OR REPLACE INTO attempts"
    " (delivery_id, number, started_at, seconds, status, error, answer, config_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_STARTED = "UPDATE starts SET started_at = ? WHERE delivery_id = ? AND started_at IS NULL"
_SETTLE = (
    "UPDATE deliveries SET state = ?, due_at = ?, epoch = coalesce(?, epoch), attempts = ?,"
    " first_attempt_at = ?, held_before = ?, last_status = ?, last_error = ?, settled_at = ?"
    " WHERE id = ? AND due_at IS NOT NULL"
)


PAGES_AT_ONCE = 400
"""Free pages that one step of retention gives back to the disk."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many due deliveries of a lane are asked for: at most *limit*.

    Where *is_ordered*, those that are the first of their record.
    """

    lane: int
    epoch: int
    limit: int
    is_ordered: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """What was found for a lane.

    *next_at* is when the next one that was not taken is due; None when nothing waits.
    *is_ordered* is what was asked for.
    """

    lane: int
    deliveries: tuple[Delivery, ...]
    next_at: datetime | None
    is_ordered: bool = False


def find_due(connection: sqlite3.Connection, wanted: Sequence[Wanted], now: datetime) -> list[Due]:
    """Return due deliveries of each wanted lane, the longest due first."""
    return [_find_due(connection, one, now) for one in wanted]


def _find_due(connection: sqlite3.Connection, wanted: Wanted, now: datetime) -> Due:
    at = to_micros(now)
    lane = (wanted.lane, 0 if wanted.is_ordered else None, wanted.epoch)
    rows = connection.execute(_RELEASED, (*lane, wanted.limit)).fetchall()
    if len(rows) < wanted.limit:
        rows += connection.execute(_DUE, (*lane, at, wanted.limit - len(rows))).fetchall()
    found = tuple(map(delivery_of, rows))
    if len(rows) == wanted.limit:
        return Due(wanted.lane, found, now, wanted.is_ordered)
    next_at = connection.execute(_NEXT, (*lane, at)).fetchone()[0]
    return Due(wanted.lane, found, from_micros(next_at), wanted.is_ordered)


def settle(connection: sqlite3.Connection, settlements: Iterable[Settlement]) -> list[Delivery]:
    """Write what attempts led to. A delivery that is no longer pending stays as it is.

    Returns the deliveries that were behind those which ended, and are now first of their record.
    """
    attempts, updates, starts = [], [], []
    ended: dict[int, list[Delivery]] = {}
    for settlement in settlements:
        if isinstance(settlement.outcome, Delivered | GivenUp):
            ended.setdefault(settlement.lane, []).append(settlement.delivery)
        attempts.append(_attempt_row(settlement))
        updates.append(_update_row(settlement))
        if settlement.is_paced:
            started_at = to_micros(settlement.attempt.started_at)
            starts.append((started_at, settlement.delivery.id))
        _settle_lane(connection, settlement)
    connection.executemany(_ATTEMPT, attempts)
    connection.executemany(_SETTLE, updates)
    connection.executemany(_STARTED, starts)
    return [
        delivery_of(connection.execute(_NUMBERED, (number,)).fetchone())
        for lane, deliveries in ended.items()
        for number in ordering.promote(
            connection, lane, ((one.source, one.object, one.record_id) for one in deliveries)
        )
    ]


def _attempt_row(settlement: Settlement) -> tuple[object, ...]:
    attempt = settlement.attempt
    return (
        settlement.delivery.id,
        attempt.number,
        to_micros(attempt.started_at),
        round(attempt.seconds * 1_000_000),
        attempt.status,
        attempt.error,
        attempt.answer,
        attempt.config_hash,
    )


def _update_row(settlement: Settlement) -> tuple[object, ...]:
    match settlement.outcome:
        case Delivered():
            state, due_at = "delivered", None
        case GivenUp():
            state, due_at = "failed", None
        case RetryAt(when=when):
            state, due_at = "pending", when
        case Held():
            state, due_at = "pending", settlement.ended_at
    is_settled = due_at is None
    return (
        state,
        to_micros(due_at),
        None if is_settled else settlement.epoch,
        settlement.attempt.number,
        to_micros(settlement.first_attempt_at),
        round(settlement.held_before * 1_000_000),
        settlement.attempt.status,
        settlement.attempt.error,
        to_micros(settlement.ended_at) if is_settled else None,
        settlement.delivery.id,
    )


def _settle_lane(connection: sqlite3.Connection, settlement: Settlement) -> None:
    match settlement.outcome:
        case Held(why=why):
            lanes.hold_as_gone(connection, settlement.lane, why, settlement.ended_at)
        case RetryAt(lane_paused_until=until) if until is not None:
            lanes.keep_quiet(connection, settlement.lane, until)
        case Delivered() | GivenUp() | RetryAt():
            pass


def reserve_start(
    connection: sqlite3.Connection, *, lane: int, delivery_id: str, oldest: datetime
) -> None:
    """Write a start of a rate-limited lane before it happens; drop those before *oldest*."""
    connection.execute("INSERT INTO starts (lane, delivery_id) VALUES (?, ?)", (lane, delivery_id))
    connection.execute(
        "DELETE FROM starts WHERE lane = ? AND started_at < ?", (lane, to_micros(oldest))
    )


def recall_starts(connection: sqlite3.Connection, lane: int, now: datetime) -> list[datetime]:
    """Return when attempts of a rate-limited lane started lately, in order.

    A start that was written and never settled happened at some time before the daemon ended:
    to keep the limit it is taken for *now*.
    """
    connection.execute(
        "UPDATE starts SET started_at = ? WHERE lane = ? AND started_at IS NULL",
        (to_micros(now), lane),
    )
    query = "SELECT started_at FROM starts WHERE lane = ? ORDER BY started_at"
    return [from_micros(at) for (at,) in connection.execute(query, (lane,))]


def retire(connection: sqlite3.Connection, before: datetime, limit: int) -> int:
    """Delete at most *limit* deliveries settled before *before*; return how many."""
    query = "SELECT id FROM deliveries WHERE settled_at < ? ORDER BY settled_at LIMIT ?"
    ids = connection.execute(query, (to_micros(before), limit)).fetchall()
    connection.executemany("DELETE FROM attempts WHERE delivery_id = ?", ids)
    connection.executemany("DELETE FROM deliveries WHERE id = ?", ids)
    _give_back(connection, PAGES_AT_ONCE)
    return len(ids)


def _give_back(connection: sqlite3.Connection, pages: int) -> None:
    """Return at most *pages* free pages to the file system."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, pages)):
        # The driver takes one step of a PRAGMA without columns, and one step is one page.
        connection.execute("PRAGMA incremental_vacuum(1)")


def reschedule(connection: sqlite3.Connection, delivery_id: str, due_at: datetime) -> bool:
    """Move a pending delivery's next attempt; return False when it is not pending."""
    cursor = connection.execute(
        "UPDATE deliveries SET due_at = ?, epoch = (SELECT epoch FROM lanes WHERE number = lane)"
        " WHERE id = ? AND due_at IS NOT NULL",
        (to_micros(due_at), delivery_id),
    )
    return cursor.rowcount == 1


def waiting(connection: sqlite3.Connection, delivery_id: str | None = None) -> list[Delivery]:
    """Return pending deliveries, next attempt first: all of them, or the one with an id."""
    if delivery_id is None:
        rows = connection.execute(f"{_WAITING} ORDER BY due_at")
    else:
        rows = connection.execute(f"{_WAITING} AND deliveries.id = ?", (delivery_id,))
    return [delivery_of(row) for row in rows]


def count_pending(connection: sqlite3.Connection) -> int:
    """Return how many deliveries wait, held ones included."""
    (count,) = connection.execute(_PENDING).fetchone()
    return int(count)


def delivery_of(row: tuple[Any, ...]) -> Delivery:
    """Return the delivery that a row of this module's columns holds."""
    (id_, webhook, source, object_, record_id, change, method, body, content_type, query,
     created_at, due_at, attempts, first_attempt_at, held_before) = row  # fmt: skip
    return Delivery(
        id=id_,
        webhook=webhook,
        source=source,
        object=object_,
        record_id=record_id,
        change=ChangeKind(change),
        rendered=Rendered(method, body, content_type, query),
        created_at=from_micros(created_at),
        due_at=from_micros(due_at),
        attempts_made=attempts,
        first_attempt_at=from_micros(first_attempt_at),
        held_before=held_before / 1_000_000,
    )
