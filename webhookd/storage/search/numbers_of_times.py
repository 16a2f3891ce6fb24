"""Times as numbers of deliveries: what was stored since then has at least such a number.

No index has the time at which a delivery was stored, and none is needed: numbers are given in the
order of storing, so that some twenty looks find the place.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from webhookd.storage.database.times import to_micros
from webhookd.storage.schema.tables import DELIVERIES

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

SLACK: Final = timedelta(minutes=2)
"""How far times may be out of the order of numbers: daemons that store at once, a clock set back.

Who looks for a time leaves so much room, and compares the times of what is in it.
"""

_NUMBER, _AT = DELIVERIES.c.number, DELIVERIES.c.created_at


def ends(connection: Connection) -> tuple[int, int]:
    """Return the numbers of the oldest and the newest delivery; (1, 0) where there are none."""
    # Each by itself is the end of an index, both at once a look at every row.
    oldest = connection.execute(select(func.min(_NUMBER))).scalar()
    newest = connection.execute(select(func.max(_NUMBER))).scalar()
    return (1, 0) if oldest is None or newest is None else (int(oldest), int(newest))


def first_since(connection: Connection, at: datetime, low: int, high: int) -> int:
    """Return a number from *low* to *high* + 1: what was stored before it is older than *at*."""
    wanted, high = to_micros(at), high + 1
    while low < high:
        middle = (low + high) // 2
        query = select(_NUMBER, _AT).where(middle <= _NUMBER).order_by(_NUMBER).limit(1)
        found = connection.execute(query).first()
        if found is None or found.created_at >= wanted:
            high = middle
        else:
            low = found.number + 1
    return min(low, high)


def time_of(connection: Connection, number: int) -> int | None:
    """Return when the first delivery from *number* on was stored; None where there is none."""
    query = select(_AT).where(number <= _NUMBER).order_by(_NUMBER).limit(1)
    return connection.execute(query).scalar()


def around(at: datetime, slack: timedelta) -> datetime:
    """Return *at* moved by *slack*, within what a calendar has."""
    try:
        return at + slack
    except OverflowError:
        return at
