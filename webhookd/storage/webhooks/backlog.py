"""How each webhook stands: how much waits, is due, has failed, and since when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.deliveries import lanes, record_order
from webhookd.storage.webhooks import latest_attempts

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.storage.webhooks.latest_attempts import LatestAttempts

# All are answered from an index alone, however many deliveries are settled.
_WAITING = {
    dialect: [
        "SELECT lane, count(*), sum(CASE WHEN due_at <= ? OR deliveries.epoch < lanes.epoch"  # noqa: S608 - constant
        " THEN 1 ELSE 0 END), min(deliveries.number)"
        f" FROM deliveries JOIN lanes ON lanes.number = lane WHERE {one} GROUP BY lane"
        for one in first
    ]
    for dialect, (*first, _) in record_order.WAITING.items()
}
_BEHIND = (
    "SELECT lane, count(*), min(number) FROM deliveries"
    " WHERE due_at IS NOT NULL AND behind IS NOT NULL AND behind = 1 GROUP BY lane"
)
_FAILED = "SELECT lane, count(*) FROM deliveries WHERE state = 'failed' GROUP BY lane"
_CREATED = "SELECT coalesce(untold_since, created_at) FROM deliveries WHERE number = ?"


@dataclass(frozen=True, slots=True)
class Standing:
    """A lane and what its deliveries are doing. *due* counts those that could go now."""

    row: LaneRow
    pending: int = 0
    due: int = 0
    failed: int = 0
    oldest_pending_at: datetime | None = None
    latest: LatestAttempts = latest_attempts.NONE


def standings(database: Database, now: datetime) -> dict[str, Standing]:
    """Return every lane's standing, by webhook; lanes of webhooks that are gone too."""
    with database.reading() as connection:
        counted: dict[int, tuple[int, int, int]] = {}
        for query in _WAITING[connection.dialect]:
            for lane, more, more_due, first in connection.execute(query, (to_micros(now),)):
                count, due, oldest = counted.get(lane, (0, 0, first))
                counted[lane] = (count + more, due + more_due, min(oldest, first))
        for lane, behind, first in connection.execute(_BEHIND):
            count, due, oldest = counted.get(lane, (0, 0, first))
            counted[lane] = (count + behind, due, min(oldest, first))
        waiting = {
            lane: (count, due, _created_at(connection, oldest))
            for lane, (count, due, oldest) in counted.items()
        }
        failed: dict[int, int] = dict(connection.execute(_FAILED).fetchall())
        latest = latest_attempts.of_all(connection)
        rows = lanes.all_rows(connection)
    return {
        row.webhook: replace(
            _standing(row, waiting, failed), latest=latest.get(row.number, latest_attempts.NONE)
        )
        for row in rows
    }


def _standing(
    row: LaneRow, waiting: dict[int, tuple[int, int, datetime | None]], failed: dict[int, int]
) -> Standing:
    pending, due, oldest = waiting.get(row.number, (0, 0, None))
    due = 0 if row.hold is not None else due
    return Standing(row, pending, due, failed.get(row.number, 0), oldest)


def _created_at(connection: Statements, number: int) -> datetime | None:
    found = connection.execute(_CREATED, (number,)).fetchone()
    return from_micros(found[0]) if found else None
