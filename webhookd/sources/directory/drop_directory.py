"""The drop directory as a source: notices files in `new/`, claims them, has them taken.

Scanning is the truth: at the start, at every wake-up by the kernel, and every ten seconds.
Files are taken in the order that the source has, small ones together (`small_files`); one still
being written is left, and does not hold up the others. What a person let through comes first: it
waited before.
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

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
from webhookd.sources.directory.looks import Looks
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
    from collections.abc import Callable, Iterable

    from webhookd.definitions import DirectorySource
    from webhookd.model import ClaimedFile
    from webhookd.rules.usage import Used
    from webhookd.sources.directory.arrivals.whole_files import Group
    from webhookd.sources.directory.looks import Aside, Look
    from webhookd.sources.source import FileLedger, Ingest, Report

_ILLS_OF_THE_DISK: Final = frozenset(
    {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE}
)
"""What stops a source; any other refusal to move a file is that file's own."""

Claiming: TypeAlias = "Callable[[Iterable[tuple[str, str]]], list[Claim | OSError]]"

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
        self._room = DiskRoom(settings.name, report, least_free)
        self._looks = Looks(self._folders, least_free, has_others=has_others)
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
        look = await in_thread(self._looks.everything)
        # Another folder may be mounted or created in the place of the one that was watched.
        if look.identity != self._identity or self._unreadable is not None:
            if self._identity is not None or not self._watch.is_open:
                self._follow()
            knows_writers = await in_thread(partial(is_local, self._folders.new))
            self._file_ingest.know_writers(is_local=knows_writers)
            self._whole_files.know_writers(is_local=knows_writers)
            self._whole_files.begin(await in_thread(self._folders.waiting))
            await self._ingest_claimed()
            self._identity = look.identity
            look = await in_thread(self._looks.everything)
        self._misplaced.warn(look.beside)
        while await self._ingest_next(look):
            look = await in_thread(self._looks.everything)
        after = [*self._whole_files.look_after, self._put_away.look_after]
        return min((one for one in after if one is not None), default=_SCAN_EVERY)

    async def _ingest_next(self, look: Look) -> bool:
        """Take what comes first of what there is; return whether there was anything."""
        return (
            await self._ingest_foreign(look.aside)
            or await self._late_writes.take(has_others=self._has_others)
            or await self._ingest_accepted(look.aside)
            or await self._ingest_waiting(look)
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

    async def _ingest_foreign(self, aside: Aside) -> bool:
        """Finish what another daemon claimed that read this before; return whether there was any.

        It may do so still when it has lost the source, for it has not noticed yet: a machine that
        slept, a move that took long.
        """
        if not aside.are_claimed:
            return False
        await self._ingest_claimed()
        return True

    async def _resume(self, claim: Claim, known: ClaimedFile | None) -> None:
        if claim.file is not None:
            await self._file_ingest.ingest(claim, known)
            return
        # Moved away before a crash, or never moved in: in both cases nothing is left to do.
        await self._file_ingest.forget(claim, known)

    async def _ingest_waiting(self, look: Look) -> bool:
        """Take the files in `new/` that are whole; return whether there were any."""
        self._whole_files.keep(self._folders.new, look.waiting)
        paths = (self._folders.new / name for name in look.waiting)
        left = deque(path for path in paths if not self._whole_files.is_left(path))
        has_ingested = False
        while left:
            group = await self._whole_files.next_group(left)
            if not group.paths:
                continue
            aside = look.aside
            if has_ingested:
                # One let through while others were taken is older than those still waiting.
                aside = await in_thread(self._looks.aside)
                await self._ingest_accepted(aside)
            if not self._room.is_enough(aside.space):
                return False
            await self._ingest_foreign(aside)
            has_ingested |= await self._claim(group, self._folders.claim)
        return has_ingested

    async def _ingest_accepted(self, aside: Aside) -> bool:
        """Take the files in `accepted/` that are whole; return whether there were any."""
        self._whole_files.keep(self._folders.accepted, aside.accepted)
        left = deque(self._folders.accepted / name for name in aside.accepted)
        has_ingested = False
        while left:
            group = await self._whole_files.next_group(left)
            if group.paths and self._room.is_enough(aside.space):
                has_ingested |= await self._claim(group, self._folders.claim_accepted)
        return has_ingested

    async def _claim(self, group: Group, claiming: Claiming) -> bool:
        """Claim and take a group; return whether there was any of it."""
        if self._has_others:
            await self._storage_retry.until_stored(self._ledger.check)
        # In the order of their ids they are gone on with after a crash.
        now = self._now()
        ids = sorted(new_id(now) for _ in group.paths)
        wanted = [(path.name, id_) for path, id_ in zip(group.paths, ids, strict=True)]
        found = await in_thread(partial(claiming, wanted))
        claims, ill = [], None
        for path, one in zip(group.paths, found, strict=True):
            if isinstance(one, Claim):
                claims.append(one)
            elif one.errno in _ILLS_OF_THE_DISK:
                ill = one
            elif not isinstance(one, FileNotFoundError):
                self._whole_files.ignore(path, f"it cannot be moved to work/: {one.strerror}")
            # Else it was withdrawn since the scan; a missing folder shows at the next one.
        if group.is_small and claims:
            await self._file_ingest.ingest_small(claims)
        elif claims:
            await self._file_ingest.ingest(claims[0])
        if ill is not None:
            raise ill
        return bool(claims)

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
