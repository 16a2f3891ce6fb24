"""The moments of timers: planned with what they follow from, and settled with what they lead to.

A row is of one record and one timer. `at` is its next moment; `told` the last one that came about,
which is what keeps a moment from coming about twice. On PostgreSQL whoever writes rows has locked
them in the order of their ids, and has the rows of what they follow from: known records first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.rules.moments import chosen, is_missed
from webhookd.storage.database.connection import Dialect, ForRows, with_lists
from webhookd.storage.database.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from webhookd.storage.database.connection import Statements
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
_SETTLE: Final = ForRows(
    each="UPDATE moments SET at = ?, told = ? WHERE timer = ? AND record_id = ?",
    at_once=(
        "UPDATE moments SET at = settled.at, told = settled.told FROM unnest(?::bigint[],"
        " ?::bigint[], ?::bigint[], ?::text[]) AS settled (at, told, timer, record_id)"
        " WHERE moments.timer = settled.timer AND moments.record_id = settled.record_id"
    ),
)


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
    wanted: Mapping[str, Sequence[int]],
    *,
    late: int,
    now: datetime,
) -> Planned:
    """Plan the moments of records: of those *wanted* for each, the first that may come about.

    Part of the transaction that stores the known records that they follow from. *late* is how many
    microseconds one may be past.
    """
    if not wanted:
        return Planned()
    there = _rows(connection, timer, wanted)
    now_, since = to_micros(now), to_micros(timer.since)
    rows, missed = [], 0
    for record_id in sorted(wanted):
        at, told = there.get(record_id, (None, None))
        of_record = wanted[record_id]
        next_ = chosen(of_record, told=told, since=since, late=late, now=now_)
        missed += is_missed(of_record, told=told, since=since, late=late, now=now_)
        if next_ != at:
            rows.append((timer.number, record_id, next_))
    connection.write_rows(_PLAN, rows)
    planned = [at for _, _, at in rows if at is not None]
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


def count(connection: Statements, timer: Timer) -> int:
    """Return how many records await a moment of *timer*."""
    query = "SELECT count(*) FROM moments WHERE timer = ? AND at IS NOT NULL"
    [(number,)] = connection.execute(query, (timer.number,)).fetchall()
    return int(number)


def _rows(
    connection: Statements, timer: Timer, record_ids: Iterable[str]
) -> dict[str, tuple[int | None, int | None]]:
    """Return when records are due and were told last, locked until the transaction ends."""
    wanted = connection.listed(record_ids)
    rows = connection.execute(_LOCKED[connection.dialect], (timer.number, wanted)).fetchall()
    return {record_id: (at, told) for record_id, at, told in rows}
