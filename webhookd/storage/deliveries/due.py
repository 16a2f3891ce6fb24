"""Finding what is due, for the lanes that have room for it.

A daemon that is alone reads: what it has in memory it leaves out. Where several share a database,
each claims what it takes, as its owner, and passes over what others are about to take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhookd.storage.database.connection import Dialect, with_lists
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.deliveries.settle import COLUMNS, WAITING, delivery_of
from webhookd.storage.fleet import shares

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.model import Delivery
    from webhookd.storage.database.connection import Connection, Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.fleet.shares import Grant, ShareRequest


@dataclass(frozen=True, slots=True)
class _Finding:
    """How due deliveries are found: those of an older epoch, those of this one, the next."""

    released: str
    due: str
    next: str

    @classmethod
    def alone(cls, place: str) -> _Finding:
        """Return it for the *place* in a record's order that may go: none, or the first."""
        # SQLite searches a partial index where its condition stands in the statement.
        may_go = f"behind IS NOT 1 AND lane = ? AND {place}"
        others = with_lists("deliveries.id {none_of}")[Dialect.SQLITE]
        return cls(
            f"{WAITING} AND {may_go} AND deliveries.epoch < ? AND {others}"
            " ORDER BY deliveries.epoch, due_at LIMIT ?",
            f"{WAITING} AND {may_go} AND deliveries.epoch = ? AND due_at <= ? AND {others}"
            " ORDER BY due_at LIMIT ?",
            "SELECT min(due_at) FROM deliveries"  # noqa: S608 - constant
            f" WHERE due_at IS NOT NULL AND {may_go} AND epoch = ? AND due_at > ?",
        )

    @classmethod
    def shared(cls, place: str) -> _Finding:
        """Return it likewise for several daemons: the number of the one that claims comes first.

        What is its own already, but not in its memory, it may claim again.
        """
        may_go = f"due_at IS NOT NULL AND lane = ? AND {place}"
        free = "(owner IS NULL OR owner = ?)"
        return cls(
            _claim(f"{may_go} AND epoch < ? AND {free} AND id <> ALL(?) ORDER BY epoch, due_at"),
            _claim(
                f"{may_go} AND epoch = ? AND due_at <= ? AND {free} AND id <> ALL(?)"
                " ORDER BY due_at"
            ),
            f"SELECT min(due_at) FROM deliveries WHERE {may_go} AND epoch = ? AND due_at > ?"  # noqa: S608 - constant
            f" AND {free}",
        )


def _claim(wanted: str) -> str:
    return (
        "UPDATE deliveries SET owner = ? FROM lanes WHERE lanes.number = deliveries.lane"  # noqa: S608 - constants
        f" AND deliveries.number = ANY(ARRAY(SELECT number FROM deliveries WHERE {wanted}"
        f" LIMIT ? FOR UPDATE SKIP LOCKED)) RETURNING {COLUMNS}, deliveries.epoch,"
        " deliveries.number"
    )


_PLACES = {False: "behind IS NULL", True: "behind = 0"}
_ALONE = {is_ordered: _Finding.alone(place) for is_ordered, place in _PLACES.items()}
_SHARED = {is_ordered: _Finding.shared(place) for is_ordered, place in _PLACES.items()}

