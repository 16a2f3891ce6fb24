"""The numbers of what waits, read in the indexes of what waits: none is a matter of microseconds.

Where more waits than is worth that, it is found among the newest rows anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from webhookd.model import DeliveryState
from webhookd.storage.database.connection import Dialect
from webhookd.storage.deliveries import record_order

if TYPE_CHECKING:
    from sqlalchemy import Connection

STATES: Final = frozenset({DeliveryState.PENDING, DeliveryState.HELD})

MOST: Final = 50_000
"""So many are put in order; more would take longer than a page may."""

HELD_LANES: Final = (
    "SELECT number FROM lanes WHERE paused_reason IS NOT NULL OR gone_reason IS NOT NULL"
    " OR absent_reason IS NOT NULL"
)
"""The statement for the numbers of the lanes that are held."""

_LANES = {
    DeliveryState.PENDING: f"SELECT number FROM lanes WHERE number NOT IN ({HELD_LANES})",  # noqa: S608 - constant
    DeliveryState.HELD: HELD_LANES,
}


def few(
    connection: Connection, state: DeliveryState, lane: int | None, low: int, high: int
) -> list[int] | None:
    """Return the numbers of what is pending, or held, from *low* to below *high*, newest first.

    None where there are more than `MOST`. *lane* is that of a webhook, where only its are meant.
    """
    found: list[int] = []
    lanes = _LANES[state] + ("" if lane is None else " INTERSECT SELECT :lane")
    dialect = Dialect(connection.dialect.name)
    indexes = record_order.WAITING_INDEXES[dialect]
    for part, index in zip(record_order.WAITING[dialect], indexes, strict=True):
        by = f"INDEXED BY {index} " if dialect is Dialect.SQLITE else ""
        statement = text(
            f"SELECT number FROM deliveries {by}WHERE {part} AND lane IN ({lanes}) LIMIT :most"  # noqa: S608 - constants
        )
        values = {"most": MOST + 1 - len(found)} | ({} if lane is None else {"lane": lane})
        found += connection.execute(statement, values).scalars()
        if len(found) > MOST:
            return None
    return sorted((number for number in found if low <= number < high), reverse=True)
