"""How many attempts each webhook had, and what they came to: ten minutes a row, later hours.

Every daemon adds what it counted since the last time, so that the rows are those of a whole fleet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from webhookd.storage.database.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database

BUCKET: Final = timedelta(minutes=10)
HOUR: Final = timedelta(hours=1)
KEPT_FINE: Final = timedelta(hours=48)
"""How long ten minutes are told apart; behind that an hour is one row."""

_HOUR = HOUR // timedelta(microseconds=1)
_SUMS = "sum(delivered), sum(retried), sum(given_up), sum(held), sum(micros)"
_ADDED = (
    " ON CONFLICT (bucket, lane) DO UPDATE SET delivered = activity.delivered + excluded.delivered,"
    " retried = activity.retried + excluded.retried,"
    " given_up = activity.given_up + excluded.given_up, held = activity.held + excluded.held,"
    " micros = activity.micros + excluded.micros"
)
_INTO = "INSERT INTO activity (bucket, lane, delivered, retried, given_up, held, micros) "
_ADD = f"{_INTO}VALUES (?, ?, ?, ?, ?, ?, ?){_ADDED}"
_FINE = "SELECT min(bucket) FROM activity WHERE bucket >= ? AND bucket < ? AND bucket % ? <> 0"
_OLDEST = "SELECT min(bucket) FROM activity"
_MERGE = (
    f"{_INTO}SELECT CAST(? AS BIGINT), lane, {_SUMS} FROM activity"  # noqa: S608 - constants
    f" WHERE bucket > ? AND bucket < ? GROUP BY lane{_ADDED}"
)
_DROP = "DELETE FROM activity WHERE bucket > ? AND bucket < ?"
_RETIRE = "DELETE FROM activity WHERE bucket < ?"
_READ = (
    f"SELECT bucket - bucket % ?, lane, {_SUMS} FROM activity WHERE bucket >= ?"  # noqa: S608 - constants
    " GROUP BY bucket - bucket % ?, lane"
)
_NAMES = "SELECT number, webhook FROM lanes"


class Counts(NamedTuple):
    """What attempts came to, and the microseconds that all of them took."""

    delivered: int = 0
    retried: int = 0
    given_up: int = 0
    held: int = 0
    micros: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return both together."""
        return Counts(*(one + another for one, another in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Place:
    """Ten minutes, by the microseconds at which they began, of a lane."""

    bucket: int
    lane: int


def add(connection: Statements, counted: Mapping[Place, Counts]) -> None:
    """Add what was counted. In the order of lanes: daemons do not wait in a circle."""
    places = sorted(counted, key=lambda place: (place.bucket, place.lane))
    rows = [(place.bucket, place.lane, *counted[place]) for place in places]
    connection.executemany(_ADD, rows)


def merge(connection: Statements, now: datetime) -> bool:
    """Make one old hour a row a lane; return whether there may be more to do."""
    before = to_micros(now - KEPT_FINE)
    before -= before % _HOUR
    (first,) = connection.execute(_FINE, (0, before, _HOUR)).fetchone()
    if first is None:
        return False
    hour = first - first % _HOUR
    connection.execute(_MERGE, (hour, hour, hour + _HOUR))
    connection.execute(_DROP, (hour, hour + _HOUR))
    return True


def retire(connection: Statements, before: datetime) -> None:
    """Delete what is older than *before*, an hour at a time of what may be very much."""
    (oldest,) = connection.execute(_OLDEST).fetchone()
    if oldest is not None:
        connection.execute(_RETIRE, (min(to_micros(before), oldest + 24 * _HOUR),))


def read(database: Database, since: datetime, step: timedelta) -> dict[Place, Counts]:
    """Return what was counted from *since* on, in steps of some tens of minutes."""
    size = step // timedelta(microseconds=1)
    with database.reading() as connection:
        rows = connection.execute(_READ, (size, to_micros(since), size)).fetchall()
    # PostgreSQL adds up to numbers of another type.
    return {Place(int(bucket), lane): Counts(*map(int, sums)) for bucket, lane, *sums in rows}


def names(database: Database) -> dict[int, str]:
    """Return the webhook of each lane."""
    with database.reading() as connection:
        return dict(connection.execute(_NAMES).fetchall())


def together(*parts: Iterable[tuple[Place, Counts]]) -> dict[Place, Counts]:
    """Return the sums of all *parts*."""
    found: dict[Place, Counts] = {}
    for part in parts:
        for place, counts in part:
            known = found.get(place)
            found[place] = counts if known is None else known.plus(counts)
    return found
