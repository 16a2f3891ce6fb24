"""Why a file goes to `failed/`, and the report that says so: NAME.error.json."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.errors import counted
from webhookd.model import ClaimedFile, SnapshotPhase

if TYPE_CHECKING:
    from pathlib import Path

    from webhookd.model import BadRow
    from webhookd.sources.formats.rows import BrokenFileError

LISTED: Final = 1000
"""Bad rows, and records whose rows differ, that a report names at the most."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file goes to `failed/`, and the place where it breaks, if it does.

    One that *is_acceptable* is whole, and taken when a person says so.
    """

    reason: str
    line: int | None = None
    column: int | None = None
    is_acceptable: bool = False

    def told(self, target: Path) -> str:
        """Return the reason, and what to do about the file that is now *target*."""
        if not self.is_acceptable:
            return self.reason
        return f"{self.reason}; if that is right, let it through: {accept_command(target)}"


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is wrong with the rows of a file: the first bad ones, and records that differ.

    *differing* names ids that stand in rows of a snapshot that differ, and the last row's line.
    """

    bad_rows: tuple[BadRow, ...] = ()
    differing_count: int = 0
    differing: tuple[tuple[str, int], ...] = ()


def of_breaking(error: BrokenFileError) -> Failure:
    """Return the failure of a file that cannot be read on."""
    return Failure(error.reason, error.line, error.column)


def of_crashes(file: ClaimedFile) -> Failure:
    """Return the failure of a file that is not opened again."""
    return Failure(
        "a daemon died while it read this file, or met a bug in it,"
        f" {counted(file.openings - 1, 'time')} without progress; it was not opened again"
    )


def of_flaws(file: ClaimedFile, flaws: Flaws) -> Failure | None:
    """Return the failure of a file that was read to its end, None when all of it was good."""
    found = []
    if file.bad_count:
        are = "is" if file.bad_count == 1 else "are"
        found.append(f"{file.bad_count} of {counted(rows_read(file), 'row')} {are} bad")
    if flaws.differing_count:
        stand = "stands" if flaws.differing_count == 1 else "stand"
        found.append(f"{counted(flaws.differing_count, 'record')} {stand} in rows that differ")
    if not found:
        return None
    if file.snapshot is None:
        return Failure(f"{found[0]}; all others were taken")
    return Failure(f"{' and '.join(found)}; all others were taken, and nothing was deleted")


def rows_read(file: ClaimedFile) -> int:
    """Return how many rows the file was found to have."""
    cursor = file.snapshot
    if cursor is None or cursor.phase is SnapshotPhase.COUNTING:
        return file.rows_taken
    return cursor.rows_counted


def rows_taken(file: ClaimedFile) -> int:
    """Return how many good rows were taken."""
    if file.snapshot is not None and file.snapshot.phase is SnapshotPhase.COUNTING:
        return 0
    return max(0, file.rows_taken - file.bad_count)


def report(file: ClaimedFile, failure: Failure, flaws: Flaws, target: Path) -> dict[str, Any]:
    """Return the content of NAME.error.json beside the file that goes to *target*."""
    content: dict[str, Any] = {
        "file": file.name,
        "source": file.source,
        "reason": failure.told(target),
        "line": failure.line,
        "column": failure.column,
        "rows_read": rows_read(file),
        "rows_taken": rows_taken(file),
        "is_complete": file.is_finished,
        "taken": _what_was_taken(file),
        "bad_rows_count": file.bad_count,
        "bad_rows": [
            {"line": bad.line, "column": bad.column, "reason": bad.reason} for bad in flaws.bad_rows
        ],
    }
    return content | (_of_snapshot(failure, flaws, target, file.snapshot.deletions)
                      if file.snapshot is not None else {})  # fmt: skip


def accept_command(path: Path) -> str:
    """Return the command that lets a set-aside file through."""
    return f"webhookd sources accept {_shell_word(path)}"


def _of_snapshot(failure: Failure, flaws: Flaws, target: Path, deletions: int) -> dict[str, Any]:
    return {
        "deletions": deletions,
        "differing_records_count": flaws.differing_count,
        "differing_records": [
            {"id": record_id, "last_line": line} for record_id, line in flaws.differing
        ],
        "accept": accept_command(target) if failure.is_acceptable else None,
    }


def _what_was_taken(file: ClaimedFile) -> str:
    if not rows_taken(file) and not (file.snapshot and file.snapshot.deletions):
        return "no row was taken"
    but_bad = " but the bad ones" if file.bad_count else ""
    cursor = file.snapshot
    if cursor is not None and cursor.phase is SnapshotPhase.DELETING:
        return f"every row was taken{but_bad}; {cursor.deletions} missing records were deleted"
    nothing = "" if cursor is None else "; nothing was deleted"
    if file.is_finished:
        return f"every row was taken{but_bad}{nothing}"
    return f"the first {file.rows_taken} rows were taken{but_bad}; none after them{nothing}"


def _shell_word(path: Path) -> str:
    raw = os.fsencode(path)
    text = raw.decode("utf-8", "replace")
    if text.isprintable() and text.encode() == raw:
        return shlex.quote(text)
    # bash's own form for bytes that cannot be shown.
    shown = (chr(byte) if _is_plain(byte) else f"\\x{byte:02x}" for byte in raw)
    return f"$'{''.join(shown)}'"


def _is_plain(byte: int) -> bool:
    return chr(byte).isascii() and chr(byte).isprintable() and chr(byte) not in "'\\"
