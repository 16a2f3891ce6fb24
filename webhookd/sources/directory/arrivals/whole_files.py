"""Which of the files in `new/` and `accepted/` can be taken, and which are left, and why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from webhookd.sources.directory.arrivals.completeness import signs_of
from webhookd.sources.directory.arrivals.inotify import Arrival
from webhookd.sources.directory.arrivals.waiting_files import WaitingFiles
from webhookd.sources.directory.names import printable, why_ignored
from webhookd.sources.threads import in_thread
from webhookd.telemetry.events import FileGrowing, FileIgnored

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from webhookd.clock import Clock
    from webhookd.definitions import DirectorySource
    from webhookd.sources.directory.arrivals.inotify import FolderWatch
    from webhookd.sources.directory.folders import Folders
    from webhookd.sources.source import Report


class WholeFiles:
    """Looks at the files of one drop directory, and says once what is the matter with each.

    *is_local* says that leases tell of all writers.
    """

    def __init__(
        self,
        settings: DirectorySource,
        folders: Folders,
        watch: FolderWatch,
        report: Report,
        clock: Clock,
    ) -> None:
        settle = settings.settle.total_seconds()
        self._settings = settings
        self._new = folders.new
        self._watch = watch
        self._report = report
        self._now = clock.now
        self._waiting = WaitingFiles(clock.monotonic, settle)
        self._accepted = WaitingFiles(clock.monotonic, settle)
        self._are_before_watch: frozenset[str] = frozenset()
        self.is_local = False

    @property
    def look_after(self) -> list[float | None]:
        """Return after how many seconds to look again into each folder."""
        return [self._waiting.look_after, self._accepted.look_after]

    def begin(self, before_watch: Iterable[str]) -> None:
        """Note the names that are in `new/` since before it is watched."""
        self._are_before_watch = frozenset(before_watch)

    def keep(self, folder: Path, names: Iterable[str]) -> None:
        """Forget all files in *folder* but *names*."""
        self._of(folder).keep(names)

    def is_left(self, path: Path) -> bool:
        """Return whether a file is left alone for its name."""
        why = why_ignored(path.name, self._settings.ignore)
        if why is not None:
            self.ignore(path, why)
        return why is not None

    def ignore(self, path: Path, reason: str) -> None:
        """Say once that the file is left where it is."""
        if self._of(path.parent).is_newly_ignored(path.name):
            self._report(FileIgnored(self._settings.name, printable(path.name), reason=reason))

    def is_in_doubt(self, name: str) -> bool:
        """Return whether a file in `new/` is waited for, but was never seen to be written."""
        return self._waiting.is_in_doubt(name)

    async def is_whole(self, path: Path) -> bool:
        """Return whether the file can be taken now; if not, it is waited for."""
        # Heard of before our own look: the kernel would make one of two openings in a row.
        self._watch.is_opened(path.name)
        try:
            seen = await in_thread(partial(signs_of, path, is_local=self.is_local))
        except FileNotFoundError:
            return False
        name, now = path.name, int(self._now().timestamp() * 1e9)
        arrival, was_there, is_opened = Arrival.UNSEEN, True, False
        if path.parent == self._new:
            arrival = self._watch.arrival(name)
            was_there = name in self._are_before_watch
            is_opened = self._watch.is_opened(name)
        waiting = self._of(path.parent)
        if waiting.is_whole(name, seen, arrival, was_there=was_there, is_opened=is_opened, now=now):
            return True
        if waiting.is_first_warning(name):
            self._report(FileGrowing(self._settings.name, printable(name)))
        return False

    def _of(self, folder: Path) -> WaitingFiles:
        return self._waiting if folder == self._new else self._accepted
