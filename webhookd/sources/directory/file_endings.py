"""What becomes of a claimed file that was read: `done/`, `failed/` with a report, or nothing.

The file is moved before the database forgets it, and its folder goes last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from webhookd.model import LatestFile, PutAway
from webhookd.sources.directory import error_report
from webhookd.sources.directory.error_report import LISTED, Failure, Flaws
from webhookd.sources.directory.put_away_files import PutAwayFile, look_of
from webhookd.sources.threads import in_thread
from webhookd.telemetry import logs
from webhookd.telemetry.events import FileFailed, FileTaken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from webhookd.definitions import DirectorySource
    from webhookd.model import ClaimedFile
    from webhookd.sources.directory.arrivals.inotify import FileWrites
    from webhookd.sources.directory.folders import Claim, Folders
    from webhookd.sources.directory.older_files import OlderFiles
    from webhookd.sources.directory.put_away_files import PutAwayFiles
    from webhookd.sources.source import FileLedger, Report
    from webhookd.sources.storage_retry import StorageRetry


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read: by its claim, and as the database knows it.

    *size* is how long it was at the end, None where its end was not read. *as_known* says that its
    records were taken as known.
    """

    claim: Claim
    file: ClaimedFile
    size: int | None = None
    as_known: bool = False


class FileEndings:
    """Puts away the files of one drop directory."""

    def __init__(
        self,
        settings: DirectorySource,
        folders: Folders,
        ledger: FileLedger,
        report: Report,
        *,
        storage_retry: StorageRetry,
        put_away: PutAwayFiles,
        older_files: OlderFiles,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._folders = folders
        self._ledger = ledger
        self._report = report
        self._stored = storage_retry.until_stored
        self._put_away = put_away
        self._older_files = older_files
        self._now = now

    async def finish(self, read: ReadFile, *, seconds: float) -> None:
        """Put away a file that was read to its end, *seconds* ago it was opened."""
        flaws = await self._flaws(read.file)
        failure = error_report.of_flaws(read.file, flaws)
        if failure is not None:
            await self.fail(read, failure, flaws)
            return
        (latest,) = await self._put_away_good([read], seconds=seconds)
        await self.forget(read.claim, self._ended(read.file), latest)

    async def finish_all(self, reads: Sequence[ReadFile], *, seconds: float) -> None:
        """Put away files of records that were read to their ends and are good, all together."""
        found = await self._put_away_good(reads, seconds=seconds)
        latest = next((one for one in reversed(found) if one is not None), None)
        if latest is not None:
            self._older_files.taken(latest)
        ended = self._ended(reads[-1].file)
        claims = [read.claim for read in reads]
        await self._stored(
            lambda: self._ledger.forget_all([claim.id for claim in claims], ended, latest)
        )
        await in_thread(lambda: self._folders.release(claims))

    async def _put_away_good(
        self, reads: Sequence[ReadFile], *, seconds: float
    ) -> list[LatestFile | None]:
        """Put good files into `done/`, or delete them; return each as the latest one taken."""
        followed = [self._follow(read) for read in reads]
        put_away, latest = await in_thread(partial(self._move_away, reads, followed))
        for read, one in zip(reads, put_away, strict=True):
            snapshot = read.file.snapshot
            self._report(
                FileTaken(
                    read.file.source,
                    read.file.name,
                    rows=error_report.rows_read(read.file),
                    seconds=seconds,
                    deletions=None if snapshot is None else snapshot.deletions,
                )
            )
            self._put_away.keep(one)
        return latest

    def _move_away(
        self, reads: Sequence[ReadFile], followed: Sequence[FileWrites | None]
    ) -> tuple[list[PutAwayFile], list[LatestFile | None]]:
        """Look at good files once more and put them away; a thread calls it."""
        found = [_looked_at(*one) for one in zip(reads, followed, strict=True)]
        kept, deleted = [], []
        for read, (put_away, _) in zip(reads, found, strict=True):
            if self._settings.on_done == "archive" or put_away.is_written:
                kept.append((read.claim, put_away))
            else:
                deleted.append(read.claim)
        paths = self._folders.archive([claim for claim, _ in kept])
        for (_, put_away), path in zip(kept, paths, strict=True):
            put_away.moved_to(path)
        self._folders.delete(deleted)
        return [one for one, _ in found], [latest for _, latest in found]

    async def fail(self, read: ReadFile, failure: Failure, flaws: Flaws | None = None) -> None:
        """Put a file into `failed/`, with a report that says why."""
        file = read.file
        found = flaws or await self._flaws(file)
        writes = self._follow(read)
        put_away, latest = await in_thread(partial(_looked_at, read, writes))
        target, beside = await in_thread(
            lambda: self._folders.fail(
                read.claim, lambda target: error_report.report(file, failure, found, target)
            )
        )
        rows = error_report.rows_taken(file)
        reason = failure.told(target)
        self._report(
            FileFailed(
                file.source,
                file.name,
                reason=reason,
                rows=rows,
                bad_rows=file.bad_count,
                error_file=str(beside),
            )
        )
        put_away.moved_to(target, is_failed=True)
        self._put_away.keep(put_away)
        # Only a file whose rows were taken is one that an older file could undo.
        await self.forget(read.claim, self._ended(file, reason), latest if rows else None)

    async def forget_moved(self, claim: Claim, known: ClaimedFile | None) -> None:
        """Forget a file that was moved before a crash; where it was read whole, how it ended."""
        ended = None
        if known is not None and known.is_finished:
            failure = error_report.of_flaws(known, await self._flaws(known))
            ended = self._ended(known, None if failure is None else failure.reason)
        await self.forget(claim, ended)

    async def forget(
        self, claim: Claim, ended: PutAway | None = None, latest: LatestFile | None = None
    ) -> None:
        """Forget a file that was put away, and remove its folder.

        *ended* says how, where that is known; *latest* that it is the latest one taken.
        """
        if latest is not None:
            self._older_files.taken(latest)
        await self._stored(lambda: self._ledger.forget(claim.id, ended, latest))
        await in_thread(lambda: self._folders.release([claim]))

    def _ended(self, file: ClaimedFile, reason: str | None = None) -> PutAway:
        error = None if reason is None else logs.redacted(f"{file.name}: {reason}")
        return PutAway(file.source, file.name, self._now(), error, file.bad_count)

    def _follow(self, read: ReadFile) -> FileWrites | None:
        """Watch a file that is about to be put away.

        It is looked at once more behind that: so no write comes between the two unseen.
        """
        return None if read.claim.file is None else self._put_away.follow(read.claim.file)

    async def _flaws(self, file: ClaimedFile) -> Flaws:
        claim = file.claim
        bad_rows = await self._stored(lambda: self._ledger.bad_rows(claim, LISTED))
        if file.snapshot is None:
            return Flaws(bad_rows)
        return Flaws(
            bad_rows,
            await self._stored(lambda: self._ledger.count_differing(claim)),
            await self._stored(lambda: self._ledger.differing(claim, LISTED)),
        )


def _looked_at(read: ReadFile, writes: FileWrites | None) -> tuple[PutAwayFile, LatestFile | None]:
    """Look at a file that is now put away: what is to be known of it then; a thread calls it."""
    claim, file = read.claim, read.file
    look = look_of(claim.file)
    size = 0 if look is None else look.size
    was_read = size if read.size is None else read.size
    name = "" if claim.file is None else claim.file.name
    put_away = PutAwayFile(file, name, was_read, read.as_known, writes, is_written=size > was_read)
    latest = None if look is None else LatestFile(file.source, file.name, look.modified)
    return put_away, latest
