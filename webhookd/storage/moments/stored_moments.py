"""The moments of timers: planned with what they follow from, and settled with what they lead to.

A row is of one record and one timer. `at` is its next moment; `told` the last one that came about,
which is what keeps a moment from coming about twice. On PostgreSQL whoever writes rows has locked
them in the order of their ids, and has the rows of what they follow from: known records first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.rules.moments import chosen, is_missed
from webhookd.storage.database.connection import Dialect, ForRows, with_lists
from webhookd.storage.database.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from webhookd.definitions import At
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.moments.timer_rows import Timer

_FIND: Final = with_lists(
    "SELECT record_id, at, told FROM moments WHERE timer = ? AND record_id {one_of}"
    " ORDER BY record_id"
)
_LOCKED: Final = {
    Dialect.SQLITE: _FIND[Dialect.SQLITE],
    # Locked: no other daemon has a moment come about between this look and what is written.
    Dialect.POSTGRESQL: f"{_FIND[Dialect.POSTGRESQL]} FOR UPDATE",
}
_INTO: Final = "INSERT INTO moments (timer, record_id, at) "
_OVER: Final = " ON CONFLICT (timer, record_id) DO UPDATE SET at = excluded.at"
_PLAN: Final = ForRows(
    each=f"{_INTO}VALUES (?, ?, ?){_OVER}",
    at_once=f"{_INTO}SELECT * FROM unnest(?::bigint[], ?::text[], ?::bigint[]){_OVER}",  # noqa: S608 - constant
)
_DUE_ROWS: Final = (
    "SELECT record_id, at, told FROM moments"
    " WHERE timer = ? AND at IS NOT NULL AND at <= ? ORDER BY at LIMIT ?"
)
_DUE: Final = {
    Dialect.SQLITE: _DUE_ROWS,
    # Those that intake of another daemon is about to change are its for now.
    Dialect.POSTGRESQL: f"{_DUE_ROWS} FOR UPDATE SKIP LOCKED",
}
_TELLING: Final = " ON CONFLICT (timer, record_id) DO UPDATE SET told = excluded.told"
_TOLD: Final = ForRows(
    each=f"INSERT INTO moments (timer, record_id, told) VALUES (?, ?, ?){_TELLING}",  # noqa: S608 - constant
    at_once=(
        "INSERT INTO moments (timer, record_id, told)"  # noqa: S608 - constant
        f" SELECT * FROM unnest(?::bigint[], ?::text[], ?::bigint[]){_TELLING}"
    ),
)
_EVER: Final = -(2**63)
_NEVER: Final = 2**63 - 1
_SHOWN: Final = "SELECT record_id, at, told, first_at FROM moments WHERE timer = ?"
_LIST: Final = (
    f"{_SHOWN} AND at IS NOT NULL AND at >= ? AND at < ? AND (at, record_id) > (?, ?)"
    " ORDER BY at, record_id LIMIT ?"
)
_STANDING: Final = (
    "SELECT webhook, (SELECT count(*) FROM moments WHERE timer = number AND at IS NOT NULL),"
    " (SELECT min(at) FROM moments WHERE timer = number AND at IS NOT NULL)"
    " FROM timers WHERE webhook IS NOT NULL"
)
_SETTLE: Final = ForRows(
    each="UPDATE moments SET at = ?, told = ? WHERE timer = ? AND record_id = ?",
    at_once=(
        "UPDATE moments SET at = settled.at, told = settled.told FROM unnest(?::bigint[],"
        " ?::bigint[], ?::bigint[], ?::text[]) AS settled (at, told, timer, record_id)"
        " WHERE moments.timer = settled.timer AND moments.record_id = settled.record_id"
    ),
)


@dataclass(frozen=True, slots=True)
class ListedMoment:
    """A record's row as people see it: its next moment, and the last one that has come."""

    record_id: str
    at: datetime | None
    told: datetime | None
    first_at: datetime | None

    @property
    def place(self) -> tuple[int, str]:
        """Return its place in the order of lists."""
        return to_micros(self.at) or 0, self.record_id


@dataclass(frozen=True, slots=True)
class Planned:
    """What planning some records came to.

    *earliest* is the first of the moments that were planned, None when none was. *missed* counts
    records whose moment was past by more than its timer allows.
    """

    earliest: datetime | None = None
    planned: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class DueMoment:
    """A record whose moment *at* has come; *told* is the last one before, in microseconds too."""

    record_id: str
    at: int
    told: int | None


