"""A claimed file: open it, hand its rows to intake batch by batch, and have it put away.

The order of steps is what makes every crash harmless: rows and their count are committed
together; the file is moved before its row is forgotten; its folder goes last.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd.errors import NotHeldError
from webhookd.model import Batch, ClaimedFile
from webhookd.sources.directory import error_report
from webhookd.sources.directory.error_report import Failure
from webhookd.sources.directory.file_endings import FileEndings, ReadFile
from webhookd.sources.directory.file_progress import Meter
from webhookd.sources.directory.older_files import OlderFiles
from webhookd.sources.directory.put_away_files import look_of
from webhookd.sources.directory.reader import FileReader, Portion, Sightings
from webhookd.sources.directory.small_files import SmallFiles
from webhookd.sources.directory.snapshot import SnapshotIngest
from webhookd.sources.storage_retry import StorageRetry
from webhookd.sources.threads import in_thread
from webhookd.telemetry.events import FileChanged, FileClaimed, FileEmpty

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from webhookd.clock import Clock
    from webhookd.definitions import DirectorySource
    from webhookd.sources.directory.columns import Columns
    from webhookd.sources.directory.folders import Claim, Folders
    from webhookd.sources.directory.openings import Openings
    from webhookd.sources.directory.put_away_files import PutAwayFile, PutAwayFiles
    from webhookd.sources.source import FileLedger, Ingest, Report

MOST_OPENINGS: Final = 3
"""A file opened this often without progress ended a daemon each time, or met a bug."""

_READ_ON_AFTER: Final = 0.2
"""Seconds; a file that changes all the time does not keep a processor busy."""


class FileIngest:
    """Ingests the claimed files of one drop directory, in their order."""

    def __init__(  # noqa: PLR0913 - the parts that it is joined to
        self,
        settings: DirectorySource,
        folders: Folders,
        ingest: Ingest,
        ledger: FileLedger,
        report: Report,
        *,
        columns: Columns,
        put_away: PutAwayFiles,
        openings: Openings,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._ingest = ingest
        self._ledger = ledger
        self._report = report
        self._storage_retry = StorageRetry(settings.name, report)
        self._stored = self._storage_retry.until_stored
        self._columns = columns
        self._openings = openings
        self._older_files = OlderFiles(settings.name, ledger, report, self._storage_retry)
        self._endings = FileEndings(
            *(settings, folders, ledger, report),
            storage_retry=self._storage_retry,
            put_away=put_away,
            older_files=self._older_files,
            now=clock.now,
        )
        self._small_files = SmallFiles(
            *(settings.name, ingest, ledger),
            endings=self._endings,
            older_files=self._older_files,
            openings=openings,
            storage_retry=self._storage_retry,
            alone=self,
            monotonic=clock.monotonic,
        )
        self._as_read: tuple[int, int] | None = None
        self._looked_into = ""
        self.latest_claim = ""
        """The claim of the file that was ingested last."""

        self._monotonic = clock.monotonic
        self._now = clock.now
        self._is_local = False

    def know_writers(self, *, is_local: bool) -> None:
        """Note whether leases show every writer of the folder that is there now."""
        self._is_local = is_local

    async def ingest(
        self,
        claim: Claim,
        known: ClaimedFile | None = None,
        *,
        late: PutAwayFile | None = None,
    ) -> None:
        """Ingest the file of *claim*, from where it was left when it is *known* or *late*.

        OSError when it cannot be put away: all else that is wrong with it ends in `failed/`.
        """
        self._report(FileClaimed(self._settings.name, claim.name, claim=claim.id))
        started = self._monotonic()
        self.latest_claim, self._as_read = claim.id, None
        if known is not None and known.is_finished:
            await self._finish(ReadFile(claim, known), started)
            return
        if known is None and late is None:
            look = await in_thread(partial(look_of, claim.file))
            await self._older_files.warn([(claim.name, look)])
        try:
            file = await self._stored(partial(self._opened, claim))
            as_known = await self._is_taken_as_known() if late is None else late.as_known
            if late is not None and late.file.snapshot is None:
                file = await self._behind_the_taken(file, late)
            await self._work(claim, file, started, as_known=as_known)
        except (asyncio.CancelledError, OSError, NotHeldError):
            # The file is left in good order: this opening was no crash.
            await self._openings.take_back([claim.id], self._ledger)
            raise
        except Exception:
            # A bug that this file brings out must not hold up the others for ever.
            self._openings.keep(claim.id)
            raise
        self._openings.keep(claim.id)

    def _opened(self, claim: Claim) -> Awaitable[ClaimedFile]:
        # Asked for again, it may be counted already, though the answer was lost.
        return self._ledger.open(
            self._settings.name,
            claim.id,
            claim.name,
            is_snapshot=self._settings.content == "snapshot",
            is_counted=self._openings.is_to_count(claim.id),
        )

    async def ingest_small(self, claims: Sequence[Claim]) -> None:
        """Ingest the small files of records of new *claims*, together where that can be.

        OSError as `ingest` raises it.
        """
        if await self._is_taken_as_known():
            for claim in claims:
                await self.ingest(claim)
        else:
            for claim in claims:
                self._report(FileClaimed(self._settings.name, claim.name, claim=claim.id))
            self.latest_claim = claims[-1].id
            await self._small_files.take(claims)

    async def go_on(self, claim: Claim, file: ClaimedFile) -> None:
        """Ingest a file that was opened, and looked into, as one of several."""
        self.latest_claim, self._as_read, self._looked_into = claim.id, None, claim.id
        await self._work(claim, file, self._monotonic(), as_known=False)

    async def forget(self, claim: Claim, known: ClaimedFile | None) -> None:
        """Forget a file that was put away before a crash, and remove its folder."""
        await self._endings.forget_moved(claim, known)

    def begin_anew(self) -> None:
        """Forget what may have changed while the source was not read."""
        self._older_files.forget()

    async def _behind_the_taken(self, file: ClaimedFile, late: PutAwayFile) -> ClaimedFile:
        """Go on behind the rows that were taken, but for the last: it may have been half a row."""
        file = replace(file, rows_taken=max(late.file.rows_taken - 1, 0))
        await self._stored(partial(self._ingest, Batch(file.source, (), file.progress())))
        return file

    async def _work(
        self, claim: Claim, file: ClaimedFile, started: float, *, as_known: bool
    ) -> None:
        if file.openings > MOST_OPENINGS:
            await self._endings.fail(ReadFile(claim, file), error_report.of_crashes(file))
            return
        file, failure = await self._read(claim, file, as_known=as_known)
        read = ReadFile(claim, file, self._as_read and self._as_read[0], as_known)
        if failure is None:
            await self._finish(read, started)
        else:
            # Its records are taken no more: what was written since is told, and that is all.
            await self._endings.fail(replace(read, as_known=False), failure)

    async def _finish(self, read: ReadFile, started: float) -> None:
        await self._endings.finish(read, seconds=self._monotonic() - started)

    async def _read(
        self, claim: Claim, file: ClaimedFile, *, as_known: bool
    ) -> tuple[ClaimedFile, Failure | None]:
        """Take all that was not taken yet; return the file as it is then, and why it failed."""
        if claim.file is None:
            return file, Failure("the file is gone")
        meter = Meter(self._report, self._monotonic, self._now)
        if file.snapshot is None:
            return await self._read_records(claim, file, meter, as_known=as_known)
        snapshot_ingest = SnapshotIngest(
            self._settings.object,
            lambda file: self.open_file(claim, file),
            self._ingest,
            self._ledger,
            self._storage_retry,
            meter,
            lambda then: self._report(FileChanged(file.source, file.name, then=then)),
        )
        file, failure = await snapshot_ingest.read(claim, file, as_known=as_known)
        self._as_read = snapshot_ingest.as_read
        return file, failure

    def open_file(self, claim: Claim, file: ClaimedFile) -> FileReader:
        """Open a claimed file behind the rows that were taken."""
        is_partial = self._settings.partial and file.snapshot is None
        is_again = claim.id == self._looked_into
        return FileReader(
            claim.file or claim.folder,
            self._settings,
            rows_taken=file.rows_taken,
            is_partial=is_partial,
            sightings=Sightings(
                header=partial(self._columns.check, file, is_partial=is_partial, is_again=is_again),
                repeated_header=self._columns.repetition(file, is_again=is_again),
                nothing=lambda: self._report(FileEmpty(file.source, file.name)),
            ),
            is_local=self._is_local,
            monotonic=self._monotonic,
        )

    async def _read_records(
        self, claim: Claim, file: ClaimedFile, meter: Meter, *, as_known: bool
    ) -> tuple[ClaimedFile, Failure | None]:
        while True:
            with closing(self.open_file(claim, file)) as reader:
                file, failure, is_outdated = await self._take_portions(
                    reader, file, meter, as_known=as_known
                )
            if not is_outdated:
                return file, failure
            self._report(FileChanged(file.source, file.name, then="the rest of it is read"))
            await asyncio.sleep(_READ_ON_AFTER)

    async def _take_portions(
        self, reader: FileReader, file: ClaimedFile, meter: Meter, *, as_known: bool
    ) -> tuple[ClaimedFile, Failure | None, bool]:
        """Take what *reader* has; the last result says that the file changed since."""
        while True:
            portion = await in_thread(reader.portion, on_cancel=reader.stop)
            if portion.is_outdated:
                # What was the end of it may be half a row: it is read again from where we are.
                return file, None, True
            file = _advanced(file, portion)
            if portion.rows or portion.is_last:
                progress = file.progress(portion.bad_rows, meter.measure(file, reader.gauge))
                batch = Batch(file.source, portion.observations, progress, as_known=as_known)
                await self._stored(partial(self._ingest, batch))
            if portion.broken is not None:
                return file, error_report.of_breaking(portion.broken), False
            if portion.is_last:
                self._as_read = reader.gauge.seen
                return file, None, False

    async def _is_taken_as_known(self) -> bool:
        if self._settings.start == "beginning":
            return False
        return not await self._stored(lambda: self._ledger.has_started(self._settings.name))


def _advanced(file: ClaimedFile, portion: Portion) -> ClaimedFile:
    return replace(
        file,
        rows_taken=file.rows_taken + len(portion.rows),
        bad_count=file.bad_count + len(portion.bad_rows),
        is_finished=portion.is_last,
    )
