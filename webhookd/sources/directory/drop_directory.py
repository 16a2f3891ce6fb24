"""The drop directory as a source: notices files in `new/`, claims them, has them taken.

Scanning is the truth: at the start, at every wake-up by the kernel, and every ten seconds.
Files are taken one at a time in the order that the source has; one still being written is left,
and does not hold up the others. What a person let through comes first: it waited before.
"""

from __future__ import annotations

import asyncio
import errno
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd.clock import SYSTEM, Clock, new_id
from webhookd.errors import NotHeldError, StorageError
from webhookd.rules.usage import NOTHING
from webhookd.sources.directory.arrivals.inotify import FolderWatch
from webhookd.sources.directory.arrivals.misplaced import MisplacedFiles
from webhookd.sources.directory.arrivals.whole_files import WholeFiles
from webhookd.sources.directory.columns import Columns
from webhookd.sources.directory.filesystem import LEAST_FREE, DiskRoom, is_local
from webhookd.sources.directory.folders import Claim, Folders
from webhookd.sources.directory.ingest import FileIngest
from webhookd.sources.directory.late_writes import LateWrites
from webhookd.sources.directory.openings import Openings
from webhookd.sources.directory.put_away_files import PutAwayFiles
from webhookd.sources.storage_retry import StorageRetry, pauses
from webhookd.sources.threads import in_thread
from webhookd.telemetry import logs
from webhookd.telemetry.events import (
    FileIgnored,
    SourceRecovered,
    SourceUnreadable,
    SourceUnwatched,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from webhookd.definitions import DirectorySource
    from webhookd.model import ClaimedFile
    from webhookd.rules.usage import Used
    from webhookd.sources.source import FileLedger, Ingest, Report

_ILLS_OF_THE_DISK: Final = frozenset(
    {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE}
)
"""What stops a source; any other refusal to move a file is that file's own."""

_SCAN_EVERY: Final = 10.0
_LONGEST_PAUSE: Final = 10.0


class DropDirectory:
    """Reads the files that are dropped into a directory.

    *has_others*: other daemons may have read it before. *openings* are those of this process.
    """

    def __init__(  # noqa: PLR0913 - the parts that it is joined to
        self,
        settings: DirectorySource,
        ingest: Ingest,
        ledger: FileLedger,
        report: Report,
        *,
        used: Callable[[], Used] = lambda: NOTHING,
        clock: Clock = SYSTEM,
        least_free: int = LEAST_FREE,
        has_others: bool = False,
        openings: Openings | None = None,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._report = report
        self._now = clock.now
        self._has_others = has_others
        self._folders = Folders(settings.path, settings.order)
        self._room = DiskRoom(settings.name, self._folders.root, report, least_free)
        self._storage_retry = StorageRetry(settings.name, report)
        self._watch = FolderWatch()
        settle = settings.settle.total_seconds()
        self._put_away = PutAwayFiles(self._watch, clock.monotonic, settle)
        self._file_ingest = FileIngest(
            settings,
            self._folders,
            ingest,
            ledger,
            report,
            columns=Columns(settings.name, report, used=used),
            put_away=self._put_away,
            openings=openings or Openings(),
            clock=clock,
        )
        self._late_writes = LateWrites(
            *(settings, self._folders, self._put_away, self._file_ingest, ledger, report),
            clock.now,
        )
        self._whole_files = WholeFiles(settings, self._folders, self._watch, report, clock)
        self._misplaced = MisplacedFiles(settings, self._folders, report)
        self._identity: tuple[int, int] | None = None
        self._unreadable: str | None = None

    @property
    def name(self) -> str:
        """Return the key of the source in the configuration."""
        return self._settings.name

    async def prepare(self) -> None:
        """Create the folders and watch them, so that what comes before `run` is noticed too."""
        await in_thread(self._folders.create)
        self._follow()

    async def is_there(self) -> bool:
        """Return whether this machine has the folder that files are dropped into."""
        return await in_thread(self._folders.are_there)

    async def run(self) -> None:
        """Read until cancelled; SourceError when the folders cannot be created."""
        await in_thread(self._folders.create)
        self._identity = None
        self._file_ingest.begin_anew()
        with closing(self._watch):
            again = pauses(longest=_LONGEST_PAUSE)
            while True:
                try:
                    seconds = await self._scan()
                except OSError as error:
                    await self._report_unreadable(error)
                    seconds = next(again)
                    await asyncio.sleep(seconds)
                else:
                    self._report_readable()
                    again = pauses(longest=_LONGEST_PAUSE)
                    await self._watch.wait(seconds)

    async def _scan(self) -> float:
        """Take all that is there; return after how many seconds to look again."""
        if self._unreadable is not None:
            await in_thread(self._folders.restore)
        # Another folder may be mounted or created in the place of the one that was watched.
        identity = await in_thread(self._folders.identity)
        if identity != self._identity or self._unreadable is not None:
            if self._identity is not None or not self._watch.is_open:
                self._follow()
            knows_writers = await in_thread(partial(is_local, self._folders.new))
            self._file_ingest.is_local = self._whole_files.is_local = knows_writers
            self._whole_files.begin(await in_thread(self._folders.waiting))
            await self._ingest_claimed()
            self._identity = identity
        self._misplaced.warn(await in_thread(self._folders.beside))
        while await self._ingest_next():
            pass
        looks = [*self._whole_files.look_after, self._put_away.look_after]
        return min((one for one in looks if one is not None), default=_SCAN_EVERY)

    async def _ingest_next(self) -> bool:
        """Take what comes first; return whether there was anything."""
        return (
            await self._ingest_foreign()
            or await self._late_writes.take(has_others=self._has_others)
            or await self._ingest_accepted()
            or await self._ingest_waiting()
        )

    def _follow(self) -> None:
        try:
            self._watch.follow(self._folders.new, self._folders.accepted, self._folders.root)
        except (OSError, AttributeError) as error:
            self._report(SourceUnwatched(self.name, reason=str(error)))

    async def _ingest_claimed(self) -> None:
        """Finish what was claimed before, oldest first."""
        rows = await self._storage_retry.until_stored(lambda: self._ledger.claims(self.name))
        known = {row.claim: row for row in rows}
        for claim in await in_thread(self._folders.claimed):
            await self._resume(claim, known.pop(claim.id, None))
        # A row whose folder is missing is kept: its disk may not be mounted now.
        for row in known.values():
            reason = f"its folder work/{row.claim} is missing"
            self._report(FileIgnored(self.name, row.name, reason=reason))

    async def _ingest_foreign(self) -> bool:
        """Finish what another daemon claimed that read this before; return whether there was any.

        It may do so still when it has lost the source, for it has not noticed yet: a machine that
        slept, a move that took long.
        """
        if not self._has_others or not await in_thread(self._folders.are_claimed):
            return False
        await self._ingest_claimed()
        return True

    async def _resume(self, claim: Claim, known: ClaimedFile | None) -> None:
        if claim.file is not None:
            await self._file_ingest.ingest(claim, known)
            return
        # Moved away before a crash, or never moved in: in both cases nothing is left to do.
        await self._file_ingest.forget(claim, known)

    async def _ingest_waiting(self) -> bool:
        """Take the files in `new/` that are whole; return whether there were any."""
        waiting = await in_thread(self._folders.waiting)
        self._whole_files.keep(self._folders.new, waiting)
        has_ingested = False
        for name in waiting:
            path = self._folders.new / name
            if self._whole_files.is_left(path):
                continue
            if not await self._whole_files.is_whole(path):
                if self._whole_files.is_in_doubt(name):
                    # It may well be whole: two seconds tell, and files are taken in order.
                    return has_ingested
                continue
            # One let through while others were taken is older than those still waiting.
            has_ingested |= await self._ingest_accepted()
            if not await self._room.is_enough():
                return False
            has_ingested |= await self._ingest_foreign()
            has_ingested |= await self._claim(path, self._folders.claim)
        return has_ingested

    async def _ingest_accepted(self) -> bool:
        """Take the files in `accepted/` that are whole; return whether there were any."""
        names = await in_thread(self._folders.let_through)
        self._whole_files.keep(self._folders.accepted, names)
        has_ingested = False
        for name in names:
            path = self._folders.accepted / name
            if await self._whole_files.is_whole(path) and await self._room.is_enough():
                has_ingested |= await self._claim(path, self._folders.claim_accepted)
        return has_ingested

    async def _claim(self, path: Path, claiming: Callable[[str, str], Claim]) -> bool:
        if self._has_others:
            await self._storage_retry.until_stored(self._ledger.check)
        claim_id = new_id(self._now())
        try:
            claim = await in_thread(partial(claiming, path.name, claim_id))
        except FileNotFoundError:
            # Withdrawn since the scan; a missing folder shows at the next one.
            return False
        except OSError as error:
            if error.errno in _ILLS_OF_THE_DISK:
                raise
            self._whole_files.ignore(path, f"it cannot be moved to work/: {error.strerror}")
            return False
        await self._file_ingest.ingest(claim)
        return True

    async def _report_unreadable(self, error: OSError) -> None:
        if self._unreadable is None:
            self._report(SourceUnreadable(self.name, reason=str(error)))
            with suppress(StorageError, NotHeldError):
                await self._ledger.note_error(self.name, logs.redacted(str(error)), self._now())
        self._unreadable = str(error)

    def _report_readable(self) -> None:
        if self._unreadable is not None:
            self._report(SourceRecovered(self.name))
        self._unreadable = None
