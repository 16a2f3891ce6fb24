"""Which of the files in `new/` and `accepted/` can be taken, and which are left, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from webhookd.sources.directory.arrivals.completeness import signs_of
from webhookd.sources.directory.arrivals.inotify import Arrival
from webhookd.sources.directory.arrivals.waiting_files import WaitingFiles
from webhookd.sources.directory.names import printable, why_ignored
from webhookd.sources.directory.small_files import MOST_BYTES, MOST_FILES, SMALL
from webhookd.sources.threads import in_thread
from webhookd.telemetry.events import FileGrowing, FileIgnored

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable
    from pathlib import Path

    from webhookd.clock import Clock
    from webhookd.definitions import DirectorySource
    from webhookd.sources.directory.arrivals.completeness import FileSigns
    from webhookd.sources.directory.arrivals.inotify import FolderWatch
    from webhookd.sources.directory.folders import Folders
    from webhookd.sources.source import Report


@dataclass(slots=True)
class Group:
    """Files that can be taken together, in their order: small ones of records, or one file."""

    paths: list[Path] = field(default_factory=list)
    size: int = 0
    is_small: bool = False

    def add(self, path: Path, size: int, *, is_small: bool) -> None:
        """Add a file of *size* bytes."""
        self.paths.append(path)
        self.size += size
        self.is_small = is_small


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
        self._is_local = False

    def know_writers(self, *, is_local: bool) -> None:
        """Note whether leases show every writer of the folder that is there now."""
        self._is_local = is_local

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

    async def next_group(self, left: deque[Path]) -> Group:
        """Return files that can be taken now, and take from *left* what was looked at for that.

        They are the first of *left* that are whole: small ones that may be taken together, or one
        that is not small. None is left where one may well be whole: a moment tells, and files are
        taken in their order.
        """
        group = Group()
        # Heard of before our own looks: the kernel would make one of two openings in a row.
        self._watch.catch_up()
        first = list(islice(left, MOST_FILES))
        signs = await in_thread(partial(_signs_of_all, first, is_local=self._is_local))
        # Every write before those is in the kernel's queue by now.
        self._watch.catch_up()
        for path, seen in zip(first, signs, strict=True):
            if seen is None:
                left.popleft()
                continue
            is_small = self._settings.content == "records" and seen.size <= SMALL
            if group.paths and (not is_small or group.size + seen.size > MOST_BYTES):
                break
            left.popleft()
            if self._is_whole(path, seen):
                group.add(path, seen.size, is_small=is_small)
            elif path.parent == self._new and self._waiting.is_in_doubt(path.name):
                left.clear()
                break
            if group.paths and not is_small:
                break
        return group

    def _is_whole(self, path: Path, seen: FileSigns) -> bool:
        """Return whether the file that was *seen* so can be taken; if not, it is waited for."""
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


def _signs_of_all(paths: Iterable[Path], *, is_local: bool) -> list[FileSigns | None]:
    """Look at files, on a thread; None for one that is gone."""
    found: list[FileSigns | None] = []
    for path in paths:
        try:
            found.append(signs_of(path, is_local=is_local))
        except FileNotFoundError:
            found.append(None)
    return found
