"""Deliveries and their attempts: settling, and what waits.

Functions that take a connection run on the writer's thread (`writer`); several of them may
share one transaction. The statements here are the hot ones and go to the driver as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.model import (
    ChangeKind,
    Delivered,
    Delivery,
    GivenUp,
    Held,
    Hints,
    Rendered,
    RetryAt,
    Settlement,
)
from webhookd.storage import forgotten_records
from webhookd.storage.database.connection import Dialect, ForRows
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.deliveries import kept_heads, lanes, record_order
from webhookd.storage.schema.template_columns import holes_of, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.storage.database.connection import Connection, Statements

COLUMNS = (
    "deliveries.id, lanes.webhook, source, object, record_id, change, method, body, content_type,"
    " query, created_at, due_at, attempts, first_attempt_at, held_before,"
    " hints, hints_in_row, holes, url_values"
)
WAITING = (
    f"SELECT {COLUMNS} FROM deliveries JOIN lanes ON lanes.number = lane"  # noqa: S608 - constant
    " WHERE due_at IS NOT NULL"
)
_NUMBERED = f"{WAITING} AND deliveries.number = ?"
_PENDING = {
    dialect: "SELECT "  # noqa: S608 - constants
    + " + ".join(f"(SELECT count(*) FROM deliveries WHERE {one})" for one in conditions)  # noqa: S608
    for dialect, conditions in record_order.WAITING.items()
}
_INTO = (
    "INSERT INTO attempts"
    " (delivery_id, number, started_at, seconds, status, error, answer, config_hash, sent,"
    " answer_headers) "
)
_OVER = (
    " ON CONFLICT (delivery_id, number) DO UPDATE SET started_at = excluded.started_at,"
    " seconds = excluded.seconds, status = excluded.status, error = excluded.error,"
    " answer = excluded.answer, config_hash = excluded.config_hash, sent = excluded.sent,"
    " answer_headers = excluded.answer_headers"
)
_ATTEMPT = ForRows(
    each=f"{_INTO}VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?){_OVER}",
    at_once=(
        # A delivery without a record was forgotten meanwhile (`storage.forgotten_records`).
        f"{_INTO}SELECT delivery_id, new.number, new.started_at, new.seconds, new.status,"  # noqa: S608 - constant
        " CASE WHEN deliveries.record_id = '' AND new.error IS NOT NULL"
        f" THEN '{forgotten_records.FORGOTTEN}' ELSE new.error END,"
        " CASE WHEN deliveries.record_id = '' THEN '' ELSE new.answer END, new.config_hash,"
        " CASE WHEN deliveries.record_id <> '' THEN new.sent END,"
        " CASE WHEN deliveries.record_id <> '' THEN new.answer_headers END"
        " FROM unnest(?::text[], ?::int[], ?::bigint[], ?::bigint[], ?::int[], ?::text[],"
        " ?::text[], ?::text[], ?::text[], ?::text[]) AS new (delivery_id, number, started_at,"
        " seconds, status, error, answer, config_hash, sent, answer_headers)"
        " JOIN deliveries ON deliveries.id = new.delivery_id"
        f" AND deliveries.owner = ?{_OVER}"
    ),
)
_STARTED = "UPDATE starts SET started_at = ? WHERE delivery_id = ? AND started_at IS NULL"
_UNUSED = "DELETE FROM starts WHERE delivery_id = ? AND started_at IS NULL"
_SETTLE = ForRows(
    each=(
        "UPDATE deliveries SET state = ?, due_at = ?, epoch = coalesce(?, epoch), attempts = ?,"
        " first_attempt_at = ?, held_before = ?, last_status = ?, last_error = ?, settled_at = ?,"
        " hints = ?, hints_in_row = ? WHERE id = ? AND due_at IS NOT NULL"
    ),
    at_once=(
        "UPDATE deliveries SET state = new.state, due_at = new.due_at,"
        " epoch = coalesce(new.epoch, deliveries.epoch), attempts = new.attempts,"
        " first_attempt_at = new.first_attempt_at, held_before = new.held_before,"
        " last_status = new.last_status, last_error = new.last_error,"
        " settled_at = new.settled_at, hints = new.hints, hints_in_row = new.hints_in_row,"
        " owner = NULL"
        " FROM unnest(?::text[], ?::bigint[], ?::int[], ?::int[], ?::bigint[], ?::bigint[],"
        " ?::int[], ?::text[], ?::bigint[], ?::int[], ?::int[], ?::text[]) AS new (state, due_at,"
        " epoch, attempts, first_attempt_at, held_before, last_status, last_error, settled_at,"
        " hints, hints_in_row, id)"
        " WHERE deliveries.id = new.id AND deliveries.due_at IS NOT NULL"
        " AND deliveries.owner = ?"
    ),
)
_GIVEN_UP = {
    Dialect.SQLITE: (
        "SELECT id FROM deliveries WHERE id = ? AND state = 'failed' AND settled_at = ?"
    ),
    Dialect.POSTGRESQL: (
        "SELECT deliveries.id FROM deliveries JOIN unnest(?::text[], ?::bigint[])"
        " AS ended (id, at) ON deliveries.id = ended.id"
        " WHERE state = 'failed' AND settled_at = ended.at"
    ),
}
# Calling the class for a member takes ten times as long.
_KINDS = {str(kind): kind for kind in ChangeKind}
# What was cancelled while its attempt was under way.
_LET_GO = "UPDATE deliveries SET owner = NULL WHERE id = ANY(?) AND due_at IS NULL AND owner = ?"


def settle(connection: Connection, settlements: Sequence[Settlement]) -> list[Delivery]:
    """Write what attempts led to.

    A delivery that is no longer pending, or is another daemon's by now, stays as it is.
    Returns the deliveries that were behind those which ended, and are now first of their record.
    """
    settlements = forgotten_records.without_forgotten(connection, settlements)
    attempts, updates, starts, unused = [], [], [], []
    ended: dict[int, list[Delivery]] = {}
    are_apart = kept_heads.are_apart(connection)
    for settlement in settlements:
        match settlement.outcome:
            case Delivered() | GivenUp():
                ended.setdefault(settlement.lane, []).append(settlement.delivery)
            case Held() | RetryAt():
                _settle_lane(connection, settlement)
        attempts.append(_attempt_row(settlement, are_apart))
        updates.append(_update_row(settlement))
        if settlement.is_paced and not settlement.made_request:
            unused.append((settlement.delivery.id,))
        elif settlement.is_paced:
            started_at = to_micros(settlement.attempt.started_at)
            starts.append((started_at, settlement.delivery.id))
    connection.write_rows(_ATTEMPT, attempts, connection.session.owner)
    if are_apart:
        kept_heads.keep(connection, settlements)
    count = connection.write_rows(_SETTLE, updates, connection.session.owner)
    if connection.session.is_shared and count < len(updates):
        ids = [settlement.delivery.id for settlement in settlements]
        connection.execute(_LET_GO, (ids, connection.session.owner))
    connection.executemany(_STARTED, starts)
    connection.executemany(_UNUSED, unused)
    return [
        delivery_of(connection.execute(_NUMBERED, (number,)).fetchone())
        for lane, deliveries in ended.items()
        for number in record_order.promote(
            connection, lane, (one.record for one in deliveries), connection.session.owner
        )
    ]


def given_up(connection: Connection, settlements: Sequence[Settlement]) -> frozenset[str]:
    """Return the ids of deliveries that *settlements* have just given up, in this transaction.

    One that was cancelled meanwhile, or is another daemon's by now, was not given up by them.
    """
    ended = [(one.delivery.id, to_micros(one.ended_at)) for one in settlements]
    query = _GIVEN_UP[connection.dialect]
    if connection.dialect is Dialect.SQLITE:
        rows = [row for one in ended for row in connection.execute(query, one).fetchall()]
    else:
        rows = connection.execute(query, tuple(map(list, zip(*ended, strict=True)))).fetchall()
    return frozenset(id_ for (id_,) in rows)


def _attempt_row(settlement: Settlement, are_apart: bool) -> tuple[object, ...]:
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
        None if are_apart else attempt.sent,
        None if are_apart else attempt.answer_headers,
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
        *_hints(settlement),
        settlement.delivery.id,
    )


def _hints(settlement: Settlement) -> Hints:
    """Return a delivery's hints with the one that was obeyed just now, if one was."""
    before, outcome = settlement.delivery.hints, settlement.outcome
    if not isinstance(outcome, RetryAt):
        return Hints(before.made)
    in_row = outcome.hints_in_row
    return Hints(before.made + (in_row > before.in_row), in_row)


