"""Storing new deliveries, each with its place in the order of its record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from webhookd.storage import ordering
from webhookd.storage.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from webhookd.model import Delivery
    from webhookd.storage.writer import Connection

_INSERT = (
    "INSERT INTO deliveries (id, lane, source, object, record_id, change, state, epoch, due_at,"
    " created_at, method, content_type, query, body, behind)"
    " VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?)"
)
_IS_ANY_OPEN = f"SELECT {ordering.IS_ANY_OPEN}"


@dataclass(frozen=True, slots=True)
class _Storing:
    """A lane that deliveries are stored in, and the records of those so far."""

    number: int
    epoch: int
    ordered_upto: int | None
    met: set[ordering.Record] = field(default_factory=set)


def store(connection: Connection, deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Insert new deliveries as pending; return them, each with its place in its record's order."""
    known: dict[str, _Storing] = {}
    stored, rows = [], []
    for delivery in deliveries:
        if delivery.webhook not in known:
            known[delivery.webhook] = _lane_of(connection, delivery.webhook)
        lane = known[delivery.webhook]
        behind = None if lane.ordered_upto is None else _behind(connection, lane, delivery)
        stored.append(replace(delivery, is_behind=True) if behind else delivery)
        rendered = delivery.rendered
        rows.append((
            delivery.id,
            lane.number,
            delivery.source,
            delivery.object,
            delivery.record_id,
            delivery.change.value,
            lane.epoch,
            to_micros(delivery.due_at),
            to_micros(delivery.created_at),
            rendered.method,
            rendered.content_type,
            rendered.query,
            rendered.body,
            behind,
        ))  # fmt: skip
    connection.executemany(_INSERT, rows)
    return stored


def _behind(connection: Connection, lane: _Storing, delivery: Delivery) -> int:
    """Return 1 when an older delivery of the record is open, or may be for all that is known."""
    record = (lane.number, delivery.source, delivery.object, delivery.record_id)
    if record in lane.met or lane.ordered_upto != ordering.LAST:
        return 1
    lane.met.add(record)
    return int(connection.execute(_IS_ANY_OPEN, record).fetchone()[0])


def store_failed(connection: Connection, deliveries: Sequence[tuple[Delivery, str]]) -> None:
    """Insert deliveries that cannot be attempted, with the reason of each, as failed."""
    store(connection, [delivery for delivery, _ in deliveries])
    connection.executemany(
        "UPDATE deliveries SET state = 'failed', due_at = NULL, last_error = ?, settled_at = ?"
        " WHERE id = ?",
        [(why, to_micros(delivery.created_at), delivery.id) for delivery, why in deliveries],
    )


def _lane_of(connection: Connection, webhook: str) -> _Storing:
    query = f"SELECT number, epoch, {ordering.UPTO} FROM lanes WHERE webhook = ?"  # noqa: S608 - constant
    row = connection.execute(query, (webhook,)).fetchone()
    if row is None:
        connection.execute("INSERT INTO lanes (webhook) VALUES (?)", (webhook,))
        row = connection.execute(query, (webhook,)).fetchone()
    return _Storing(*row)