_DUE_AT_COLUMN = [name.strip() for name in COLUMNS.split(",")].index("due_at")
_FREE = "lane = lanes.number AND {place} AND (owner IS NULL OR owner = ?)"
_DUE_AT = (
    f"SELECT min(due_at) FROM deliveries WHERE due_at IS NOT NULL AND {_FREE}"  # noqa: S608 - constant
    " AND epoch = lanes.epoch"
)
_RELEASED = (
    f"EXISTS (SELECT 1 FROM deliveries WHERE due_at IS NOT NULL AND {_FREE}"  # noqa: S608 - constant
    " AND epoch < lanes.epoch)"
)
_NEXT = (
    f"SELECT lanes.number, CASE WHEN is_ordered = 1 THEN ({_DUE_AT.format(place='behind = 0')})"  # noqa: S608 - constants
    f" ELSE ({_DUE_AT.format(place='behind IS NULL')}) END,"
    f" CASE WHEN is_ordered = 1 THEN {_RELEASED.format(place='behind = 0')}"
    f" ELSE {_RELEASED.format(place='behind IS NULL')} END"
    " FROM lanes WHERE absent_reason IS NULL"
)


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """How many due deliveries of a lane are asked for: at most *limit*, and none of *prefetched*.

    Where *is_ordered*, those that are the first of their record. *share_request* is for a share of
    the lane before, where several daemons have it: nothing is claimed beyond that.
    """

    lane: int
    epoch: int
    limit: int
    is_ordered: bool = False
    prefetched: tuple[str, ...] = ()
    share_request: ShareRequest | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What was found for a lane.

    *next_at* is when the next one that was not taken is due; None when nothing waits.
    *is_ordered* is what was asked for; *share* is what came of asking for one.
    """

    lane: int
    deliveries: tuple[Delivery, ...]
    next_at: datetime | None
    is_ordered: bool = False
    share: Grant | None = None


def find_due(connection: Connection, wanted: Sequence[FetchRequest], now: datetime) -> list[Due]:
    """Return due deliveries of each wanted lane, the longest due first."""
    if connection.session.is_shared:
        return [_claim_due(connection, one, now) for one in wanted]
    return [_find_due(connection, one, now) for one in wanted]


def _find_due(connection: Statements, wanted: FetchRequest, now: datetime) -> Due:
    at = to_micros(now)
    finding = _ALONE[wanted.is_ordered]
    lane, prefetched = (wanted.lane, wanted.epoch), connection.listed(wanted.prefetched)
    rows = connection.execute(finding.released, (*lane, prefetched, wanted.limit)).fetchall()
    if len(rows) < wanted.limit:
        left = wanted.limit - len(rows)
        rows += connection.execute(finding.due, (*lane, at, prefetched, left)).fetchall()
    found = tuple(map(delivery_of, rows))
    if len(rows) == wanted.limit:
        return Due(wanted.lane, found, now, wanted.is_ordered)
    next_at = connection.execute(finding.next, (*lane, at)).fetchone()[0]
    return Due(wanted.lane, found, from_micros(next_at), wanted.is_ordered)


def _claim_due(connection: Connection, wanted: FetchRequest, now: datetime) -> Due:
    share, limit = None, wanted.limit
    if wanted.share_request is not None:
        share = shares.grant(connection, wanted.share_request)
        limit = min(limit, shares.room(share.slots))
        if limit == 0:
            return Due(wanted.lane, (), now, wanted.is_ordered, share)
    at, owner = to_micros(now), connection.session.owner
    finding = _SHARED[wanted.is_ordered]
    lane, prefetched = (wanted.lane, wanted.epoch), list(wanted.prefetched)
    rows = _claimed(connection, finding.released, (owner, *lane, owner, prefetched, limit))
    if len(rows) < limit:
        left = limit - len(rows)
        rows += _claimed(connection, finding.due, (owner, *lane, at, owner, prefetched, left))
    found = tuple(delivery_of(row[:-2]) for row in rows)
    if len(rows) == limit:
        return Due(wanted.lane, found, now, wanted.is_ordered, share)
    next_at = connection.execute(finding.next, (*lane, at, owner)).fetchone()[0]
    return Due(wanted.lane, found, from_micros(next_at), wanted.is_ordered, share)


def _claimed(connection: Statements, statement: str, values: tuple[object, ...]) -> list[Any]:
    """Return the rows that were claimed, in the order in which they were to be."""
    rows = connection.execute(statement, values).fetchall()
    return sorted(rows, key=lambda row: (row[-2], row[_DUE_AT_COLUMN], row[-1]))


def next_due(database: Database, owner: int) -> dict[int, datetime]:
    """Return when something is due in each lane that no other daemon has; past times too."""
    found: dict[int, datetime] = {}
    with database.reading() as connection:
        for lane, due_at, is_released in connection.execute(_NEXT, (owner,) * 4):
            if is_released:
                found[lane] = from_micros(0)
            elif due_at is not None:
                found[lane] = from_micros(due_at)
    return found


def owned(connection: Connection) -> list[tuple[str, int, bool]]:
    """Return the ids of all that is this daemon's, each with its lane, and whether it is open."""
    query = "SELECT id, lane, due_at IS NOT NULL FROM deliveries WHERE owner = ?"
    return connection.execute(query, (connection.session.owner,)).fetchall()


def give_back(connection: Connection, ids: Sequence[str]) -> None:
    """Leave deliveries that are this daemon's to whoever has room."""
    statement = "UPDATE deliveries SET owner = NULL WHERE owner = ? AND id = ANY(?)"
    connection.execute(statement, (connection.session.owner, list(ids)))
