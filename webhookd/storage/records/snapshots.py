"""The snapshot in work: the rows that were counted, and the known records it lacks.

Its rows are a table, so that a million of them cost no memory. Every step is bounded: a long
one would hold up the deliveries of all webhooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.model import MissingRecords
from webhookd.storage.database.connection import with_lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from webhookd.model import CountedRow
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.fleet.exclusive import ExclusiveWriter

LOOKED_AT_ONCE: Final = 2000
"""Known records compared with a snapshot in one step."""

MISSING_AT_ONCE: Final = 500
"""Missing records that one step finds at the most: they are one batch of deletions."""

CLEARED_AT_ONCE: Final = 5000
"""Rows of a snapshot forgotten in one transaction."""

_FILE = "(SELECT number FROM files WHERE claim = ?)"
_COUNT = (
    "INSERT INTO snapshot_rows (file, record_id, digest, last_row, line, differs)"
    " VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (file, record_id) DO UPDATE SET"
    " differs = CASE WHEN snapshot_rows.differs = 1 OR snapshot_rows.digest <> excluded.digest"
    " THEN 1 ELSE 0 END, digest = excluded.digest,"
    " last_row = excluded.last_row, line = excluded.line"
)
_LAST = with_lists(
    f"SELECT record_id, last_row, digest FROM snapshot_rows WHERE file = {_FILE}"  # noqa: S608 - constant
    " AND record_id {one_of}"
)
# Without the last condition, which always holds, SQLite reads the whole table for the count.
_DIFFERING = f"FROM snapshot_rows WHERE file = {_FILE} AND differs = 1 AND last_row > 0"
_LOOK = (
    "SELECT record_id, deleted, NOT EXISTS (SELECT 1 FROM snapshot_rows AS seen"  # noqa: S608 - constant
    f" WHERE seen.file = {_FILE} AND seen.record_id = known_records.record_id)"
    " FROM known_records WHERE source = ? AND object = ? AND record_id > ?"
    " ORDER BY record_id LIMIT ?"
)
_CLEAR = (
    f"DELETE FROM snapshot_rows WHERE file = {_FILE} AND record_id IN"  # noqa: S608 - constant
    f" (SELECT record_id FROM snapshot_rows WHERE file = {_FILE} LIMIT ?)"
)


def count(connection: Statements, claim: str, rows: Iterable[CountedRow]) -> None:
    """Remember the last row of each id, and whether its rows differ."""
    (file,) = connection.execute(f"SELECT {_FILE}", (claim,)).fetchone()
    connection.executemany(
        _COUNT, [(file, row.record_id, row.digest, row.number, row.line) for row in rows]
    )


def last_rows(
    connection: Statements, claim: str, record_ids: Iterable[str]
) -> dict[str, tuple[int, bytes]]:
    """Return number and digest of the last row of each id, by id."""
    rows = connection.execute(_LAST[connection.dialect], (claim, connection.listed(record_ids)))
    return {record_id: (number, digest) for record_id, number, digest in rows}


def count_differing(connection: Statements, claim: str) -> int:
    """Return how many records stand in rows that differ."""
    row = connection.execute(f"SELECT count(*) {_DIFFERING}", (claim,)).fetchone()
    return int(row[0])


def differing(connection: Statements, claim: str, limit: int) -> list[tuple[str, int]]:
    """Return the first records whose rows differ: id, and line of the last row."""
    query = f"SELECT record_id, line {_DIFFERING} ORDER BY last_row LIMIT ?"
    return connection.execute(query, (claim, limit)).fetchall()


def missing(
    connection: Statements, claim: str, source: str, object_: str, after: str
) -> MissingRecords:
    """Return which of the known records behind the id *after* the snapshot lacks: some of them."""
    rows = connection.execute(_LOOK, (claim, source, object_, after, LOOKED_AT_ONCE))
    looked_at = [
        (place, not is_deleted, is_missing and not is_deleted)
        for place, is_deleted, is_missing in rows
    ]
    return lacking(looked_at, after)


def lacking(looked_at: Sequence[tuple[str, bool, bool]], after: str) -> MissingRecords:
    """Return which records are missing of those that were *looked_at* behind the id *after*.

    Those are at most `LOOKED_AT_ONCE`, in the order of their ids; each has its id, whether it
    counts as known, and whether it is missing.
    """
    found: list[str] = []
    known, place = 0, after
    for place, is_known, is_missing in looked_at:
        known += is_known
        if is_missing:
            found.append(place)
            if len(found) == MISSING_AT_ONCE:
                return MissingRecords(tuple(found), known, place)
    return MissingRecords(tuple(found), known, place, is_last=len(looked_at) < LOOKED_AT_ONCE)


def last_taken(connection: Statements, source: str) -> str | None:
    """Return the claim of the last snapshot that *source* took."""
    query = "SELECT last_snapshot FROM sources WHERE name = ?"
    row = connection.execute(query, (source,)).fetchone()
    return row[0] if row else None


def clear(connection: Statements, claim: str) -> bool:
    """Forget some rows of a snapshot; return whether none is left."""
    cursor = connection.execute(_CLEAR, (claim, claim, CLEARED_AT_ONCE))
    return cursor.rowcount < CLEARED_AT_ONCE


class CountedRows:
    """The counted rows of snapshots, as sources ask for them."""

    def __init__(self, writer: Writer | ExclusiveWriter) -> None:
        self._writer = writer

    async def last_rows(
        self, claim: str, record_ids: Iterable[str]
    ) -> dict[str, tuple[int, bytes]]:
        """Return number and digest of the last row of each id in a snapshot, by id."""
        return await self._writer.read(lambda connection: last_rows(connection, claim, record_ids))

    async def count_differing(self, claim: str) -> int:
        """Return how many records stand in rows of a snapshot that differ."""
        return await self._writer.read(lambda connection: count_differing(connection, claim))

    async def differing(self, claim: str, limit: int) -> tuple[tuple[str, int], ...]:
        """Return the first records whose rows differ: id, and line of the last row."""
        found = await self._writer.read(lambda connection: differing(connection, claim, limit))
        return tuple(found)

    async def missing(self, claim: str, source: str, object_: str, after: str) -> MissingRecords:
        """Return which of the known records behind the id *after* the snapshot lacks: some."""
        return await self._writer.read(
            lambda connection: missing(connection, claim, source, object_, after)
        )
