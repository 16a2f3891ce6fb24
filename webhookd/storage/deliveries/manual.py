"""What people do to deliveries: try again, cancel. A few at a time, so that nothing else waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, case, func, literal_column, or_, select, text

from webhookd.model import DeliveryState
from webhookd.storage.database.times import to_micros
from webhookd.storage.deliveries import record_order
from webhookd.storage.schema.tables import DELIVERIES, LANES
from webhookd.storage.search.delivery_conditions import conditions, is_held, stands_as

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select

    from webhookd.model import DeliveryFilter
    from webhookd.storage.database.connection import Connection, Statements
    from webhookd.storage.database.database import Database

RETRIED: Final = (DeliveryState.FAILED,)
"""States that a retry applies to where a filter names none."""
CANCELLED: Final = (DeliveryState.PENDING, DeliveryState.HELD)
"""States that cancelling applies to where a filter names none."""

_MEANT = "SELECT lane, source, object, record_id, due_at, owner FROM deliveries WHERE number = ?"
_IS_LANE_HELD = (
    "SELECT 1 FROM lanes WHERE number = ? AND (paused_reason IS NOT NULL OR gone_reason IS NOT NULL"
    " OR absent_reason IS NOT NULL)"
)
_RETRY = (
    "UPDATE deliveries SET state = 'pending', due_at = ?, settled_at = NULL, behind = ?,"
    " first_attempt_at = NULL, held_before = 0, hints_in_row = 0, untold_new = NULL,"
    " superseded_by = NULL,"
    " epoch = (SELECT epoch FROM lanes WHERE lanes.number = lane)"
    " WHERE number = ? AND NOT (state = 'failed' AND attempts = 0) AND record_id <> ''"
)
_IS_OVERTAKEN = (
    "(deliveries.state = 'superseded'"
    " OR deliveries.due_at IS NULL AND EXISTS (SELECT 1 FROM lanes AS kept"
    " WHERE kept.number = deliveries.lane AND kept.is_ordered = 1)"
    " AND EXISTS (SELECT 1 FROM deliveries AS newer"
    " WHERE newer.state = 'delivered' AND newer.behind IS NOT NULL"
    " AND newer.lane = deliveries.lane AND newer.source = deliveries.source"
    " AND newer.object = deliveries.object AND newer.record_id = deliveries.record_id"
    " AND newer.number > deliveries.number))"
)
_OVERTAKEN = f"SELECT 1 FROM deliveries WHERE number = ? AND {_IS_OVERTAKEN}"  # noqa: S608 - constant
_AGAIN = (
    "UPDATE deliveries SET due_at = ?, first_attempt_at = NULL, held_before = 0, hints_in_row = 0,"
    " untold_new = NULL, epoch = (SELECT epoch FROM lanes WHERE lanes.number = lane)"
    " WHERE number = ? AND due_at IS NOT NULL"
)
_CANCEL = (
    "UPDATE deliveries SET state = 'cancelled', due_at = NULL, settled_at = ?"
    " WHERE number = ? AND due_at IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The deliveries a person means: by id, or by filter; never both.

    *states* are those that the command applies to when the filter names none; *upto* is the last
    number that is meant, where only those are that were there when a person looked.
    """

    wanted: DeliveryFilter
    ids: tuple[str, ...] = ()
    states: tuple[DeliveryState, ...] = ()
    upto: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """How many deliveries were changed.

    *overtaken* ones were left: their webhook keeps its records' order, and a newer change of
    the record was delivered, or took their place. *held* ones would be due now, if their webhook
    were not held.
    """

    count: int = 0
    overtaken: int = 0
    held: int = 0

    def __add__(self, other: Changed) -> Changed:
        return Changed(
            self.count + other.count, self.overtaken + other.overtaken, self.held + other.held
        )


def count_retried(database: Database, selection: Selection, *, with_overtaken: bool) -> Changed:
    """Return what `retry` would do to the deliveries that *selection* means."""
    overtaken = "0 = 1" if with_overtaken else _IS_OVERTAKEN
    is_overtaken: ColumnElement[bool] = literal_column(overtaken)
    # Each row is looked at once: there may be very many.
    kind: ColumnElement[Any] = case(
        (is_overtaken, literal_column("2")),
        (is_held(), literal_column("1")),
        else_=literal_column("0"),
    )
    query = _hinted(_restricted(select(kind, func.count()), selection), selection).where(
        or_(DELIVERIES.c.state != "failed", DELIVERIES.c.attempts > 0),
        DELIVERIES.c.record_id != "",
    )
    with database.connected() as connection:
        rows = connection.execute(query.group_by(kind)).all()
    counts = {int(which): int(count) for which, count in rows}
    return Changed(counts.get(0, 0), counts.get(2, 0), counts.get(1, 0))


def count_cancelled(database: Database, selection: Selection) -> Changed:
    """Return what `cancel` would do to the deliveries that *selection* means."""
    query = _restricted(select(func.count()), selection).where(DELIVERIES.c.due_at.isnot(None))
    with database.connected() as connection:
        return Changed(int(connection.execute(query).scalar_one()))


