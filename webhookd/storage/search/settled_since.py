"""Deliveries that attempts settled lately, whichever daemon made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.storage.database.times import to_micros
from webhookd.storage.deliveries import query

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.storage.database.database import Database
    from webhookd.storage.deliveries.query import ListedDelivery

MOST: Final = 500

_SETTLED = (
    "SELECT number FROM deliveries WHERE settled_at >= ? AND state IN ('delivered', 'failed')"
    " ORDER BY settled_at DESC LIMIT ?"
)


def settled(database: Database, since: datetime, *, now: datetime) -> list[ListedDelivery]:
    """Return what was settled from *since* on, the oldest first; of very many, the newest."""
    with database.reading() as connection:
        rows = connection.execute(_SETTLED, (to_micros(since), MOST)).fetchall()
    with database.connected() as connection_:
        found = query.with_numbers(connection_, [number for (number,) in rows], now=now)
    return sorted(found, key=lambda one: (one.settled_at or one.created_at, one.number))
