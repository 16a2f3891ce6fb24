"""A record's order: who is first, who is next, and bringing what waits in line with a reload.

In a lane that keeps an order only a record's first open delivery may be due (`behind` is 0); the
others are behind it (1), and what ends the first one makes the next one first, in the same
transaction. All of it is answered by the index `open_records`.

After a reload to `order: record`, deliveries get their place in the order of their numbers, some in
each transaction; `ordered_upto` is how far that is. Until then nothing without a place is due, and
what is stored meanwhile is behind until its turn comes to be placed. So nothing goes out
before an older delivery of its record, wherever the daemon is stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd.storage.database.connection import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.storage.database.connection import Connection, Statements

AT_ONCE = 250
"""Deliveries placed in one transaction: some milliseconds of the writer's time."""

LAST: Final = 2**63 - 1

Record: TypeAlias = "tuple[int, str, str, str]"
"""A lane, and a record's source, object and id."""

UPTO: Final = f"CASE WHEN is_ordered = 1 THEN coalesce(ordered_upto, {LAST}) END"
"""Of a lane: up to which number its deliveries have their place; NULL without an order."""

WAITING: Final = {
    Dialect.SQLITE: (
        "due_at IS NOT NULL AND behind IS NOT 1",
        "due_at IS NOT NULL AND behind IS NOT NULL AND behind = 1",
    ),
    Dialect.POSTGRESQL: (
        "due_at IS NOT NULL AND behind IS NULL",
        "due_at IS NOT NULL AND behind = 0",
        "due_at IS NOT NULL AND behind IS NOT NULL AND behind = 1",
    ),
}
"""What waits, in parts, each with the condition of an index; the last are those behind another."""

WAITING_INDEXES: Final = {
    Dialect.SQLITE: ("due", "open_records"),
    Dialect.POSTGRESQL: ("due_in_no_order", "due_in_order", "open_records"),
}
"""The index of each part of `WAITING`; without statistics, SQLite may have to be told."""

_RECORD = "lane = ? AND source = ? AND object = ? AND record_id = ?"
_IS_OPEN = "due_at IS NOT NULL AND behind IS NOT NULL"
IS_ANY_OPEN: Final = f"EXISTS (SELECT 1 FROM deliveries WHERE {_IS_OPEN} AND {_RECORD})"  # noqa: S608 - constant
IS_OPEN_BEFORE: Final = (
    "EXISTS (SELECT 1 FROM deliveries AS other"
    " WHERE other.due_at IS NOT NULL AND other.behind IS NOT NULL"
    " AND other.lane = deliveries.lane AND other.source = deliveries.source"
    " AND other.object = deliveries.object AND other.record_id = deliveries.record_id"
    " AND other.number < deliveries.number)"
)
FIRST: Final = f"SELECT min(number) FROM deliveries WHERE {_IS_OPEN} AND {_RECORD} AND number <= ?"  # noqa: S608 - constant
_PROMOTE = "UPDATE deliveries SET behind = 0, owner = ? WHERE number = ? AND behind = 1"
_NEXT_NUMBERS = "SELECT number FROM deliveries WHERE number > ? ORDER BY number LIMIT ?"
_PLACE = (
    f"UPDATE deliveries SET behind = CASE WHEN {IS_OPEN_BEFORE} THEN 1 ELSE 0 END"  # noqa: S608 - constant
    " WHERE number = ? AND lane = ? AND due_at IS NOT NULL"
)
_FREE = (
    "UPDATE deliveries SET behind = NULL WHERE number IN (SELECT number FROM deliveries"  # noqa: S608 - constant
    f" WHERE {_IS_OPEN} AND lane = ? LIMIT ?)"
)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: the lanes in which deliveries may now be due, and whether all is done."""

    lanes: frozenset[int]
    is_done: bool


def ordered_upto(connection: Statements, lane: int) -> int | None:
    """Return up to which number a lane's deliveries have their place; None without an order."""
    query = f"SELECT {UPTO} FROM lanes WHERE number = ?"  # noqa: S608 - constant
    row = connection.execute(query, (lane,)).fetchone()
    return None if row is None else row[0]


def behind(connection: Statements, record: Record, number: int) -> int | None:
    """Return the place of a settled delivery that is to be open again: behind what is open."""
    upto = ordered_upto(connection, record[0])
    if upto is None:
        return None
    is_open = connection.execute(f"SELECT {IS_ANY_OPEN}", record).fetchone()[0]
    return int(number > upto or is_open)


def promote(
    connection: Connection,
    lane: int,
    records: Iterable[tuple[str, str, str]],
    owner: int | None,
) -> list[int]:
    """Let the first open delivery of each of a lane's *records* be due; return their numbers.

    One that is already first stays so, and is not returned. They are the *owner*'s, who had the
    one before: an attempt at that may be under way there.
    """
    upto = ordered_upto(connection, lane)
    if upto is None:
        return []
    connection.session.keep_order(lane)
    promoted = []
    for record in dict.fromkeys(records):
        (number,) = connection.execute(FIRST, (lane, *record, upto)).fetchone()
        if number is not None and connection.execute(_PROMOTE, (owner, number)).rowcount:
            promoted.append(number)
    return promoted


def is_unfinished(connection: Statements) -> bool:
    """Return whether deliveries of some lane are still to be brought in line."""
    query = "SELECT 1 FROM lanes WHERE ordered_upto IS NOT NULL LIMIT 1"
    return connection.execute(query).fetchone() is not None


def step(connection: Statements, limit: int | None = None) -> Step:
    """Bring some deliveries of each lane in line with the order it keeps now.

    At most *limit* of each; `AT_ONCE` where that is not given.
    """
    limit = limit or AT_ONCE
    query = "SELECT number, is_ordered, ordered_upto FROM lanes WHERE ordered_upto IS NOT NULL"
    rows = connection.execute(query).fetchall()
    are_done = [
        _place(connection, lane, upto, limit) if is_ordered else _free(connection, lane, limit)
        for lane, is_ordered, upto in rows
    ]
    return Step(frozenset(lane for lane, _, _ in rows), all(are_done))


def _place(connection: Statements, lane: int, upto: int, limit: int) -> bool:
    """Say of a lane's next deliveries which are first; return whether those were the last."""
    numbers = [number for (number,) in connection.execute(_NEXT_NUMBERS, (upto, limit))]
    connection.executemany(_PLACE, [(number, lane) for number in numbers])
    is_last = len(numbers) < limit
    reached = None if is_last else numbers[-1]
    connection.execute("UPDATE lanes SET ordered_upto = ? WHERE number = ?", (reached, lane))
    return is_last


def _free(connection: Statements, lane: int, limit: int) -> bool:
    """Take the order off some of a lane's deliveries; return whether those were the last."""
    is_last = connection.execute(_FREE, (lane, limit)).rowcount < limit
    if is_last:
        connection.execute("UPDATE lanes SET ordered_upto = NULL WHERE number = ?", (lane,))
    return is_last
