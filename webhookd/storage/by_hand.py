"""What people do to deliveries: try again, cancel. A few at a time, so that nothing else waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from webhookd.model import DeliveryState
from webhookd.storage.listing import conditions
from webhookd.storage.tables import DELIVERIES, LANES
from webhookd.storage.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from webhookd.storage.database import Database
    from webhookd.storage.listing import DeliveryFilter
    from webhookd.storage.writer import Connection

_RETRY = (
    "UPDATE deliveries SET state = 'pending', due_at = ?, settled_at = NULL,"
    " first_attempt_at = NULL, held_before = 0,"
    " epoch = (SELECT epoch FROM lanes WHERE lanes.number = lane)"
    " WHERE number = ? AND NOT (state = 'failed' AND attempts = 0)"
)
_CANCEL = (
    "UPDATE deliveries SET state = 'cancelled', due_at = NULL, settled_at = ?"
    " WHERE number = ? AND due_at IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The deliveries a person means: by id, or by filter; never both.

    *states* are those that the command applies to when the filter names none.
    """

    wanted: DeliveryFilter
    ids: tuple[str, ...] = ()
    states: tuple[DeliveryState, ...] = ()


def count(database: Database, selection: Selection) -> int:
    """Return how many deliveries *selection* means."""
    query = _restricted(select(func.count()), selection)
    with database.engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


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
    with database.engine.connect() as connection:
        return [(row.number, row.id) for row in connection.execute(query)]


def last_number(database: Database) -> int:
    """Return the number of the newest delivery: what comes later is not meant."""
    with database.engine.connect() as connection:
        found = connection.execute(select(func.max(DELIVERIES.c.number))).scalar_one()
    return int(found or 0)


def retry(connection: Connection, wanted: Sequence[int], now: datetime) -> int:
    """Make deliveries due now, with a new give-up period; id and attempt numbers stay.

    Returns how many. One that failed without an attempt could not be rendered, for a bug, and
    has nothing to send.
    """
    cursor = connection.executemany(_RETRY, [(to_micros(now), number) for number in wanted])
    return cursor.rowcount


def cancel(connection: Connection, wanted: Sequence[int], now: datetime) -> int:
    """Settle pending deliveries as cancelled; return how many still were pending."""
    cursor = connection.executemany(_CANCEL, [(to_micros(now), number) for number in wanted])
    return cursor.rowcount


def _restricted(query: Select[Any], selection: Selection) -> Select[Any]:
    query = query.select_from(DELIVERIES).join(LANES, LANES.c.number == DELIVERIES.c.lane)
    if selection.ids:
        return query.where(DELIVERIES.c.id.in_(selection.ids))
    query = query.where(*conditions(selection.wanted))
    if selection.wanted.state is None and selection.states:
        names = [state.value for state in selection.states if state is not DeliveryState.HELD]
        query = query.where(DELIVERIES.c.state.in_(names))
    return query
