"""Files that were put away, and which of them somebody wrote to after all.

A producer may open a file again that was closed, and write nothing until it has been taken. The
kernel tells of that only while the file has a name in the watched folder, and never who opened it;
so the file itself is watched from before its last comparison until long after it was put away.
Everything runs on the event loop's thread.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.sources.directory.arrivals.inotify import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from webhookd.model import ClaimedFile
    from webhookd.sources.directory.arrivals.inotify import FileWrites, FolderWatch

MOST_WATCHED: Final = 256
"""Files of one source that are watched, the latest ones; each takes a watch of the kernel's."""

_LOOK_AFTER: Final = 0.5


@dataclass(slots=True)
class PutAwayFile:
    """A file that was read and put away at *path*, None when it was deleted.

    *file* says how far it was read, *name* what it was called in `new/`, *size* how long it was.
    *as_known* says that its records were taken as known, *is_written* that it was longer already
    when it was put away. *written_at* is when the latest write was noticed, in monotonic seconds.
    """

    file: ClaimedFile
    name: str
    size: int
    as_known: bool
    writes: FileWrites | None
    is_written: bool
    path: Path | None = None
    is_failed: bool = False
    written_at: float | None = None

    def moved_to(self, path: Path | None, *, is_failed: bool = False) -> None:
        """Note where the file was put: into `done/`, or into `failed/`; None where it is gone."""
        self.path, self.is_failed = path, is_failed


class PutAwayFiles:
    """The latest files that were put away. A file without a watch is not kept."""

    def __init__(self, watch: FolderWatch, monotonic: Callable[[], float], settle: float) -> None:
        self._watch = watch
        self._monotonic = monotonic
        self._settle = settle
        self._kept: deque[PutAwayFile] = deque()

    @property
    def look_after(self) -> float | None:
        """Return after how many seconds to look again; None where nobody writes."""
        return _LOOK_AFTER if any(one.written_at is not None for one in self._kept) else None

    def follow(self, path: Path) -> FileWrites | None:
        """Watch a file that is about to be put away; None where that is impossible."""
        return self._watch.follow_file(path)

    def keep(self, put_away: PutAwayFile) -> None:
        """Remember a file that was put away."""
        if put_away.writes is None and not put_away.is_written:
            return
        if put_away.is_written:
            put_away.written_at = self._monotonic()
        # A file that was taken again has the same watch: only what it is now counts.
        if put_away.writes is not None:
            for one in [one for one in self._kept if one.writes is put_away.writes]:
                self._kept.remove(one)
        self._kept.append(put_away)
        if len(self._kept) > MOST_WATCHED:
            self._forget(self._kept.popleft())

    def written(self) -> PutAwayFile | None:
        """Return a file that was written to and whose writer seems to be done, the oldest first.

        The writer closed it, or nothing was written for as long as `settle`.
        """
        self._watch.catch_up()
        for one in list(self._kept):
            last = Arrival.UNSEEN if one.writes is None else one.writes.last
            if last is not Arrival.UNSEEN and one.writes is not None and one.writes.take_news():
                one.written_at = self._monotonic()
            if one.written_at is None:
                continue
            if last is Arrival.CLOSED or self._monotonic() - one.written_at >= self._settle:
                self._kept.remove(one)
                self._forget(one)
                return one
        return None

    def _forget(self, put_away: PutAwayFile) -> None:
        if put_away.writes is not None:
            self._watch.forget_file(put_away.writes)


@dataclass(frozen=True, slots=True)
class FileLook:
    """How long a file is, and when its content changed last, in nanoseconds since 1970."""

    size: int
    modified: int


def look_of(path: Path | None) -> FileLook | None:
    """Return what the file at *path* looks like; None when there is none."""
    try:
        found = None if path is None else path.lstat()
    except OSError:
        return None
    return None if found is None else FileLook(found.st_size, found.st_mtime_ns)


def size_of(path: Path | None) -> int | None:
    """Return how long the file at *path* is; None when there is none."""
    look = look_of(path)
    return None if look is None else look.size
