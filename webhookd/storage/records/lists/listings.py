"""Whole lists that are read from an API: which ids a pass met, and which known records it lacks.

The ids lie where those of a snapshot do, under a claim that begins with `LIST_CLAIM`, so that a
million of them cost no memory. They are noted, and forgotten again, in the transactions of batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from webhookd.storage.database.connection import with_lists
from webhookd.storage.database.times import to_micros
from webhookd.storage.records import snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.model import Listed, MissingRecords
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database

_FILE = "(SELECT number FROM files WHERE claim = ?)"
_OPEN = (
    "INSERT INTO files (claim, source, name, phase) VALUES (?, ?, ?, 'counting')"
    " ON CONFLICT (claim) DO NOTHING"
)
_NOTE = (
    "INSERT INTO snapshot_rows (file, record_id, digest, last_row, line, differs)"
    " VALUES (?, ?, ?, 0, 0, 0) ON CONFLICT (file, record_id) DO NOTHING"
)
_LISTED = with_lists(
    f"SELECT record_id FROM snapshot_rows WHERE file = {_FILE} AND record_id {{one_of}}"  # noqa: S608 - constant
)
_LOOK = (
    "SELECT record_id, deleted, modified_at, NOT EXISTS (SELECT 1 FROM snapshot_rows AS seen"  # noqa: S608 - constant
    f" WHERE seen.file = {_FILE} AND seen.record_id = known_records.record_id)"
    " FROM known_records WHERE source = ? AND object = ? AND record_id > ?"
    " ORDER BY record_id LIMIT ?"
)


def note(connection: Statements, source: str, object_: str, listed: Listed) -> None:
    """Note ids that a pass met: part of its batch's transaction."""
    connection.execute(_OPEN, (listed.claim, source, object_.encode()))
    (file,) = connection.execute(f"SELECT {_FILE}", (listed.claim,)).fetchone()
    connection.executemany(_NOTE, [(file, one, b"") for one in listed.record_ids])


def forget(connection: Statements, claim: str) -> None:
    """Forget some of what was noted under *claim*, and the claim itself with the last of it."""
    if snapshots.clear(connection, claim):
        connection.execute("DELETE FROM files WHERE claim = ?", (claim,))


def is_kept(connection: Statements, claim: str) -> bool:
    """Return whether anything is kept of a claim."""
    query = "SELECT 1 FROM files WHERE claim = ?"
    return connection.execute(query, (claim,)).fetchone() is not None


def listed(connection: Statements, claim: str, record_ids: Sequence[str]) -> frozenset[str]:
    """Return those of *record_ids* that were noted under *claim*."""
    values = (claim, connection.listed(record_ids))
    return frozenset(row[0] for row in connection.execute(_LISTED[connection.dialect], values))


def missing(
    connection: Statements,
    claim: str,
    source: str,
    object_: str,
    *,
    after: str,
    modified_before: datetime | None,
) -> MissingRecords:
    """Return which of the known records behind the id *after* were not noted: some of them.

    Those modified at *modified_before* or later are passed over: they may have come behind the
    place where the list was being read.
    """
    latest = to_micros(modified_before)
    values = (claim, source, object_, after, snapshots.LOOKED_AT_ONCE)
    looked_at = []
    for place, is_deleted, modified_at, is_missing in connection.execute(_LOOK, values):
        is_new = None not in {latest, modified_at} and modified_at >= latest
        looked_at.append((place, not is_deleted, is_missing and not is_deleted and not is_new))
    return snapshots.lacking(looked_at, after)


ACCEPTED: Final = "accepted:"
"""With source and object: where `meta` has the pass whose absences a person let through."""


def accept(database: Database, source: str, object_: str, number: int) -> None:
    """Remember that a person lets through what the pass *number* lacked; a daemon may run."""
    statement = (
        "INSERT INTO meta (key, value) VALUES (:key, :value)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    )
    values = {"key": f"{ACCEPTED}{source}/{object_}", "value": str(number)}
    with database.connected() as connection:
        connection.execute(text(statement), values)
        connection.commit()


def accepted(connection: Statements, source: str, object_: str) -> int | None:
    """Return the pass whose absences a person let through last, None without one."""
    query = "SELECT value FROM meta WHERE key = ?"
    row = connection.execute(query, (f"{ACCEPTED}{source}/{object_}",)).fetchone()
    return None if row is None else int(row[0])
