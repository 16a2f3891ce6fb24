"""When attempts of rate-limited lanes started: written before, so that none is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.storage.database.times import from_micros, to_micros

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.storage.database.connection import Connection, Statements


def reserve(connection: Statements, *, lane: int, delivery_id: str, oldest: datetime) -> None:
    """Write a start of a rate-limited lane before it happens; drop those before *oldest*."""
    connection.execute("INSERT INTO starts (lane, delivery_id) VALUES (?, ?)", (lane, delivery_id))
    connection.execute(
        "DELETE FROM starts WHERE lane = ? AND started_at < ?", (lane, to_micros(oldest))
    )


def recall(connection: Connection, lane: int, now: datetime) -> list[datetime]:
    """Return when attempts of a rate-limited lane started lately, in order.

    A start that was written and never settled happened at some time before the daemon ended:
    to keep the limit it is taken for *now*. Nothing is recalled where daemons share a database:
    there late starts are asked for with every batch of new ones.
    """
    if connection.session.is_shared:
        return []
    connection.execute(
        "UPDATE starts SET started_at = ? WHERE lane = ? AND started_at IS NULL",
        (to_micros(now), lane),
    )
    query = "SELECT started_at FROM starts WHERE lane = ? ORDER BY started_at"
    return [from_micros(at) for (at,) in connection.execute(query, (lane,))]
