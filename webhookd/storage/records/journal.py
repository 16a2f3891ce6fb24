"""The journal of changes: those of the last days, kept to try another configuration on.

It is bounded in every way, so that a mountain of changes neither slows intake nor pushes all else
out: in age, in number, in a change's size, and in how many of a source are kept in a minute. What
is not kept is counted, durably, so that nobody takes the journal for whole where it is not.
`journal_pages` reads it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import orjson

from webhookd.storage.database.connection import ForRows
from webhookd.storage.database.times import to_micros
from webhookd.storage.records import property_sets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.model import Asked, Change
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database

Reason: TypeAlias = Literal["rate", "size", "room", "age"]
"""Why a change is not in the journal: too many in a minute, too large, no room, too old."""

KEPT_FOR: Final = timedelta(days=7)
KEPT: Final = 100_000
KEPT_PER_MINUTE: Final = 1000
LARGEST: Final = 8 * 1024
"""Bytes of a change's properties, now and before."""

_MINUTE: Final = 60_000_000
_HOUR: Final = 3_600_000_000
_INTO = (
    "INSERT INTO changes (seen_at, occurred_at, source, object, record_id, change, asked, before,"
    " properties, deletion) "
)
_INSERT = ForRows(
    each=f"{_INTO}VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    at_once=(
        f"{_INTO}SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[],"  # noqa: S608 - constant
        " ?::text[], ?::bigint[], ?::bytea[], ?::bytea[], ?::text[])"
    ),
)
_COUNT = (
    "INSERT INTO changes_left_out (source, reason, hour, count, last_at) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (source, reason, hour) DO UPDATE SET"
    " count = changes_left_out.count + excluded.count,"
    " last_at = CASE WHEN excluded.last_at > changes_left_out.last_at THEN excluded.last_at"
    " ELSE changes_left_out.last_at END"
)
_OLDEST = "SELECT number, source, seen_at FROM changes ORDER BY number LIMIT ?"
_OLDEST_OF = "SELECT number, source, seen_at FROM changes WHERE source = ? ORDER BY number LIMIT ?"

_Entry: TypeAlias = "tuple[Change, Asked | None, bytes | None, bytes]"
"""A change, what its source asked for, and its properties before and now as they are stored."""

_Dropped: TypeAlias = "tuple[int, str, int]"
"""A change's number, its source, and when it was seen."""


@dataclass(slots=True)
class Entries:
    """What the journal gets of one batch. *room* is how many changes it takes."""

    seen_at: datetime
    room: int
    kept: list[_Entry] = field(default_factory=list)
    left_out: Counter[Reason] = field(default_factory=Counter)

    def add(self, change: Change, asked: Asked | None) -> None:
        """Add a change, with what its source had asked for, or count it."""
        if len(self.kept) >= self.room:
            self.left_out["rate"] += 1
            return
        before, properties = _before(change), orjson.dumps(dict(change.properties))
        if len(properties) + len(before or b"") > LARGEST:
            self.left_out["size"] += 1
            return
        self.kept.append((change, asked, before, properties))


class Admission:
    """How many changes of each source may be kept in a minute, and have been.

    It remembers no more than the process does: after a restart a minute may have some more.
    """

    def __init__(self) -> None:
        self._taken: dict[str, tuple[int, int]] = {}

    def entries(self, source: str, now: datetime) -> Entries:
        """Return what takes the changes of the next batch of *source*."""
        return Entries(now, KEPT_PER_MINUTE - self._taken_in(_minute(now), source))

    def took(self, source: str, entries: Entries) -> None:
        """Note what *entries* took, once it is committed."""
        minute = _minute(entries.seen_at)
        self._taken[source] = (minute, self._taken_in(minute, source) + len(entries.kept))

    def _taken_in(self, minute: int, source: str) -> int:
        last, count = self._taken.get(source, (minute, 0))
        return count if last == minute else 0


def write(connection: Statements, source: str, entries: Entries) -> None:
    """Write what is kept of a batch and count the rest: part of its transaction."""
    at = to_micros(entries.seen_at)
    if entries.kept:
        numbers = property_sets.numbers(connection, {asked for _, asked, _, _ in entries.kept})
        rows = [
            (
                *(at, to_micros(change.occurred_at), source, change.object, change.record_id),
                *(str(change.kind), numbers[asked], before, properties),
                None if change.deletion is None else change.deletion.text(),
            )
            for change, asked, before, properties in entries.kept
        ]
        connection.write_rows(_INSERT, rows)
    for reason, count in entries.left_out.items():
        connection.execute(_COUNT, (source, reason, at // _HOUR, count, at))


def retire(connection: Statements, now: datetime, kept_for: timedelta, limit: int) -> int:
    """Delete changes older than *kept_for*, of the *limit* oldest; return how many."""
    before = to_micros(now - min(kept_for, KEPT_FOR))
    oldest = connection.execute(_OLDEST, (limit,)).fetchall()
    old = [one for one in oldest if one[2] < before]
    _drop(connection, old, "age")
    connection.execute(
        "DELETE FROM changes_left_out WHERE last_at < ?", (to_micros(now - KEPT_FOR),)
    )
    return len(old)


def surplus(database: Database, kept: int) -> dict[str, int]:
    """Return how many changes of each source are more than the journal has room for.

    Those that have few keep them all: a busy source does not push the others out.
    """
    with database.reading() as connection:
        rows = connection.execute("SELECT source, count(*) FROM changes GROUP BY source")
        counts = sorted(rows.fetchall(), key=lambda row: row[1])
    found: dict[str, int] = {}
    for others, (source, count) in zip(reversed(range(len(counts))), counts, strict=True):
        share = min(count, kept // (others + 1))
        kept -= share
        if count > share:
            found[source] = count - share
    return found


def make_room(connection: Statements, source: str, count: int) -> None:
    """Delete the oldest *count* changes of a source."""
    _drop(connection, connection.execute(_OLDEST_OF, (source, count)).fetchall(), "room")


def _drop(connection: Statements, changes: Sequence[_Dropped], reason: Reason) -> None:
    counts = Counter((source, at // _HOUR) for _, source, at in changes)
    last = {(source, at // _HOUR): at for _, source, at in sorted(changes, key=lambda one: one[2])}
    for (source, hour), count in counts.items():
        connection.execute(_COUNT, (source, reason, hour, count, last[source, hour]))
    connection.executemany("DELETE FROM changes WHERE number = ?", [one[:1] for one in changes])


def _before(change: Change) -> bytes | None:
    """Return what differed before, null where there was no value; None where nothing is known."""
    if change.previous is None:
        return None
    before, now = change.previous, change.properties
    return orjson.dumps({
        name: before.get(name)
        for name in before.keys() | now.keys()
        if before.get(name) != now.get(name)
    })  # fmt: skip


def _minute(at: datetime) -> int:
    return to_micros(at) // _MINUTE
