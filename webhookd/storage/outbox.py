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
from webhookd.storage.connection import Dialect, ForRows, with_lists
from webhookd.storage.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from webhookd.storage.connection import Connection

_COLUMNS = (
    "deliveries.id, lanes.webhook, source, object, record_id, change, method, body, content_type,"
    " query, created_at, due_at, attempts, first_attempt_at, held_before"
)
_WAITING = (
    f"SELECT {_COLUMNS} FROM deliveries JOIN lanes ON lanes.number = lane"  # noqa: S608 - constant
    " WHERE due_at IS NOT NULL"
)
_NUMBERED = f"{_WAITING} AND deliveries.number = ?"
_PENDING = {
    dialect: "SELECT "  # noqa: S608 - constants
    + " + ".join(f"(SELECT count(*) FROM deliveries WHERE {one})" for one in conditions)  # noqa: S608
    for dialect, conditions in ordering.WAITING.items()
}
_INTO = (
    "INSERT INTO attempts"
    " (delivery_id, number, started_at, seconds, status, error, answer, config_hash) "
)
_OVER = (
    " ON CONFLICT (delivery_id, number) DO UPDATE SET started_at = excluded.started_at,"
    " seconds = excluded.seconds, status = excluded.status, error = excluded.error,"
    " answer = excluded.answer, config_hash = excluded.config_hash"
)
_ATTEMPT = ForRows(
    each=f"{_INTO}VALUES (?, ?, ?, ?, ?, ?, ?, ?){_OVER}",
    at_once=(
        f"{_INTO}SELECT * FROM unnest(?::text[], ?::int[], ?::bigint[], ?::bigint[], ?::int[],"  # noqa: S608 - constant
        f" ?::text[], ?::text[], ?::text[]){_OVER}"
    ),
)
_STARTED = "UPDATE starts SET started_at = ? WHERE delivery_id = ? AND started_at IS NULL"
_SETTLE = ForRows(
    each=(
        "UPDATE deliveries SET state = ?, due_at = ?, epoch = coalesce(?, epoch), attempts = ?,"
        " first_attempt_at = ?, held_before = ?, last_status = ?, last_error = ?, settled_at = ?"
        " WHERE id = ? AND due_at IS NOT NULL"
    ),
    at_once=(
        "UPDATE deliveries SET state = new.state, due_at = new.due_at,"
        " epoch = coalesce(new.epoch, deliveries.epoch), attempts = new.attempts,"
        " first_attempt_at = new.first_attempt_at, held_before = new.held_before,"
        " last_status = new.last_status, last_error = new.last_error,"
        " settled_at = new.settled_at"
        " FROM unnest(?::text[], ?::bigint[], ?::int[], ?::int[], ?::bigint[], ?::bigint[],"
        " ?::int[], ?::text[], ?::bigint[], ?::text[]) AS new (state, due_at, epoch, attempts,"
        " first_attempt_at, held_before, last_status, last_error, settled_at, id)"
        " WHERE deliveries.id = new.id AND deliveries.due_at IS NOT NULL"
    ),
)


@dataclass(frozen=True, slots=True)
class _Finding:
    """How due deliveries are found: those of an older epoch, those of this one, the next."""

    released: str
    due: str
    next: str

    @classmethod
    def of(cls, place: str, dialect: Dialect) -> _Finding:
        """Return it for the *place* in a record's order that may go: none, or the first."""
        # SQLite searches a partial index where its condition stands in the statement.
        index = "behind IS NOT 1 AND " if dialect is Dialect.SQLITE else ""
        may_go = f"{index}lane = ? AND {place}"
        others = with_lists("deliveries.id {none_of}")[dialect]
        return cls(
            f"{_WAITING} AND {may_go} AND deliveries.epoch < ? AND {others}"
            " ORDER BY deliveries.epoch, due_at LIMIT ?",
            f"{_WAITING} AND {may_go} AND deliveries.epoch = ? AND due_at <= ? AND {others}"
            " ORDER BY due_at LIMIT ?",
            "SELECT min(due_at) FROM deliveries"  # noqa: S608 - constant
            f" WHERE due_at IS NOT NULL AND {may_go} AND epoch = ? AND due_at > ?",
        )


_FINDING = {
    (dialect, is_ordered): _Finding.of("behind = 0" if is_ordered else "behind IS NULL", dialect)
    for dialect in Dialect
    for is_ordered in (False, True)
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many due deliveries of a lane are asked for: at most *limit*, and none of *leased*.

    Where *is_ordered*, those that are the first of their record.
    """

    lane: int
    epoch: int
    limit: int
    is_ordered: bool = False
    leased: tuple[str, ...] = ()


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


def find_due(connection: Connection, wanted: Sequence[Wanted], now: datetime) -> list[Due]:
    """Return due deliveries of each wanted lane, the longest due first."""
    return [_find_due(connection, one, now) for one in wanted]


def _find_due(connection: Connection, wanted: Wanted, now: datetime) -> Due:
    at = to_micros(now)
    finding = _FINDING[connection.dialect, wanted.is_ordered]
    lane, leased = (wanted.lane, wanted.epoch), connection.listed(wanted.leased)
    rows = connection.execute(finding.released, (*lane, leased, wanted.limit)).fetchall()
    if len(rows) < wanted.limit:
        left = wanted.limit - len(rows)
        rows += connection.execute(finding.due, (*lane, at, leased, left)).fetchall()
    found = tuple(map(delivery_of, rows))
    if len(rows) == wanted.limit:
        return Due(wanted.lane, found, now, wanted.is_ordered)
    next_at = connection.execute(finding.next, (*lane, at)).fetchone()[0]
    return Due(wanted.lane, found, from_micros(next_at), wanted.is_ordered)


def settle(connection: Connection, settlements: Iterable[Settlement]) -> list[Delivery]:
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
    connection.write_rows(_ATTEMPT, attempts)
    connection.write_rows(_SETTLE, updates)
    connection.executemany(_STARTED, starts)
    return [
        delivery_of(connection.execute(_NUMBERED, (number,)).fetchone())
        for lane, deliveries in ended.items()
        for number in ordering.promote(connection, lane, (one.record for one in deliveries))
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


def _settle_lane(connection: Connection, settlement: Settlement) -> None:
    match settlement.outcome:
        case Held(why=why):
            lanes.hold_as_gone(connection, settlement.lane, why, settlement.ended_at)
        case RetryAt(lane_paused_until=until) if until is not None:
            lanes.keep_quiet(connection, settlement.lane, until)
        case Delivered() | GivenUp() | RetryAt():
            pass


def reschedule(connection: Connection, delivery_id: str, due_at: datetime) -> bool:
    """Move a pending delivery's next attempt; return False when it is not pending."""
    cursor = connection.execute(
        "UPDATE deliveries SET due_at = ?, epoch = (SELECT epoch FROM lanes WHERE number = lane)"
        " WHERE id = ? AND due_at IS NOT NULL",
        (to_micros(due_at), delivery_id),
    )
    return cursor.rowcount == 1


def waiting(connection: Connection, delivery_id: str | None = None) -> list[Delivery]:
    """Return pending deliveries, next attempt first: all of them, or the one with an id."""
    if delivery_id is None:
        rows = connection.execute(f"{_WAITING} ORDER BY due_at")
    else:
        rows = connection.execute(f"{_WAITING} AND deliveries.id = ?", (delivery_id,))
    return [delivery_of(row) for row in rows]


def count_pending(connection: Connection) -> int:
    """Return how many deliveries wait, held ones included."""
    (count,) = connection.execute(_PENDING[connection.dialect]).fetchone()
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
