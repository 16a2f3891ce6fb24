"""Ids of deliveries as people type them: whole, by their beginning, or by their ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.errors import WebhookdError, printable
from webhookd.storage.deliveries import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.deliveries.query import ListedDelivery

LEAST: Final = 6
"""Digits of an ending: with fewer, chance alone finds some delivery."""
NEWEST: Final = 50_000
"""Deliveries whose endings are looked at: no index has them, and each costs about a microsecond."""
LISTED: Final = 10
"""Ids that are listed where several fit."""

_IS = "SELECT id FROM deliveries WHERE id = ?"
_BEGINS = "SELECT id FROM deliveries WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
_ENDS = (
    "SELECT id FROM (SELECT number, id FROM deliveries ORDER BY number DESC LIMIT ?) AS newest"
    " WHERE substr(id, length(id) + 1 - ?) = ? ORDER BY number DESC LIMIT ?"
)


class NoDeliveryError(WebhookdError):
    """No delivery has an id that begins or ends as typed."""


class SeveralDeliveriesError(WebhookdError):
    """Several deliveries have such an id; *found* are the first of them."""

    def __init__(self, typed: str, found: Sequence[ListedDelivery], *, has_more: bool) -> None:
        self.found = found
        self.has_more = has_more
        some = "more than " if has_more else ""
        super().__init__(
            f"{some}{len(found)} deliveries have an id that begins or ends with"
            f" '{printable(typed)}'; write more of it"
        )


def find(database: Database, typed: str, *, now: datetime) -> str:
    """Return the id of the one delivery that is meant.

    Raises a NoDeliveryError or a SeveralDeliveriesError when that is not one.
    """
    # As the demo prints it, and as some other tool may write hexadecimal digits.
    wanted = typed.strip().lstrip("#…").lower()
    with database.reading() as connection:
        ids = _like(connection, wanted) if wanted.isalnum() else []
    if len(ids) == 1:
        return ids[0]
    if ids:
        found = query.with_ids(database, ids[:LISTED], now=now)
        raise SeveralDeliveriesError(typed, found, has_more=len(ids) > LISTED)
    hint = f"; write at least {LEAST} digits of an ending" if len(wanted) < LEAST else ""
    raise NoDeliveryError(f"no delivery has the id '{printable(typed)}'{hint}")


def find_all(database: Database, typed: Iterable[str], *, now: datetime) -> tuple[str, ...]:
    """Return the ids that are meant, each once; raises as `find` does."""
    return tuple(dict.fromkeys(find(database, one, now=now) for one in typed))


def _like(connection: Statements, wanted: str) -> list[str]:
    if connection.execute(_IS, (wanted,)).fetchone():
        return [wanted]
    begins = connection.execute(_BEGINS, (wanted, f"{wanted}\U0010ffff", LISTED + 1)).fetchall()
    ends = []
    if len(wanted) >= LEAST:
        values = (NEWEST, len(wanted), wanted, LISTED + 1)
        ends = connection.execute(_ENDS, values).fetchall()
    return list(dict.fromkeys(id_ for (id_,) in (*begins, *ends)))[: LISTED + 1]
