"""Claimed files: how far each has been taken, and its bad rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.model import BadRow, ClaimedFile, SnapshotCursor, SnapshotPhase
from webhookd.storage.database.times import to_micros
from webhookd.storage.records import last_files, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from typing import Any

    from webhookd.model import (
        CountedRow,
        FileProgress,
        FilesProgress,
        LatestFile,
        PutAway,
    )
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.fleet.exclusive import ExclusiveWriter

_COLUMNS = (
    "source, claim, name, rows_taken, bad_count, openings, is_finished,"
    " phase, rows_counted, place, deletions"
)
_PROGRESS = (
    "INSERT INTO files (claim, source, name, rows_taken, bad_count, is_finished, phase,"
    " rows_counted, place, deletions, rows_per_second, ends_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (claim) DO UPDATE SET"
    " rows_taken = excluded.rows_taken, bad_count = excluded.bad_count,"
    " is_finished = excluded.is_finished, phase = excluded.phase,"
    " rows_counted = excluded.rows_counted, place = excluded.place,"
    " deletions = excluded.deletions, rows_per_second = excluded.rows_per_second,"
    " ends_at = excluded.ends_at, openings = 0"
)
_OPENED = (
    "INSERT INTO files (claim, source, name, openings, phase) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (claim) DO UPDATE SET openings = files.openings + excluded.openings"
)
# A new claim that is known was opened just now, and the answer was lost.
_OPENED_FIRST = (
    "INSERT INTO files (claim, source, name, openings) VALUES (?, ?, ?, 1) ON CONFLICT DO NOTHING"
)
_DELETE = "DELETE FROM files WHERE claim = ?"
_STARTED = "UPDATE sources SET has_started = 1 WHERE name = ?"

BAD_ROWS_KEPT = 1000
"""Bad rows of one file that are kept by place; the rest are counted."""


class Files(snapshots.CountedRows):
    """The ledger of claimed files, as sources ask for it.

    Where *writer* refuses what is another daemon's to write by now, *for_all* does not.
    """

    def __init__(
        self, writer: Writer | ExclusiveWriter, *, for_all: Writer | ExclusiveWriter | None = None
    ) -> None:
        super().__init__(writer)
        self._writer = writer
        self._for_all = for_all or writer

    async def check(self) -> None:
        """Do nothing; NotHeldError when files are another daemon's to take by now."""
        await self._writer.read(lambda _: None)

    async def claims(self, source: str) -> tuple[ClaimedFile, ...]:
        """Return the files that *source* has in work, in the order of their claims."""
        return await self._writer.read(lambda connection: claims_of(connection, source))

    async def open(
        self,
        source: str,
        claim: str,
        name: str,
        *,
        is_snapshot: bool = False,
        is_counted: bool = True,
    ) -> ClaimedFile:
        """Count one more opening of a claimed file, durably, and return what is known of it.

        Where it is not to be *is_counted*, the count stays.
        """
        phase = SnapshotPhase.COUNTING if is_snapshot else None
        return await self._writer.write(
            lambda connection: _open(connection, source, claim, name, phase, int(is_counted))
        )

    async def open_all(self, source: str, named: Sequence[tuple[str, str]]) -> None:
        """Count the first opening of each new file of records, by claim and name, durably."""
        rows = [(claim, source, _bytes(name)) for claim, name in named]
        await self._writer.write(lambda connection: connection.executemany(_OPENED_FIRST, rows))

    async def rest(self, claims: Iterable[str]) -> None:
        """Take back one opening of each file, which was no crash, whoever reads it by now."""
        statement = "UPDATE files SET openings = openings - 1 WHERE claim = ? AND openings > 0"
        rows = [(claim,) for claim in claims]
        await self._for_all.write(lambda connection: connection.executemany(statement, rows))

    async def bad_rows(self, claim: str, limit: int) -> tuple[BadRow, ...]:
        """Return the first bad rows of a file, in its order."""
        query = "SELECT line, place, reason FROM bad_rows WHERE claim = ? ORDER BY number LIMIT ?"
        rows = await self._writer.read(
            lambda connection: connection.execute(query, (claim, limit)).fetchall()
        )
        return tuple(BadRow(*row) for row in rows)

    async def forget(
        self, claim: str, put_away: PutAway | None = None, latest: LatestFile | None = None
    ) -> None:
        """Drop all that is kept of a file that has been put away, a little at a time.

        With the last of it goes how it was *put_away*, and that it is the *latest* one taken.
        """
        while not await self._writer.write(
            lambda connection: forget(connection, claim, put_away, latest)
        ):
            pass

    async def forget_all(
        self, claims: Iterable[str], put_away: PutAway, latest: LatestFile | None = None
    ) -> None:
        """Drop small files of records that were put away, the last of them as *put_away* says."""
        rows = [(claim,) for claim in claims]
        await self._writer.write(lambda connection: _forget_all(connection, rows, put_away, latest))

    async def note_error(self, source: str, error: str, at: datetime) -> None:
        """Remember why *source* could not be read."""
        await self._writer.write(
            lambda connection: last_files.write_error(connection, source, error, at)
        )

    async def latest(self, source: str) -> LatestFile | None:
        """Return the file of *source* that was taken last, None before the first."""
        return await self._writer.read(lambda connection: last_files.latest(connection, source))

    async def has_started(self, source: str) -> bool:
        """Return whether a first file of *source* has been read to its end."""
        query = "SELECT has_started FROM sources WHERE name = ?"
        row = await self._writer.read(
            lambda connection: connection.execute(query, (source,)).fetchone()
        )
        return bool(row and row[0])

    async def count(self, made: FileProgress, rows: Sequence[CountedRow]) -> None:
        """Commit that *rows* of a snapshot were counted, and how far that is."""
        await self._writer.write(lambda connection: _count(connection, made, rows))

    async def begin(self, made: FileProgress) -> None:
        """Commit that a counted snapshot is now taken: it is its source's last one."""
        await self._writer.write(lambda connection: _begin(connection, made))