def held(database: Database, selection: Selection, *, is_dry_run: bool) -> dict[str, int]:
    """Return how many of *selection* no retry brings out, by webhook: those of held webhooks.

    Whatever the state that *selection* names, what is held counts: who asks for what failed wants
    to know what became of all. A dry run counts those that would come to be held as well.
    """
    everything = replace(selection, wanted=replace(selection.wanted, state=None), states=())
    counting = select(DELIVERIES.c.lane, func.count())
    waiting = _restricted(counting, everything).where(is_held()).group_by(DELIVERIES.c.lane)
    queries = []
    if selection.ids:
        queries.append(waiting.where(stands_as("pending")))
    else:
        dialect = database.dialect
        indexes = record_order.WAITING_INDEXES[dialect]
        for part, index in zip(record_order.WAITING[dialect], indexes, strict=True):
            of_part = waiting.where(text(part))
            queries.append(of_part.with_hint(DELIVERIES, f"INDEXED BY {index}", "sqlite"))
    if is_dry_run:
        others = _hinted(_restricted(counting, selection), selection)
        is_other = and_(is_held(), DELIVERIES.c.state != "pending")
        queries.append(others.where(is_other).group_by(DELIVERIES.c.lane))
    found: Counter[int] = Counter()
    with database.connected() as connection:
        for query in queries:
            found.update({int(lane): int(count) for lane, count in connection.execute(query)})
        named = select(LANES.c.number, LANES.c.webhook).where(LANES.c.number.in_(found))
        names = connection.execute(named).all()
    return {webhook: found[number] for number, webhook in names}


def numbers(
    database: Database, selection: Selection, *, above: int, upto: int, limit: int
) -> list[tuple[int, str]]:
    """Return (number, id) of at most *limit* of them, in the order they were stored."""
    query = (
        _restricted(select(DELIVERIES.c.number, DELIVERIES.c.id), selection)
        .where(DELIVERIES.c.number > above, DELIVERIES.c.number <= upto)
        .order_by(DELIVERIES.c.number)
        .limit(limit)
    )
    with database.connected() as connection:
        query = _hinted(query, selection)
        return [(row.number, row.id) for row in connection.execute(query)]


def examples(database: Database, selection: Selection, limit: int) -> list[str]:
    """Return the ids of the newest of what *selection* means."""
    query = _restricted(select(DELIVERIES.c.id), selection)
    query = _hinted(query, selection).order_by(DELIVERIES.c.number.desc()).limit(limit)
    with database.connected() as connection:
        return list(connection.execute(query).scalars())


def last_number(database: Database) -> int:
    """Return the number of the newest delivery: what comes later is not meant."""
    with database.connected() as connection:
        found = connection.execute(select(func.max(DELIVERIES.c.number))).scalar_one()
    return int(found or 0)


def retry_overtaken(connection: Statements, wanted: Sequence[int], now: datetime) -> Changed:
    """Do as `retry`, those too whose record had a newer change delivered."""
    return retry(connection, wanted, now, with_overtaken=True)


def retry(
    connection: Statements, wanted: Sequence[int], now: datetime, *, with_overtaken: bool = False
) -> Changed:
    """Make deliveries due now, with a new give-up period; id and attempt numbers stay.

    A receiver that keeps what came last would go back to an older state by a delivery that was
    overtaken: those are left, unless they are meant *with_overtaken*. What a person retries is
    sent as it is: newer changes wait behind it, and do not take its place. One that failed without
    an attempt could not be rendered, for a bug, and has nothing to send; nor has one that was
    forgotten. The schedule goes on where
    it was: attempts and hints stay; what is counted in a row begins anew.
    """
    at, changed = to_micros(now), Changed()
    for number in wanted:
        if not with_overtaken and connection.execute(_OVERTAKEN, (number,)).fetchone():
            changed += Changed(overtaken=1)
        else:
            changed += _retry(connection, number, at)
    return changed


def _retry(connection: Statements, number: int, at: int) -> Changed:
    found = connection.execute(_MEANT, (number,)).fetchone()
    if found is None:
        return Changed()
    lane, source, object_, record_id, due_at, _ = found
    if due_at is not None:
        count = connection.execute(_AGAIN, (at, number)).rowcount
    else:
        behind = record_order.behind(connection, (lane, source, object_, record_id), number)
        count = connection.execute(_RETRY, (at, behind, number)).rowcount
    is_held = connection.execute(_IS_LANE_HELD, (lane,)).fetchone() is not None
    return Changed(held=count) if is_held else Changed(count)


def cancel(connection: Connection, wanted: Sequence[int], now: datetime) -> Changed:
    """Settle pending deliveries as cancelled; return how many still were.

    What was behind one of them in its record's order follows.
    """
    at, count = to_micros(now), 0
    freed: dict[tuple[int, int | None], list[tuple[str, str, str]]] = {}
    for number in wanted:
        if connection.execute(_CANCEL, (at, number)).rowcount:
            count += 1
            row = connection.execute(_MEANT, (number,)).fetchone()
            lane, source, object_, record_id, _, owner = row
            freed.setdefault((lane, owner), []).append((source, object_, record_id))
    for (lane, owner), records in freed.items():
        record_order.promote(connection, lane, records, owner)
    return Changed(count)


def _hinted(query: Select[Any], selection: Selection) -> Select[Any]:
    """Return *query* with the index that SQLite is to use: without statistics it would guess."""
    states = {selection.wanted.state or state for state in selection.states}
    if selection.ids or states != {DeliveryState.FAILED}:
        return query
    index = "failed_by_number" if selection.wanted.webhook is None else "failed"
    return query.with_hint(DELIVERIES, f"INDEXED BY {index}", "sqlite")


def _restricted(query: Select[Any], selection: Selection) -> Select[Any]:
    query = query.select_from(DELIVERIES)
    if selection.upto is not None:
        query = query.where(DELIVERIES.c.number <= selection.upto)
    if selection.ids:
        return query.where(DELIVERIES.c.id.in_(selection.ids))
    query = query.where(*conditions(selection.wanted))
    if selection.wanted.state is None and selection.states:
        # What is held waits as well, and stands in the rows as pending.
        names = [state.value for state in selection.states if state is not DeliveryState.HELD]
        query = query.where(or_(*map(stands_as, names)))
    return query
