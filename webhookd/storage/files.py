"""Claimed files: how far each has been taken, and its bad rows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from webhookd.model import BadRow, ClaimedFile

if TYPE_CHECKING:
    import sqlite3

    from webhookd.model import FileProgress
    from webhookd.storage.writer import Writer

_COLUMNS = "source, claim, name, rows_taken, bad_count, openings, is_finished"

BAD_ROWS_KEPT = 1000
"""Bad rows of one file that are kept by place; the rest are counted."""


class Files:
    """The ledger of claimed files, as sources ask for it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def claims(self, source: str) -> tuple[ClaimedFile, ...]:
        """Return the files that *source* has in work, in the order of their claims."""
        return await self._writer.read(lambda connection: claims_of(connection, source))

    async def open(self, source: str, claim: str, name: str) -> ClaimedFile:
        """Count one more opening of a claimed file, durably, and return what is known of it."""
        return await self._writer.write(lambda connection: _open(connection, source, claim, name))

    async def rest(self, claim: str) -> None:
        """Note that the file was left in good order, so that the opening was no crash."""
        statement = "UPDATE files SET openings = 0 WHERE claim = ?"
        await self._writer.write(lambda connection: connection.execute(statement, (claim,)))

    async def bad_rows(self, claim: str, limit: int) -> tuple[BadRow, ...]:
        """Return the first bad rows of a file, in its order."""
        query = "SELECT line, place, reason FROM bad_rows WHERE claim = ? ORDER BY number LIMIT ?"
        rows = await self._writer.read(
            lambda connection: connection.execute(query, (claim, limit)).fetchall()
        )
        return tuple(BadRow(*row) for row in rows)

    async def forget(self, claim: str) -> None:
        """Drop all that is kept of a file that has been put away."""
        await self._writer.write(lambda connection: _forget(connection, claim))

    async def has_started(self, source: str) -> bool:
        """Return whether a first file of *source* has been read to its end."""
        query = "SELECT has_started FROM sources WHERE name = ?"
        row = await self._writer.read(
            lambda connection: connection.execute(query, (source,)).fetchone()
        )
        return bool(row and row[0])


def claims_of(connection: sqlite3.Connection, source: str) -> tuple[ClaimedFile, ...]:
    """Return the files that *source* has in work, in the order of their claims."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM files WHERE source = ? ORDER BY claim",  # noqa: S608 - constant
        (source,),
    )
    return tuple(_file(row) for row in rows)


def progress(connection: sqlite3.Connection, made: FileProgress) -> None:
    """Write how far a file has been taken: part of its batch's transaction."""
    known = connection.execute(
        "SELECT bad_count FROM files WHERE claim = ?", (made.claim,)
    ).fetchone()
    before = known[0] if known else 0
    kept = made.bad_rows[: max(0, BAD_ROWS_KEPT - before)]
    connection.executemany(
        "INSERT INTO bad_rows (claim, number, line, place, reason) VALUES (?, ?, ?, ?, ?)",
        [
            (made.claim, before + offset, row.line, row.column, row.reason)
            for offset, row in enumerate(kept)
        ],
    )
    connection.execute(
        "INSERT INTO files (claim, source, name, rows_taken, bad_count, is_finished)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET rows_taken = excluded.rows_taken,"
        " bad_count = excluded.bad_count, is_finished = excluded.is_finished, openings = 0",
        (
            made.claim,
            made.source,
            os.fsencode(made.name),
            made.rows_taken,
            before + len(made.bad_rows),
            made.is_finished,
        ),
    )
    if made.is_finished:
        connection.execute("UPDATE sources SET has_started = 1 WHERE name = ?", (made.source,))


def _open(connection: sqlite3.Connection, source: str, claim: str, name: str) -> ClaimedFile:
    connection.execute(
        "INSERT INTO files (claim, source, name, openings) VALUES (?, ?, ?, 1)"
        " ON CONFLICT DO UPDATE SET openings = openings + 1",
        (claim, source, os.fsencode(name)),
    )
    query = f"SELECT {_COLUMNS} FROM files WHERE claim = ?"  # noqa: S608 - constant
    return _file(connection.execute(query, (claim,)).fetchone())


def _forget(connection: sqlite3.Connection, claim: str) -> None:
    connection.execute("DELETE FROM bad_rows WHERE claim = ?", (claim,))
    connection.execute("DELETE FROM files WHERE claim = ?", (claim,))


def _file(row: tuple[str, str, bytes, int, int, int, int]) -> ClaimedFile:
    source, claim, name, rows_taken, bad_count, openings, is_finished = row
    return ClaimedFile(
        source, claim, os.fsdecode(name), rows_taken, bad_count, openings, bool(is_finished)
    )
