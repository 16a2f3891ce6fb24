"""Storing new deliveries, each with its place in the order of its record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from webhookd.storage.database.connection import ForRows
from webhookd.storage.database.times import to_micros
from webhookd.storage.deliveries import coalesce, record_order
from webhookd.storage.deliveries.coalesce import Place
from webhookd.storage.schema import template_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webhookd.model import Delivery
    from webhookd.storage.database.connection import Connection, Statements
    from webhookd.storage.deliveries.coalesce import Coalescing, Superseding

_COLUMNS = (
    "state, id, lane, source, object, record_id, change, epoch, due_at, created_at, method,"
    " content_type, query, body, holes, url_values, behind, owner, deletion"
)
_VALUES = "'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
_INSERT = ForRows(
    each=f"INSERT INTO deliveries ({_COLUMNS}) VALUES ({_VALUES})",  # noqa: S608 - constant
    at_once=(
        f"INSERT INTO deliveries ({_COLUMNS}) SELECT 'pending', * FROM unnest(?::text[],"  # noqa: S608 - constant
        " ?::int[], ?::text[], ?::text[], ?::text[], ?::text[], ?::int[], ?::bigint[],"
        " ?::bigint[], ?::text[], ?::text[], ?::text[], ?::bytea[], ?::text[], ?::text[],"
        " ?::int[], ?::bigint[], ?::text[])"
    ),
)
_INSERT_UNTOLD = (
    f"INSERT INTO deliveries ({_COLUMNS}, attempts, hints, hints_in_row, untold_new,"  # noqa: S608 - constant
    f" untold_previous, untold_since) VALUES ({_VALUES}, ?, ?, ?, ?, ?, ?)"
)
_NO_END = 2**31
_IS_ANY_OPEN = f"SELECT {record_order.IS_ANY_OPEN}"


@dataclass(slots=True)
class _Storing:
    """A lane that deliveries are stored in, and the records of those so far."""

    number: int
    epoch: int
    ordered_upto: int | None
    owner: int | None
    room: int
    met: set[record_order.Record] = field(default_factory=set)

    def placed(self, delivery: Delivery, *, is_behind: bool) -> tuple[Delivery, int | None]:
        """Return a delivery with its place, and its owner: this daemon while it has room."""
        if is_behind:
            return replace(delivery, is_behind=True), None
        if self.owner is None:
            return delivery, None
        if self.room <= 0:
            return replace(delivery, is_unclaimed=True), None
        self.room -= 1
        return delivery, self.owner


def store(
    connection: Connection,
    deliveries: Iterable[Delivery],
    may_supersede: Superseding | None = None,
    rooms: Mapping[str, int] | None = None,
) -> list[Delivery]:
    """Insert new deliveries as pending; return them, each with its place in its record's order.

    Those that are superseded by later ones of the same *deliveries* are not returned. Where several
    daemons share the work, this one takes as many of each webhook as *rooms* say, or all.
    """
    known: dict[str, _Storing] = {}
    stored: dict[str, Delivery] = {}
    rows = []
    for delivery in deliveries:
        if delivery.webhook not in known:
            room = _NO_END if rooms is None else rooms.get(delivery.webhook, 0)
            known[delivery.webhook] = _lane_of(connection, delivery.webhook, room)
        lane = known[delivery.webhook]
        own = may_supersede.coalescing.get(delivery.id) if may_supersede is not None else None
        if may_supersede is not None and own is not None and lane.ordered_upto == record_order.LAST:
            _add(stored, _store_untold(connection, lane, delivery, own, may_supersede))
            continue
        behind = None if lane.ordered_upto is None else _behind(connection, lane, delivery)
        stored[delivery.id], owner = lane.placed(delivery, is_behind=bool(behind))
        rows.append(_row(lane.number, delivery, lane.epoch, behind, owner))
    connection.write_rows(_INSERT, rows)
    return list(stored.values())


def _store_untold(
    connection: Connection,
    lane: _Storing,
    delivery: Delivery,
    own: Coalescing,
    may_supersede: Superseding,
) -> Delivery:
    """Insert a delivery in the place of those of its record that wait, or behind the others."""
    record = (lane.number, *delivery.record)
    place = coalesce.find_place(connection, record, delivery, own, may_supersede.may_take)
    if place is None:
        (is_behind,) = connection.execute(_IS_ANY_OPEN, record).fetchone()
        placed, owner = lane.placed(delivery, is_behind=bool(is_behind))
        place = Place(placed, own.untold, lane.epoch, owner)
    behind = int(place.delivery.is_behind)
    row = _row(lane.number, place.delivery, place.epoch, behind, place.owner)
    connection.execute(_INSERT_UNTOLD, row + place.columns())
    coalesce.supersede(connection, place)
    return place.delivery


def _add(stored: dict[str, Delivery], delivery: Delivery) -> None:
    """Add a delivery to those *stored*, instead of those of them that it superseded."""
    superseded = delivery.supersedes
    for id_ in delivery.supersedes:
        if id_ in stored:
            superseded += stored.pop(id_).supersedes
    stored[delivery.id] = replace(delivery, supersedes=superseded)


def _row(
    lane: int, delivery: Delivery, epoch: int, behind: int | None, owner: int | None
) -> tuple[object, ...]:
    rendered = delivery.rendered
    return (
        delivery.id,
        lane,
        delivery.source,
        delivery.object,
        delivery.record_id,
        # The text: `value` is looked up by a function.
        str(delivery.change),
        epoch,
        to_micros(delivery.due_at),
        to_micros(delivery.created_at),
        rendered.method,
        rendered.content_type,
        rendered.query,
        rendered.body,
        template_columns.holes_text(rendered.holes),
        template_columns.values_text(rendered.values),
        behind,
        owner,
        None if delivery.deletion is None else delivery.deletion.text(),
    )


def _behind(connection: Statements, lane: _Storing, delivery: Delivery) -> int:
    """Return 1 when an older delivery of the record is open, or may be for all that is known."""
    record = (lane.number, *delivery.record)
    if record in lane.met or lane.ordered_upto != record_order.LAST:
        return 1
    lane.met.add(record)
    return int(connection.execute(_IS_ANY_OPEN, record).fetchone()[0])


def store_failed(connection: Connection, deliveries: Sequence[tuple[Delivery, str]]) -> None:
    """Insert deliveries that cannot be attempted, with the reason of each, as failed."""
    store(connection, [delivery for delivery, _ in deliveries], rooms={})
    connection.executemany(
        "UPDATE deliveries SET state = 'failed', due_at = NULL, last_error = ?, settled_at = ?"
        " WHERE id = ?",
        [(why, to_micros(delivery.created_at), delivery.id) for delivery, why in deliveries],
    )


def _lane_of(connection: Connection, webhook: str, room: int) -> _Storing:
    query = f"SELECT number, epoch, {record_order.UPTO} FROM lanes WHERE webhook = ?"  # noqa: S608 - constant
    row = connection.execute(query, (webhook,)).fetchone()
    if row is None:
        connection.execute(
            "INSERT INTO lanes (webhook) VALUES (?) ON CONFLICT DO NOTHING", (webhook,)
        )
        row = connection.execute(query, (webhook,)).fetchone()
    number, epoch, upto = row
    lane = _Storing(number, epoch, upto, connection.session.owner, room)
    if lane.ordered_upto is not None:
        connection.session.keep_order(lane.number)
    return lane
