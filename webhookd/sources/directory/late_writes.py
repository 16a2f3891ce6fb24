"""What was written to a file after it was taken: the rest is taken too, or its loss is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from webhookd.clock import new_id
from webhookd.sources.directory.put_away_files import size_of
from webhookd.sources.storage_retry import StorageRetry
from webhookd.sources.threads import in_thread
from webhookd.telemetry.events import FileChanged, FileWrittenLate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.definitions import DirectorySource
    from webhookd.sources.directory.folders import Folders
    from webhookd.sources.directory.ingest import FileIngest
    from webhookd.sources.directory.put_away_files import PutAwayFile, PutAwayFiles
    from webhookd.sources.source import FileLedger, Report

_AGAIN = "drop the whole file again"


class LateWrites:
    """Takes files of one drop directory again that were written to after they were put away."""

    def __init__(
        self,
        settings: DirectorySource,
        folders: Folders,
        put_away: PutAwayFiles,
        file_ingest: FileIngest,
        ledger: FileLedger,
        report: Report,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._folders = folders
        self._put_away = put_away
        self._file_ingest = file_ingest
        self._ledger = ledger
        self._report = report
        self._stored = StorageRetry(settings.name, report).until_stored
        self._now = now

    async def take(self, *, has_others: bool) -> bool:
        """Take the rest of a file whose writer is done; return whether there was any."""
        late = self._put_away.written()
        if late is None:
            return False
        size = await in_thread(partial(size_of, late.path))
        lost = self._why_lost(late, size)
        if lost is not None:
            self._report(FileWrittenLate(self._settings.name, late.file.name, reason=lost))
            return True
        then = "the rest of it is taken"
        if late.file.snapshot is not None:
            then = "it is counted and taken anew"
        self._report(FileChanged(self._settings.name, late.file.name, then=then))
        if has_others:
            await self._stored(self._ledger.check)
        await self._take_again(late)
        return True

    def _why_lost(self, late: PutAwayFile, size: int | None) -> str | None:
        """Return why what was written cannot be taken; None when it can."""
        for is_so, told in (
            (late.path is None, "it was deleted after it had been taken"),
            (size is None, "it is no longer where it was put"),
            (late.is_failed, "it stands in failed/"),
        ):
            if is_so:
                return f"{told}, what was written since is not taken: {_AGAIN}"
        if late.file.snapshot is not None:
            if late.file.claim != self._file_ingest.latest_claim:
                return "other files were taken since: it is not taken again; drop a new snapshot"
            return None
        is_longer = (size or 0) > late.size
        return None if is_longer else f"it was overwritten after it had been taken: {_AGAIN}"

    async def _take_again(self, late: PutAwayFile) -> None:
        path = late.path
        if path is None:
            return
        claim_id = new_id(self._now())
        claiming = partial(self._folders.claim_again, path, late.name, claim_id)
        claim = await in_thread(claiming)
        if isinstance(claim, FileNotFoundError):
            reason = f"it is no longer where it was put: {_AGAIN}"
            self._report(FileWrittenLate(self._settings.name, late.file.name, reason=reason))
            return
        if isinstance(claim, OSError):
            raise claim
        await self._file_ingest.ingest(claim, late=late)
