"""URL and headers of attempts: with the attempt on a server, in a table of their own in a file.

In a file the rows of attempts lie in the order of deliveries' ids, each page among others, and half
a kilobyte more in each made a settlement dearer by a sixth; appended to a table of their own they
cost a sixth of that. A server appends rows to its tables in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from webhookd.storage.database.connection import Dialect
from webhookd.storage.schema.tables import ATTEMPTS, DELIVERIES, EXCHANGE_HEADS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import Select

    from webhookd.model import Settlement
    from webhookd.storage.database.connection import Statements

ATTEMPTS_OF_ONE: Final = 1 << 20
"""So many keys belong to each delivery; an attempt beyond takes an early one's place.

With eight a second for three days, none has as many.
"""

_KEPT: Final = (
    "INSERT OR REPLACE INTO exchange_heads (key, sent, answer_headers)"  # noqa: S608 - constants
    f" SELECT number * {ATTEMPTS_OF_ONE} + ? % {ATTEMPTS_OF_ONE}, ?, ?"
    " FROM deliveries WHERE id = ?"
)
_RETIRED: Final = "DELETE FROM exchange_heads WHERE key >= ? AND key < ?"


def are_apart(connection: Statements) -> bool:
    """Return whether this database keeps them in the table of their own."""
    return connection.dialect is Dialect.SQLITE


def keep(connection: Statements, settlements: Sequence[Settlement]) -> None:
    """Write them where they are kept apart, in the settlements' transaction."""
    rows = [
        (one.attempt.number, one.attempt.sent, one.attempt.answer_headers, one.delivery.id)
        for one in settlements
        if one.attempt.sent is not None or one.attempt.answer_headers is not None
    ]
    connection.executemany(_KEPT, rows)


def retire(connection: Statements, numbers: Sequence[int]) -> None:
    """Delete what is kept apart of the deliveries that have these *numbers*; on a server, too.

    What was moved there lies in that table. Keys are reckoned here: a server would take small
    numbers for 32 bits, in which their keys have no room.
    """
    starts = [number * ATTEMPTS_OF_ONE for number in numbers]
    connection.executemany(_RETIRED, [(start, start + ATTEMPTS_OF_ONE) for start in starts])


def with_attempts(delivery_id: str) -> Select[Any]:
    """Return the query for the attempts of a delivery with `sent` and `answer_headers`."""
    key = DELIVERIES.c.number * ATTEMPTS_OF_ONE + ATTEMPTS.c.number % ATTEMPTS_OF_ONE
    columns = [one for one in ATTEMPTS.c if one.name not in ("sent", "answer_headers")]
    return (
        select(
            *columns,
            func.coalesce(ATTEMPTS.c.sent, EXCHANGE_HEADS.c.sent).label("sent"),
            func.coalesce(ATTEMPTS.c.answer_headers, EXCHANGE_HEADS.c.answer_headers).label(
                "answer_headers"
            ),
        )
        .select_from(
            ATTEMPTS.join(DELIVERIES, DELIVERIES.c.id == ATTEMPTS.c.delivery_id).outerjoin(
                EXCHANGE_HEADS, EXCHANGE_HEADS.c.key == key
            )
        )
        .where(ATTEMPTS.c.delivery_id == delivery_id)
        .order_by(ATTEMPTS.c.number)
    )
