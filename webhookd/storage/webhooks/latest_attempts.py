"""What the latest attempts of each webhook came to: the columns of `lanes` that `status` tells.

They are written with the settlements, one statement for each lane in a group, however many attempts
ended. In a fleet every daemon writes the same rows, and none waits for another: a row that another
daemon has locked is left out, and the caller writes it later. So what is written is always a sum:
"so many more attempts failed", not "so many have failed".

All functions take a connection; `write` runs on the writer's thread, within the settlements'
transaction and as its last statement, so that the locks of rows are held for as short as may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.model import Delivered
from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from webhookd.model import Settlement
    from webhookd.storage.database.connection import Connection, Statements

FAILING_AFTER: Final = 5
"""Attempts in a row that must fail before a webhook that has delivered before is failing."""

_LATE_MICROS: Final = 60_000_000
"""Microseconds by which a daemon's failed attempts may be written after another's delivered one.

Those are older than what was delivered and no longer count. Seconds would do; and a clock that was
an hour ahead and is right again must not keep later failures from counting.
"""

_COLUMNS = "last_delivered_at, last_error, last_error_at, failing_since, failing_attempts"
_OF_ALL = f"SELECT number, {_COLUMNS} FROM lanes"  # noqa: S608 - constant
_IS_FAILING = (
    f"(failing_attempts >= {FAILING_AFTER} OR failing_attempts > 0 AND last_delivered_at IS NULL)"
)
_COUNT_FAILING = f"SELECT count(*) FROM lanes WHERE {_IS_FAILING} AND absent_reason IS NULL"  # noqa: S608 - constant
_SUMS = (
    "last_delivered_at = coalesce(new.delivered_at, last_delivered_at),"
    " last_error = coalesce(new.error, last_error),"
    " last_error_at = coalesce(new.error_at, last_error_at),"
)
_ALONE = (
    f"UPDATE lanes SET {_SUMS}"  # noqa: S608 - constant
    " failing_since = CASE WHEN new.delivered_at IS NULL"
    " THEN coalesce(failing_since, new.since) ELSE new.since END,"
    " failing_attempts = CASE WHEN new.delivered_at IS NULL"
    " THEN failing_attempts + new.failed ELSE new.failed END"
    " FROM (SELECT ? AS delivered_at, ? AS error, ? AS error_at, ? AS since, ? AS failed) AS new"
    " WHERE number = ?"
)
_IS_LATE = (
    "new.delivered_at IS NULL AND lanes.last_delivered_at BETWEEN new.error_at"
    f" AND new.error_at + {_LATE_MICROS}"
)
_SHARED = (
    f"UPDATE lanes SET {_SUMS}"  # noqa: S608 - constant
    f" failing_since = CASE WHEN {_IS_LATE} THEN failing_since WHEN new.delivered_at IS NULL"
    " THEN coalesce(failing_since, new.since) ELSE new.since END,"
    f" failing_attempts = CASE WHEN {_IS_LATE} THEN failing_attempts WHEN new.delivered_at IS NULL"
    " THEN failing_attempts + new.failed ELSE new.failed END"
    " FROM (SELECT delivered_at, error, error_at, since, failed, lane"
    " FROM unnest(?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::int[],"
    " ?::bigint[]) AS given (delivered_at, error, error_at, since, failed, lane)"
    " JOIN lanes AS free ON free.number = given.lane"
    " FOR NO KEY UPDATE OF free SKIP LOCKED) AS new"
    " WHERE lanes.number = new.lane RETURNING lanes.number"
)


@dataclass(frozen=True, slots=True)
class LatestAttempts:
    """What the latest attempts of a webhook came to.

    *failing_attempts* counts those that failed since the last that was delivered, *failing_since*
    is when the first of them ended. *last_error* is a text without secrets.
    """

    last_delivered_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    failing_since: datetime | None = None
    failing_attempts: int = 0

    @property
    def is_failing(self) -> bool:
        """Return whether none of the last five attempts was delivered, of all where fewer."""
        if self.failing_attempts >= FAILING_AFTER:
            return True
        return self.failing_attempts > 0 and self.last_delivered_at is None

    def after(self, settlements: Iterable[Settlement]) -> LatestAttempts:
        """Return it with more attempts, in the order in which they ended."""
        delivered_at, error, error_at = self.last_delivered_at, self.last_error, self.last_error_at
        since, failed = self.failing_since, self.failing_attempts
        for settlement in settlements:
            at = settlement.ended_at
            if isinstance(settlement.outcome, Delivered):
                delivered_at, since, failed = at, None, 0
            else:
                error, error_at = settlement.attempt.error, at
                since, failed = since or at, failed + 1
        return LatestAttempts(delivered_at, error, error_at, since, failed)


NONE: Final = LatestAttempts()


def summed(
    settlements: Iterable[Settlement], left: Mapping[int, LatestAttempts]
) -> dict[int, LatestAttempts]:
    """Return what attempts came to by lane, on top of what is *left* to be written."""
    # A value for each lane, not for each attempt.
    of_lanes: dict[int, list[Settlement]] = {}
    for settlement in settlements:
        of_lanes.setdefault(settlement.lane, []).append(settlement)
    return {**left, **{lane: left.get(lane, NONE).after(of_lanes[lane]) for lane in of_lanes}}


def write(connection: Connection, sums: Mapping[int, LatestAttempts]) -> dict[int, LatestAttempts]:
    """Add *sums* to the lanes' rows; return those whose rows other daemons have locked."""
    rows = [(*_row(sums[lane]), lane) for lane in sorted(sums)]
    if connection.dialect is Dialect.SQLITE:
        connection.executemany(_ALONE, rows)
        return {}
    if not rows:
        return {}
    columns = [list(column) for column in zip(*rows, strict=True)]
    written = {number for (number,) in connection.execute(_SHARED, columns).fetchall()}
    return {lane: of_lane for lane, of_lane in sums.items() if lane not in written}


def of_all(connection: Statements) -> dict[int, LatestAttempts]:
    """Return what the latest attempts of each lane came to, by its number."""
    return {number: _latest(columns) for number, *columns in connection.execute(_OF_ALL)}


def count_failing(connection: Statements) -> int:
    """Return how many webhooks in force are failing."""
    [(count,)] = connection.execute(_COUNT_FAILING).fetchall()
    return int(count)


def _row(latest: LatestAttempts) -> tuple[object, ...]:
    return (
        to_micros(latest.last_delivered_at),
        latest.last_error,
        to_micros(latest.last_error_at),
        to_micros(latest.failing_since),
        latest.failing_attempts,
    )


def _latest(columns: list[Any]) -> LatestAttempts:
    delivered_at, error, error_at, since, attempts = columns
    return LatestAttempts(
        from_micros(delivered_at), error, from_micros(error_at), from_micros(since), attempts
    )
