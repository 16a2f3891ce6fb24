"""The backfills that are not over: how far each is, so that it outlives the process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.fleet.exclusive import backfilling

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.storage.database.connection import Connection, Statements

_COLUMNS = "webhook, conditions, per_second, began_at, after, records, deliveries"


@dataclass(frozen=True, slots=True)
class StoredBackfill:
    """A backfill of *webhook*: what was asked, and how far it is.

    *conditions* are the texts that were asked with. *after* is the id of the last record that
    was looked at, empty before the first.
    """

    webhook: str
    conditions: tuple[str, ...]
    per_second: float
    began_at: datetime
    after: str = ""
    records: int = 0
    deliveries: int = 0


def begin(connection: Statements, backfill: StoredBackfill) -> None:
    """Store that *backfill* has begun; one of the same webhook before it is forgotten."""
    connection.execute("DELETE FROM backfills WHERE webhook = ?", (backfill.webhook,))
    connection.execute(
        f"INSERT INTO backfills ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant
        (
            backfill.webhook,
            json.dumps(backfill.conditions),
            backfill.per_second,
            to_micros(backfill.began_at),
            backfill.after,
            backfill.records,
            backfill.deliveries,
        ),
    )


def advance(
    connection: Connection, webhook: str, *, after: str, records: int, deliveries: int
) -> bool:
    """Note a step of *webhook*'s backfill: part of the transaction that stores what it made.

    Returns False where it was ended meanwhile, at another daemon of the fleet.
    """
    done = connection.execute(
        "UPDATE backfills SET after = ?, records = records + ?, deliveries = deliveries + ?"
        " WHERE webhook = ?",
        (after, records, deliveries, webhook),
    )
    return done.rowcount == 1 or not connection.session.is_shared


def end(connection: Statements, webhook: str) -> StoredBackfill | None:
    """Forget the backfill of *webhook*, and return it; None when there was none."""
    found = of_webhook(connection, webhook)
    connection.execute("DELETE FROM backfills WHERE webhook = ?", (webhook,))
    return found


def of_webhook(connection: Statements, webhook: str) -> StoredBackfill | None:
    """Return the backfill of *webhook*; None when there is none."""
    return next((one for one in unfinished(connection) if one.webhook == webhook), None)


def acquire(connection: Connection, webhook: str) -> bool:
    """Return whether this daemon has the lock of *webhook*'s backfill now."""
    return connection.session.acquire(backfilling(webhook))


def acquired(connection: Connection, webhook: str) -> StoredBackfill | None:
    """Return the backfill of *webhook*, under its lock.

    None where another daemon has the lock, or the backfill is over.
    """
    # In this order: until the lock is here, the daemon that had it went on, and what was read
    # before is as far as it was then. From there on records would be told twice.
    return of_webhook(connection, webhook) if acquire(connection, webhook) else None


def unfinished(connection: Statements) -> list[StoredBackfill]:
    """Return all that are not over, the oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM backfills ORDER BY began_at")  # noqa: S608 - constant
    return [
        StoredBackfill(
            webhook,
            tuple(json.loads(conditions)),
            per_second,
            from_micros(began_at),
            after,
            records,
            deliveries,
        )
        for webhook, conditions, per_second, began_at, after, records, deliveries in rows
    ]
