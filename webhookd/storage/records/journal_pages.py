"""Reading the journal of changes, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.model import deletion_of
from webhookd.storage.database.connection import with_lists
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.records import known_records, property_sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from webhookd.model import Asked, Deletion
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.records.journal import Reason

LAST: Final = 2**63 - 1

PAGE_BYTES: Final = 1024 * 1024
"""About what a page holds at the most, whatever its limit."""

_COLUMNS = (
    "SELECT number, seen_at, occurred_at, source, object, record_id, change, asked, before,"
    " properties, deletion FROM changes"
)
_PAGE = f"{_COLUMNS} WHERE number > ? AND seen_at >= ? ORDER BY number LIMIT ?"
_LATEST = f"{_COLUMNS} WHERE source = ? AND object = ? ORDER BY number DESC LIMIT 1"
_OF_RECORD = (
    f"{_COLUMNS} WHERE source = ? AND object = ? AND record_id = ? ORDER BY number DESC LIMIT ?"
)
_NEWEST = f"{_COLUMNS} WHERE source = ? AND object = ? AND number < ? ORDER BY number DESC LIMIT ?"
_LEFT_OUT = (
    "SELECT source, reason, sum(count), max(last_at) FROM changes_left_out WHERE last_at >= ?"
    " GROUP BY source, reason ORDER BY source, reason"
)
_ENROLLED = with_lists(
    "SELECT record_id FROM enrollments WHERE webhook = ? AND source = ? AND object = ?"
    " AND record_id {one_of} AND enrolled_at < ?"
)


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A change as the journal has it: *before* and *properties* are JSON, by name.

    *before* holds what differed, null where there was no value, and is None where nothing is
    known of it. *enrolled* are the webhooks that had enrolled the record before the time in
    question.
    """

    number: int
    seen_at: datetime
    occurred_at: datetime
    source: str
    object: str
    record_id: str
    change: str
    asked: Asked | None
    before: bytes | None
    properties: bytes
    enrolled: tuple[str, ...]
    deletion: Deletion | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many changes of a source are not in the journal, why, and when the last was seen."""

    source: str
    reason: Reason
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some changes in the order in which they were seen.

    *next* is the number to go on behind, None at the end; *last* is that of the last change of
    all, 0 where there is none.
    """

    changes: tuple[KeptChange, ...]
    next: int | None
    last: int
    left_out: tuple[LeftOut, ...]


def page(database: Database, *, since: datetime, after: int, limit: int) -> Page:
    """Return at most *limit* changes seen at *since* or later, behind the number *after*."""
    at = to_micros(since)
    with database.reading() as connection:
        (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM changes").fetchone()
        found = list(_within_bytes(connection.execute(_PAGE, (after, at, limit))))
        asked = property_sets.of_numbers(connection, {row[7] for row in found})
        enrolled = _enrolled(connection, found, at)
        left_out = [
            LeftOut(source, reason, count, from_micros(last_at))
            for source, reason, count, last_at in connection.execute(_LEFT_OUT, (at,))
        ]
    changes = tuple(_kept(row, asked[row[7]], enrolled.get(row[3:6], ())) for row in found)
    is_last = not changes or changes[-1].number >= last
    return Page(changes, None if is_last else changes[-1].number, last, tuple(left_out))


def newest(
    database: Database, source: str, object_: str, *, before: int | None, limit: int
) -> Page:
    """Return at most *limit* changes of a source and object, the newest first.

    *before* is a number: only changes with a lower one. `next` is that for the page behind.
    """
    number = LAST if before is None else before
    with database.reading() as connection:
        (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM changes").fetchone()
        rows = connection.execute(_NEWEST, (source, object_, number, limit))
        found = list(_within_bytes(rows))
        asked = property_sets.of_numbers(connection, {row[7] for row in found})
        oldest = min((row[1] for row in found), default=0)
        enrolled = _enrolled(connection, found, oldest)
    changes = tuple(_kept(row, asked[row[7]], enrolled.get(row[3:6], ())) for row in found)
    return Page(changes, changes[-1].number if changes else None, last, ())


def latest(
    database: Database, source: str, object_: str, record_id: str | None = None
) -> KeptChange | None:
    """Return the last change of a source and object, or of one record, if it is kept.

    It looks at the changes behind it too: some tenths of a second where there are very many.
    """
    query, key = (_LATEST, ()) if record_id is None else (_OF_RECORD, (record_id, 1))
    with database.reading() as connection:
        row = connection.execute(query, (source, object_, *key)).fetchone()
        if row is None:
            return None
        asked = property_sets.of_numbers(connection, {row[7]})
        enrolled = _enrolled(connection, [row], row[1])
    return _kept(row, asked[row[7]], enrolled.get(row[3:6], ()))


def of_record(
    connection: Statements, key: tuple[str, str, str], limit: int
) -> tuple[KeptChange, ...]:
    """Return at most *limit* changes of a record, the newest first.

    *key* is its source, type and id. It looks at all changes of the source, as `latest` does.
    """
    found = list(_within_bytes(connection.execute(_OF_RECORD, (*key, limit))))
    asked = property_sets.of_numbers(connection, {row[7] for row in found})
    return tuple(_kept(row, asked[row[7]], ()) for row in found)


def _within_bytes(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    size = 0
    for row in rows:
        yield row
        size += len(row[8] or b"") + len(row[9])
        if size >= PAGE_BYTES:
            return


def _kept(row: tuple[Any, ...], asked: Asked | None, enrolled: Sequence[str]) -> KeptChange:
    number, seen_at, occurred_at, source, object_, record_id, change, _, before = row[:9]
    properties, deletion = row[9:]
    return KeptChange(
        number=number,
        seen_at=from_micros(seen_at),
        occurred_at=from_micros(occurred_at),
        source=source,
        object=object_,
        record_id=record_id,
        change=change,
        asked=asked,
        before=before,
        properties=properties,
        enrolled=tuple(enrolled),
        deletion=deletion_of(deletion),
    )


def _enrolled(
    connection: Statements, rows: Iterable[tuple[Any, ...]], before: int
) -> dict[tuple[str, str, str], list[str]]:
    """Return which webhooks had enrolled the records of *rows* already, by record."""
    ids: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        ids.setdefault(row[3:5], set()).add(row[5])
    webhooks = known_records.enrolling(connection)
    found: dict[tuple[str, str, str], list[str]] = {}
    for (source, object_), wanted in ids.items():
        listed = connection.listed(wanted)
        for webhook in webhooks:
            values = (webhook, source, object_, listed, before)
            for (record_id,) in connection.execute(_ENROLLED[connection.dialect], values):
                found.setdefault((source, object_, record_id), []).append(webhook)
    return found
