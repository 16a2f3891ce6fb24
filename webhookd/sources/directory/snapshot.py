"""Takes a snapshot: a file that lists all records, so that what is missing was deleted.

It is read twice. The first pass counts: every row is parsed, and its id, a digest and its
number are kept in a table, so that whether the file may be taken at all is known before
anything of it is. The second takes the last row of each id. What is known and was not counted
is then deleted, a batch at a time. The cursor says which of these is under way, and how far.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from webhookd.model import Batch, Observation, SnapshotCursor, SnapshotPhase
from webhookd.sources import missing_records
from webhookd.sources.directory import error_report
from webhookd.sources.directory.error_report import Failure
from webhookd.sources.directory.snapshot_rows import last_of_each, read_and_count
from webhookd.sources.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.model import ClaimedFile, MissingRecords, Pace
    from webhookd.sources.directory.file_progress import Meter
    from webhookd.sources.directory.folders import Claim
    from webhookd.sources.directory.reader import FileReader, Portion
    from webhookd.sources.source import FileLedger, Ingest
    from webhookd.sources.storage_retry import StorageRetry

CHANGED: Final = Failure("the file changed while it was read")

MOST_COUNTS: Final = 20
"""A file that changed this often while it was read is not counted anew."""

_COUNT_AGAIN_AFTER: Final = 0.2


class SnapshotIngest:
    """Takes one snapshot of a drop directory. *open_file* opens it behind the rows read."""

    def __init__(
        self,
        object_type: str,
        open_file: Callable[[ClaimedFile], FileReader],
        ingest: Ingest,
        ledger: FileLedger,
        storage_retry: StorageRetry,
        meter: Meter,
        saw_change: Callable[[str], None],
    ) -> None:
        self._object = object_type
        self._open = open_file
        self._ingest = ingest
        self._ledger = ledger
        self._stored = storage_retry.until_stored
        self._meter = meter
        self._saw_change = saw_change
        self._as_read: tuple[int, int] | None = None

    @property
    def as_read(self) -> tuple[int, int] | None:
        """Return size and time of the last change of what was read; None before its end."""
        return self._as_read

    async def read(
        self, claim: Claim, file: ClaimedFile, *, as_known: bool
    ) -> tuple[ClaimedFile, Failure | None]:
        """Go on where the file was left; return it as it is then, and why that is not the end."""
        for _ in range(MOST_COUNTS):
            file, failure = await self._read_once(claim, file, as_known=as_known)
            if failure is not CHANGED:
                return file, failure
            self._saw_change("it is counted anew, and nothing was deleted for what it lacked")
            await asyncio.sleep(_COUNT_AGAIN_AFTER)
            file = await self._anew(file)
        return file, CHANGED

    async def _anew(self, file: ClaimedFile) -> ClaimedFile:
        """Forget what was counted."""
        await self._stored(lambda: self._ledger.forget(file.claim))
        return await self._stored(
            lambda: self._ledger.open(file.source, file.claim, file.name, is_snapshot=True)
        )

    async def _read_once(
        self, claim: Claim, file: ClaimedFile, *, as_known: bool
    ) -> tuple[ClaimedFile, Failure | None]:
        if _phase(file) is SnapshotPhase.COUNTING:
            file, failure = await self._count(file)
            failure = failure or await self._objection(claim, file)
            if failure is not None:
                return file, failure
            file = await self._begin(file)
        if _phase(file) is SnapshotPhase.TAKING:
            file, failure = await self._take_rows(file, as_known=as_known)
            if failure is not None or file.is_finished:
                return file, failure
        return await self._delete(claim, file, as_known=as_known)

    async def _count(self, file: ClaimedFile) -> tuple[ClaimedFile, Failure | None]:
        """Keep every row's id, digest and number; return why the file cannot be read on."""
        with closing(self._open(file)) as reader:
            while True:
                reading = partial(read_and_count, reader, file.rows_taken)
                portion, rows = await in_thread(reading, on_cancel=reader.stop)
                if portion.is_outdated:
                    return file, CHANGED
                file = replace(
                    file,
                    rows_taken=file.rows_taken + len(portion.rows),
                    bad_count=file.bad_count + len(portion.bad_rows),
                )
                progress = file.progress(portion.bad_rows, self._meter.measure(file, reader.gauge))
                await self._stored(partial(self._ledger.count, progress, rows))
                if portion.broken is not None:
                    return file, error_report.of_breaking(portion.broken)
                if portion.is_last:
                    return file, None

    async def _objection(self, claim: Claim, file: ClaimedFile) -> Failure | None:
        """Return why a counted file is not taken unless a person says so."""
        if claim.is_accepted:
            return None
        if not file.rows_taken:
            return Failure(
                "the snapshot lists no record: it would delete all that are known",
                is_acceptable=True,
            )
        if not await self._may_delete(file):
            return None
        known, missing = await missing_records.count(partial(self._missing, file))
        if missing_records.is_usual(known, missing):
            return None
        return Failure(
            f"the snapshot lacks {missing} of the {known} known records: it would delete them",
            is_acceptable=True,
        )

    async def _may_delete(self, file: ClaimedFile) -> bool:
        """Return whether the file is trusted to list all records: each of its rows is clear."""
        if file.bad_count:
            return False
        return not await self._stored(lambda: self._ledger.count_differing(file.claim))

    async def _missing(self, file: ClaimedFile, place: str) -> MissingRecords:
        ask = partial(self._ledger.missing, file.claim, file.source, self._object, place)
        return await self._stored(ask)

    async def _begin(self, file: ClaimedFile) -> ClaimedFile:
        file = _moved(file, phase=SnapshotPhase.TAKING, rows_counted=file.rows_taken)
        file = replace(file, rows_taken=0)
        await self._stored(lambda: self._ledger.begin(file.progress()))
        return file

    async def _take_rows(
        self, file: ClaimedFile, *, as_known: bool
    ) -> tuple[ClaimedFile, Failure | None]:
        """Hand over the last row of each id; return why the file cannot be read on."""
        with closing(self._open(file)) as reader:
            while True:
                portion = await in_thread(reader.portion, on_cancel=reader.stop)
                observations = await self._last_of_each(file, portion)
                taken = replace(file, rows_taken=file.rows_taken + len(portion.rows))
                is_other = observations is None or _has_other_length(taken, portion)
                if observations is None or is_other or portion.is_outdated:
                    return file, CHANGED
                if portion.is_last:
                    self._as_read = reader.gauge.seen
                    taken = await self._behind_the_rows(taken)
                pace = self._meter.measure(taken, reader.gauge)
                await self._hand_over(taken, observations, pace, as_known=as_known)
                file = taken
                if portion.broken is not None:
                    return file, error_report.of_breaking(portion.broken)
                if portion.is_last:
                    return file, None

    async def _last_of_each(
        self, file: ClaimedFile, portion: Portion
    ) -> tuple[Observation, ...] | None:
        """Return the rows that count, None when they are not those that were counted."""
        ids = {row.record_id for row in portion.observations}
        counted = await self._stored(partial(self._ledger.last_rows, file.claim, ids))
        return await in_thread(partial(last_of_each, portion, file.rows_taken, counted))

    async def _behind_the_rows(self, file: ClaimedFile) -> ClaimedFile:
        if await self._may_delete(file):
            return _moved(file, phase=SnapshotPhase.DELETING)
        return replace(file, is_finished=True)

    async def _delete(
        self, claim: Claim, file: ClaimedFile, *, as_known: bool
    ) -> tuple[ClaimedFile, Failure | None]:
        """Delete the known records that the file lacks, a batch at a time."""
        place, is_last = _cursor(file).place, False
        while not is_last:
            found = await self._missing(file, place)
            place, is_last = found.place, found.is_last
            if not found.record_ids and not is_last:
                continue
            if found.record_ids and not await in_thread(partial(self._is_as_read, claim)):
                return file, CHANGED
            deletions = _cursor(file).deletions + len(found.record_ids)
            file = replace(_moved(file, place=place, deletions=deletions), is_finished=is_last)
            gone = tuple(
                Observation(self._object, record_id, {}, deleted=True)
                for record_id in found.record_ids
            )
            await self._hand_over(file, gone, self._meter.measure(file), as_known=as_known)
        return file, None

    def _is_as_read(self, claim: Claim) -> bool:
        """Return whether the file is still what its rows were read from."""
        if claim.file is None:
            return False
        found = claim.file.lstat()
        if self._as_read is None:
            # It was read before a restart: nothing may have been written since it was claimed.
            if found.st_mtime_ns > claim.folder.lstat().st_mtime_ns:
                return False
            self._as_read = found.st_size, found.st_mtime_ns
        return (found.st_size, found.st_mtime_ns) == self._as_read

    async def _hand_over(
        self,
        file: ClaimedFile,
        observations: tuple[Observation, ...],
        pace: Pace | None,
        *,
        as_known: bool,
    ) -> None:
        batch = Batch(file.source, observations, file.progress(pace=pace), as_known=as_known)
        await self._stored(lambda: self._ingest(batch))


def _cursor(file: ClaimedFile) -> SnapshotCursor:
    return file.snapshot or SnapshotCursor()


def _phase(file: ClaimedFile) -> SnapshotPhase:
    return _cursor(file).phase


def _moved(file: ClaimedFile, **changes: Any) -> ClaimedFile:
    return replace(file, snapshot=replace(_cursor(file), **changes))


def _has_other_length(file: ClaimedFile, portion: Portion) -> bool:
    """Return whether there are more or fewer rows than were counted."""
    counted = _cursor(file).rows_counted
    return file.rows_taken > counted or (portion.is_last and file.rows_taken != counted)