def claims_of(connection: Statements, source: str) -> tuple[ClaimedFile, ...]:
    """Return the files that *source* has in work, in the order of their claims."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM files WHERE source = ? ORDER BY claim",  # noqa: S608 - constant
        (source,),
    )
    return tuple(_file(row) for row in rows)


def progress(connection: Statements, made: FileProgress) -> None:
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
    cursor, pace = made.snapshot, made.pace
    connection.execute(
        _PROGRESS,
        (
            made.claim,
            made.source,
            _bytes(made.name),
            made.rows_taken,
            before + len(made.bad_rows),
            made.is_finished,
            cursor and cursor.phase.value,
            cursor.rows_counted if cursor else 0,
            cursor.place if cursor else "",
            cursor.deletions if cursor else 0,
            pace and round(pace.rows_per_second),
            to_micros(pace.ends_at) if pace else None,
        ),
    )
    if made.is_finished:
        connection.execute(_STARTED, (made.source,))


def finished(connection: Statements, made: FilesProgress) -> None:
    """Write that small files were taken whole: part of their batch's transaction."""
    connection.executemany(
        "UPDATE files SET rows_taken = ?, is_finished = ?, openings = 0 WHERE claim = ?",
        [(one.rows_taken, True, one.claim) for one in made.files],
    )
    connection.execute(_STARTED, (made.source,))


def _bytes(name: str) -> bytes:
    # The same for every locale: another daemon may read it.
    return name.encode("utf-8", "surrogateescape")


def _open(
    connection: Statements,
    source: str,
    claim: str,
    name: str,
    phase: SnapshotPhase | None,
    count: int,
) -> ClaimedFile:
    connection.execute(_OPENED, (claim, source, _bytes(name), count, phase and phase.value))
    query = f"SELECT {_COLUMNS} FROM files WHERE claim = ?"  # noqa: S608 - constant
    return _file(connection.execute(query, (claim,)).fetchone())


def _count(connection: Statements, made: FileProgress, rows: Sequence[CountedRow]) -> None:
    progress(connection, made)
    snapshots.count(connection, made.claim, rows)


def _begin(connection: Statements, made: FileProgress) -> None:
    progress(connection, made)
    connection.execute(
        "UPDATE sources SET last_snapshot = ? WHERE name = ?", (made.claim, made.source)
    )


def forget(
    connection: Statements, claim: str, put_away: PutAway | None, latest: LatestFile | None
) -> bool:
    """Forget a file; return whether all of it is: a snapshot's many rows go a few at a time."""
    if not snapshots.clear(connection, claim):
        return False
    connection.execute("DELETE FROM bad_rows WHERE claim = ?", (claim,))
    connection.execute(_DELETE, (claim,))
    _remember(connection, put_away, latest)
    return True


def _forget_all(
    connection: Statements,
    claims: Sequence[tuple[str]],
    put_away: PutAway,
    latest: LatestFile | None,
) -> None:
    connection.executemany(_DELETE, claims)
    _remember(connection, put_away, latest)


def _remember(connection: Statements, put_away: PutAway | None, latest: LatestFile | None) -> None:
    if put_away is not None:
        last_files.write(connection, put_away)
    if latest is not None:
        last_files.write_latest(connection, latest)


def _file(row: tuple[Any, ...]) -> ClaimedFile:
    (source, claim, name, rows_taken, bad_count, openings, is_finished,
     phase, rows_counted, place, deletions) = row  # fmt: skip
    return ClaimedFile(
        source=source,
        claim=claim,
        name=name.decode("utf-8", "surrogateescape"),
        rows_taken=rows_taken,
        bad_count=bad_count,
        openings=openings,
        is_finished=bool(is_finished),
        snapshot=phase and SnapshotCursor(SnapshotPhase(phase), rows_counted, place, deletions),
    )
