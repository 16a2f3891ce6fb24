"""How each webhook stands: how much waits, is due, has failed, and since when.

A status asks for it, and so does whoever collects metrics, so it costs as little as it can: what
waits and fails is counted in indexes alone, however many deliveries are settled, and no statement
is made for each webhook. `counted` and `oldest` may run side by side, on two connections.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.deliveries import lanes, record_order
from webhookd.storage.webhooks import latest_attempts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from webhookd.storage.database.database import Database
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.storage.webhooks.latest_attempts import LatestAttempts

_OF_LANE = "SELECT count(*) FROM deliveries WHERE {which} AND lane = lanes.number"
_PENDING = {
    dialect: " + ".join(f"({_OF_LANE.format(which=one)})" for one in parts)
    for dialect, parts in record_order.WAITING.items()
}
# Ranges of an index each: what waits for its retry is not looked at.
_MAY_GO = "due_at IS NOT NULL AND behind IS NOT 1 AND behind {place}"
_DUE = {
    dialect: " + ".join(
        f"({_OF_LANE.format(which=f'{may_go} AND {when}')})"
        for may_go in places
        for when in ("epoch = lanes.epoch AND due_at <= ?", "epoch < lanes.epoch")
    )
    for dialect, places in {
        Dialect.SQLITE: [_MAY_GO.format(place=place) for place in ("IS NULL", "= 0")],
        Dialect.POSTGRESQL: record_order.WAITING[Dialect.POSTGRESQL][:-1],
    }.items()
}
_COUNTED = {
    dialect: f"SELECT number, {_PENDING[dialect]}, {_DUE[dialect]} FROM lanes"  # noqa: S608 - constants
    for dialect in Dialect
}
_FIRST = {
    # A search for each lane takes three quarters of the time of one pass over all.
    Dialect.SQLITE: "SELECT (SELECT min(deliveries.number) FROM deliveries INDEXED BY {index}"
    " WHERE {which} AND lane = lanes.number) AS first FROM lanes",
    # For the numbers, PostgreSQL has to look at the rows themselves.
    Dialect.POSTGRESQL: "SELECT min(number) AS first FROM deliveries WHERE {which} GROUP BY lane",
}
_OLDEST = {
    dialect: [
        "SELECT lane, number, coalesce(untold_since, created_at), source"  # noqa: S608 - constants
        f" FROM ({_FIRST[dialect].format(which=one, index=index)}) AS waiting"
        " JOIN deliveries ON number = first"
        for one, index in zip(parts, record_order.WAITING_INDEXES[dialect], strict=True)
    ]
    for dialect, parts in record_order.WAITING.items()
}
_FAILED = {
    dialect: f"SELECT lane, count(*) FROM deliveries {by} WHERE state = 'failed' GROUP BY lane"  # noqa: S608 - constants
    # Without statistics SQLite takes another one, and sorts.
    for dialect, by in {Dialect.SQLITE: "INDEXED BY failed", Dialect.POSTGRESQL: ""}.items()
}
_SOURCES = {
    dialect: [
        f"SELECT source, count(*) FROM deliveries WHERE {one} AND lane = ? GROUP BY source"  # noqa: S608 - constants
        for one in parts
    ]
    for dialect, parts in record_order.WAITING.items()
}


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest delivery of a lane that waits: since when, and of which source."""

    number: int
    stored_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A lane and what its deliveries are doing. *due* counts those that could go now.

    *oldest_source* is the source of the one stored at *oldest_pending_at*.
    """

    row: LaneRow
    pending: int = 0
    due: int = 0
    failed: int = 0
    oldest_pending_at: datetime | None = None
    oldest_source: str | None = None
    latest: LatestAttempts = latest_attempts.NONE


def standings(database: Database, now: datetime) -> dict[str, Standing]:
    """Return every lane's standing, by webhook; lanes of webhooks that are gone too."""
    return with_oldest(counted(database, now), oldest(database))


def counted(database: Database, now: datetime) -> list[Standing]:
    """Return every lane's standing, without what is oldest of it."""
    with database.reading() as connection:
        statement = _COUNTED[connection.dialect]
        values = (to_micros(now),) * statement.count("?")
        waiting: dict[int, tuple[int, int]] = {
            lane: (pending, due) for lane, pending, due in connection.execute(statement, values)
        }
        failed: dict[int, int] = dict(connection.execute(_FAILED[connection.dialect]).fetchall())
        latest = latest_attempts.of_all(connection)
        rows = lanes.all_rows(connection)
    return [
        Standing(
            row,
            # A lane may be new since what waits was counted.
            pending=waiting.get(row.number, (0, 0))[0],
            due=0 if row.hold is not None else waiting.get(row.number, (0, 0))[1],
            failed=failed.get(row.number, 0),
            latest=latest.get(row.number, latest_attempts.NONE),
        )
        for row in rows
    ]


def oldest(database: Database) -> dict[int, Oldest]:
    """Return the oldest delivery that waits of every lane that has one, by the lane's number."""
    found: dict[int, Oldest] = {}
    with database.reading() as connection:
        for statement in _OLDEST[connection.dialect]:
            for lane, number, stored_at, source in connection.execute(statement):
                if lane not in found or number < found[lane].number:
                    found[lane] = Oldest(number, from_micros(stored_at), source)
    return found


def with_oldest(standings: Iterable[Standing], oldest: Mapping[int, Oldest]) -> dict[str, Standing]:
    """Return standings with what is oldest of each, by webhook."""
    return {one.row.webhook: _completed(one, oldest.get(one.row.number)) for one in standings}


def _completed(standing: Standing, oldest: Oldest | None) -> Standing:
    if oldest is None or not standing.pending:
        return standing
    return replace(standing, oldest_pending_at=oldest.stored_at, oldest_source=oldest.source)


def pending_of_sources(
    database: Database, standings: Iterable[Standing], in_force: Mapping[str, str]
) -> dict[str, int]:
    """Return how many deliveries wait of each source; *in_force* is the source of each webhook.

    Deliveries of another source are those from before a webhook's source was changed, and so older
    than the rest: where the oldest is of the one in force, all are. (But for those of a change and
    of its opposite: they count as of the source in force.) Others are looked at one by one.
    """
    found: Counter[str] = Counter()
    unsure = []
    for one in standings:
        source = in_force.get(one.row.webhook)
        if one.pending and source is not None and one.oldest_source == source:
            found[source] += one.pending
        elif one.pending:
            unsure.append(one.row.number)
    if unsure:
        with database.reading() as connection:
            for lane in unsure:
                for statement in _SOURCES[connection.dialect]:
                    found.update(dict(connection.execute(statement, (lane,)).fetchall()))
    return dict(found)