def plan(
    connection: Statements,
    timer: Timer,
    at: At,
    wanted: Mapping[str, Sequence[int]],
    *,
    now: datetime,
) -> Planned:
    """Plan the moments of records: of those *wanted* for each, the first that may come about.

    Part of the transaction that stores the known records that they follow from. *at* is the rule.
    """
    if not wanted:
        return Planned()
    there = _rows(connection, timer, wanted)
    now_, since = to_micros(now), to_micros(timer.since)
    rows, missed = [], 0
    for record_id in sorted(wanted):
        before, told = there.get(record_id, (None, None))
        of_record = wanted[record_id]
        next_ = chosen(of_record, at=at, told=told, since=since, now=now_)
        missed += is_missed(of_record, at=at, told=told, since=since, now=now_)
        if next_ != before:
            rows.append((timer.number, record_id, next_))
    connection.write_rows(_PLAN, rows)
    planned = [next_ for _, _, next_ in rows if next_ is not None]
    return Planned(from_micros(min(planned, default=None)), len(planned), missed)


def due(connection: Statements, timer: Timer, now: datetime, limit: int) -> list[DueMoment]:
    """Return at most *limit* records whose moment has come, the longest past first."""
    query = _DUE[connection.dialect]
    rows = connection.execute(query, (timer.number, to_micros(now), limit)).fetchall()
    return [DueMoment(*row) for row in rows]


def settle(
    connection: Statements,
    timer: Timer,
    moments: Iterable[tuple[DueMoment, int | None]],
    *,
    are_told: bool,
) -> None:
    """Note that *moments* came about, or, where they are not *are_told*, that they do not.

    With each is the next one of its record. Part of the transaction that stores what they lead to.
    """
    rows = [
        (next_, one.at if are_told else one.told, timer.number, one.record_id)
        for one, next_ in moments
    ]
    connection.write_rows(_SETTLE, rows)


def earliest(connection: Statements, timer: Timer) -> datetime | None:
    """Return the first moment of *timer*, None when there is none."""
    query = "SELECT min(at) FROM moments WHERE timer = ? AND at IS NOT NULL"
    [(at,)] = connection.execute(query, (timer.number,)).fetchall()
    return None if at is None else from_micros(int(at))


def listed(
    connection: Statements,
    timer: Timer,
    *,
    before: datetime | None,
    after: tuple[int, str] | None,
    limit: int,
) -> list[ListedMoment]:
    """Return at most *limit* records that await a moment, the next first, behind the place *after*.

    Only those due *before* a time, where that is given.
    """
    until = _NEVER if before is None else to_micros(before)
    at, record_id = (_EVER, "") if after is None else after
    values = (timer.number, at, until, at, record_id, limit)
    return [_listed(row) for row in connection.execute(_LIST, values).fetchall()]


def of_record(connection: Statements, timer: Timer, record_id: str) -> ListedMoment | None:
    """Return the row of a record, None when it never had a moment."""
    row = connection.execute(f"{_SHOWN} AND record_id = ?", (timer.number, record_id)).fetchone()
    return None if row is None else _listed(row)


def standing(database: Database) -> dict[str, tuple[int, datetime | None]]:
    """Return how many records await a moment of each webhook with a timer, and the next one."""
    with database.reading() as connection:
        rows = connection.execute(_STANDING).fetchall()
    return {webhook: (count_, from_micros(at)) for webhook, count_, at in rows}


def told_of(connection: Statements, timer: Timer, record_ids: Iterable[str]) -> dict[str, int]:
    """Return the last moment that has come of each of *record_ids* of which one has."""
    rows = _rows(connection, timer, record_ids)
    return {record_id: told for record_id, (_, told) in rows.items() if told is not None}


def mark_told(connection: Statements, timer: Timer, moments: Mapping[str, int]) -> None:
    """Note moments of records that came about without having been planned."""
    rows = [(timer.number, record_id, moments[record_id]) for record_id in sorted(moments)]
    connection.write_rows(_TOLD, rows)


def _listed(row: Any) -> ListedMoment:
    record_id, at, told, first_at = row
    return ListedMoment(record_id, from_micros(at), from_micros(told), from_micros(first_at))


def _rows(
    connection: Statements, timer: Timer, record_ids: Iterable[str]
) -> dict[str, tuple[int | None, int | None]]:
    """Return when records are due and were told last, locked until the transaction ends."""
    wanted = connection.listed(record_ids)
    rows = connection.execute(_LOCKED[connection.dialect], (timer.number, wanted)).fetchall()
    return {record_id: (at, told) for record_id, at, told in rows}