def _settle_lane(connection: Statements, settlement: Settlement) -> None:
    match settlement.outcome:
        case Delivered() | GivenUp():
            pass
        case Held(why=why):
            lanes.hold_as_gone(connection, settlement.lane, why, settlement.ended_at)
        case RetryAt(lane_paused_until=until):
            if until is not None:
                lanes.keep_quiet(connection, settlement.lane, until)


def reschedule(connection: Statements, delivery_id: str, due_at: datetime) -> bool:
    """Move a pending delivery's next attempt; return False when it is not pending."""
    cursor = connection.execute(
        "UPDATE deliveries SET due_at = ?, epoch = (SELECT epoch FROM lanes WHERE number = lane)"
        " WHERE id = ? AND due_at IS NOT NULL",
        (to_micros(due_at), delivery_id),
    )
    return cursor.rowcount == 1


def waiting(connection: Statements, delivery_id: str | None = None) -> list[Delivery]:
    """Return pending deliveries, next attempt first: all of them, or the one with an id."""
    if delivery_id is None:
        rows = connection.execute(f"{WAITING} ORDER BY due_at")
    else:
        rows = connection.execute(f"{WAITING} AND deliveries.id = ?", (delivery_id,))
    return [delivery_of(row) for row in rows]


def count_pending(connection: Statements) -> int:
    """Return how many deliveries wait, held ones included."""
    (count,) = connection.execute(_PENDING[connection.dialect]).fetchone()
    return int(count)


def delivery_of(row: tuple[Any, ...]) -> Delivery:
    """Return the delivery that a row of this module's columns holds."""
    (id_, webhook, source, object_, record_id, change, method, body, content_type, query,
     created_at, due_at, attempts, first_attempt_at, held_before, hints, in_row,
     holes, values) = row  # fmt: skip
    return Delivery(
        id_,
        webhook,
        source,
        object_,
        record_id,
        _KINDS[change],
        Rendered(method, body, content_type, query, holes_of(holes), values_of(values)),
        from_micros(created_at),
        from_micros(due_at),
        attempts,
        from_micros(first_attempt_at),
        held_before / 1_000_000,
        Hints(hints, in_row),
    )
