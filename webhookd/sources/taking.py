"""Takes one claimed file: opens it, hands its rows over batch by batch, and puts it away.

The order of steps is what makes every crash harmless: rows and their count are committed
together; the file is moved before its row is forgotten; its folder goes last.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from webhookd.errors import StorageError
from webhookd.model import Batch, ClaimedFile, FileProgress
from webhookd.sources.patience import until_stored
from webhookd.sources.reading import FileReader, Portion
from webhookd.sources.rows import BrokenFileError
from webhookd.sources.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from webhookd.model import BadRow
    from webhookd.rules.plan import DirectorySource
    from webhookd.sources.claims import Claim, Folders
    from webhookd.sources.patience import Result
    from webhookd.sources.source import FileLedger, Reports, Take

MOST_OPENINGS: Final = 3
"""A file opened this often without progress crashed the daemon each time."""

_LISTED: Final = 1000


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a file goes to `failed/`, and the place where it breaks, if it does."""

    reason: str
    line: int | None = None
    column: int | None = None


class FileTaker:
    """Takes the claimed files of one drop directory, one at a time."""

    def __init__(
        self,
        settings: DirectorySource,
        folders: Folders,
        take: Take,
        ledger: FileLedger,
        reports: Reports,
        monotonic: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._folders = folders
        self._take = take
        self._ledger = ledger
        self._reports = reports
        self._monotonic = monotonic

    async def take(self, claim: Claim, known: ClaimedFile | None = None) -> None:
        """Take the file of *claim*, from where it was left when it is *known*.

        OSError when it cannot be put away: all else that is wrong with it ends in `failed/`.
        """
        self._reports.file_claimed(self._settings.name, claim.name, claim=claim.id)
        started = self._monotonic()
        if known is not None and known.is_finished:
            await self._finish(claim, known, started)
            return
        file = await self._stored(
            lambda: self._ledger.open(self._settings.name, claim.id, claim.name)
        )
        try:
            await self._work(claim, file, started)
        except (asyncio.CancelledError, OSError):
            # The file is left in good order: this opening was no crash.
            with suppress(StorageError):
                await self._ledger.rest(claim.id)
            raise

    async def forget(self, claim: Claim) -> None:
        """Forget a file that was put away, and remove its folder."""
        await self._stored(lambda: self._ledger.forget(claim.id))
        await in_thread(lambda: self._folders.release(claim))

    async def _work(self, claim: Claim, file: ClaimedFile, started: float) -> None:
        if file.openings > MOST_OPENINGS:
            await self._fail(claim, file, _set_aside(file))
            return
        file, broken = await self._read(claim, file)
        if broken is None:
            await self._finish(claim, file, started)
        else:
            await self._fail(claim, file, _Failure(broken.reason, broken.line, broken.column))

    async def _read(
        self, claim: Claim, file: ClaimedFile
    ) -> tuple[ClaimedFile, BrokenFileError | None]:
        """Hand over every row not yet taken; return the file as it is then, and why it broke."""
        if claim.file is None:
            return file, BrokenFileError("the file is gone")
        as_known = await self._is_taken_as_known()
        reader = FileReader(
            claim.file, self._settings, rows_taken=file.rows_taken, monotonic=self._monotonic
        )
        try:
            while True:
                portion = await in_thread(reader.portion, on_cancel=reader.stop)
                file = _advanced(file, portion)
                if portion.rows or portion.is_last:
                    await self._hand_over(file, portion, as_known=as_known)
                if portion.is_last or portion.broken is not None:
                    return file, portion.broken
        finally:
            reader.close()

    async def _is_taken_as_known(self) -> bool:
        if self._settings.start == "beginning":
            return False
        return not await self._stored(lambda: self._ledger.has_started(self._settings.name))

    async def _hand_over(self, file: ClaimedFile, portion: Portion, *, as_known: bool) -> None:
        progress = FileProgress(
            file.source,
            file.claim,
            file.name,
            rows_taken=file.rows_taken,
            bad_rows=portion.bad_rows,
            is_finished=portion.is_last,
        )
        batch = Batch(file.source, portion.observations, progress, as_known=as_known)
        await self._stored(lambda: self._take(batch))

    async def _finish(self, claim: Claim, file: ClaimedFile, started: float) -> None:
        """Put away a file that was read to its end."""
        if file.bad_count:
            reason = f"{file.bad_count} of {file.rows_taken} rows are bad; all others were taken"
            await self._fail(claim, file, _Failure(reason))
            return
        is_kept = self._settings.on_done == "archive"
        put_away = self._folders.archive if is_kept else self._folders.delete
        await in_thread(lambda: put_away(claim))
        self._reports.file_done(
            file.source, file.name, rows=file.rows_taken, seconds=self._monotonic() - started
        )
        await self.forget(claim)

    async def _fail(self, claim: Claim, file: ClaimedFile, failure: _Failure) -> None:
        bad_rows = await self._stored(lambda: self._ledger.bad_rows(claim.id, _LISTED))
        content = _report(file, failure, bad_rows)
        path: Path = await in_thread(lambda: self._folders.fail(claim, content))
        self._reports.file_failed(
            file.source,
            file.name,
            reason=failure.reason,
            rows=file.rows_taken - file.bad_count,
            bad_rows=file.bad_count,
            error_file=str(path),
        )
        await self.forget(claim)

    async def _stored(self, store: Callable[[], Awaitable[Result]]) -> Result:
        name = self._settings.name
        return await until_stored(
            store, lambda reason: self._reports.storage_waiting(name, reason=reason)
        )


def _advanced(file: ClaimedFile, portion: Portion) -> ClaimedFile:
    return replace(
        file,
        rows_taken=file.rows_taken + portion.rows,
        bad_count=file.bad_count + len(portion.bad_rows),
        is_finished=portion.is_last,
    )


def _set_aside(file: ClaimedFile) -> _Failure:
    return _Failure(
        f"the daemon died {file.openings - 1} times while it read this file without progress;"
        " it was not opened again"
    )


def _report(file: ClaimedFile, failure: _Failure, bad_rows: Iterable[BadRow]) -> dict[str, Any]:
    """Return the content of NAME.error.json."""
    return {
        "file": file.name,
        "source": file.source,
        "reason": failure.reason,
        "line": failure.line,
        "column": failure.column,
        "rows_read": file.rows_taken,
        "rows_taken": file.rows_taken - file.bad_count,
        "is_complete": file.is_finished,
        "taken": _what_was_taken(file),
        "bad_rows_count": file.bad_count,
        "bad_rows": [
            {"line": bad.line, "column": bad.column, "reason": bad.reason} for bad in bad_rows
        ],
    }


def _what_was_taken(file: ClaimedFile) -> str:
    good = file.rows_taken - file.bad_count
    if not good:
        return "no row was taken"
    but_bad = " but the bad ones" if file.bad_count else ""
    if file.is_finished:
        return f"every row was taken{but_bad}"
    return f"the first {file.rows_taken} rows were taken{but_bad}; none after them"
