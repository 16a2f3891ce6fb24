"""Watch a folder through the kernel (inotify(7)): a wake-up, and how each file came to be there.

A file that was moved in is finished; one that was created or written in place is being written
until its writer, of whichever user, closes it. ADR 0004 says why neither watchfiles nor
asyncinotify nor inotify-simple does this.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MODIFY: Final = 0x2
_CLOSE_WRITE: Final = 0x8
_CLOSE_NOWRITE: Final = 0x10
_OPEN: Final = 0x20
_MOVED_FROM: Final = 0x40
_MOVED_TO: Final = 0x80
_CREATE: Final = 0x100
_DELETE: Final = 0x200
_OVERFLOW: Final = 0x4000
_IGNORED: Final = 0x8000
_ONLY_A_FOLDER: Final = 0x1000000
_WATCHED: Final = _MODIFY | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_OPENINGS: Final = _OPEN | _CLOSE_NOWRITE

_EVENT: Final = struct.Struct("iIII")
_BUFFER: Final = 1 << 16


class Arrival(Enum):
    """What was seen last of a file in a watched folder."""

    UNSEEN = 1
    MOVED_IN = 2
    CREATED = 3
    """A name came, by opening a new file or by a link, and no write was seen since."""
    WRITTEN = 4
    CLOSED = 5
    """Somebody who could write to it closed it, and no write was seen since."""


@dataclass(slots=True)
class FileWrites:
    """What was seen last of a file that is watched itself, wherever it is moved.

    *last* is UNSEEN, WRITTEN, or CLOSED after a write. *is_news* says that there was a write that
    nobody has taken note of.
    """

    number: int
    last: Arrival = Arrival.UNSEEN
    is_news: bool = False

    def take_news(self) -> bool:
        """Return whether there was a write since this was asked last."""
        is_news, self.is_news = self.is_news, False
        return is_news


class FolderWatch:
    """Wakes a waiter when something happens in a folder, and knows how names came to be there.

    A watch may miss events (the kernel's queue overflows, network filesystems report none), so
    the truth is what a scan of the folder finds. Everything runs on the event loop's thread.
    """

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._news = asyncio.Event()
        self._arrivals: dict[bytes, Arrival] = {}
        self._openings: dict[bytes, int] = {}
        self._folder = 0
        self._files: dict[int, FileWrites] = {}

    @property
    def is_open(self) -> bool:
        """Return whether a folder is watched."""
        return self._descriptor is not None

    def follow(self, folder: Path, *others: Path) -> None:
        """Watch *folder* from now on; raise OSError when the kernel refuses.

        Events in *others* wake the waiter, too.
        """
        self.close()
        self._descriptor, self._folder = _watch(folder, others)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def close(self) -> None:
        """Watch nothing."""
        self._arrivals.clear()
        self._openings.clear()
        self._files.clear()
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def catch_up(self) -> None:
        """Read what the kernel has noticed until now."""
        self._read()

    def is_opened(self, name: str) -> bool:
        """Return whether somebody seems to have *name* open, to read or to write it.

        That is as it was when `catch_up` was called. The kernel makes one event of two that are
        alike, so that this may be wrong both ways.
        """
        return os.fsencode(name) in self._openings

    def follow_file(self, path: Path) -> FileWrites | None:
        """Watch the file at *path* as well, until it is forgotten; None when the kernel refuses."""
        if self._descriptor is None:
            return None
        # What happened before would else count as written since.
        self._read()
        number = _add(self._descriptor, path, _MODIFY | _CLOSE_WRITE)
        if number < 0:
            return None
        return self._files.setdefault(number, FileWrites(number))

    def forget_file(self, writes: FileWrites) -> None:
        """Watch a file no longer."""
        if self._descriptor is not None and self._files.get(writes.number) is writes:
            del self._files[writes.number]
            _library().inotify_rm_watch(self._descriptor, writes.number)

    async def wait(self, seconds: float) -> None:
        """Wait until something happened since the last wait, at most *seconds*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        self._news.clear()

    def arrival(self, name: str) -> Arrival:
        """Return what was seen last of *name* before `catch_up` was called."""
        return self._arrivals.get(os.fsencode(name), Arrival.UNSEEN)

    def _read(self) -> None:
        while (data := self._next()) is not None:
            for number, mask, name in _events(data):
                if number in self._files:
                    self._note_file(self._files[number], mask)
                else:
                    self._note(mask, name, is_followed=number == self._folder)

    def _next(self) -> bytes | None:
        if self._descriptor is None:
            return None
        try:
            return os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            return None

    def _note(self, mask: int, name: bytes, *, is_followed: bool) -> None:
        if mask & _OVERFLOW:
            self._arrivals.clear()
            self._openings.clear()
            # Any of them may have been written to: its size tells.
            for file in self._files.values():
                file.last, file.is_news = Arrival.CLOSED, True
        elif not is_followed:
            pass
        elif mask & (_DELETE | _MOVED_FROM):
            self._arrivals.pop(name, None)
            self._openings.pop(name, None)
            # Mostly our own claims: there is less to take than before, which wakes nobody.
            return
        elif mask & _OPENINGS:
            self._count_opening(name, 1 if mask & _OPEN else -1)
            # Our own looks open files, too: this wakes nobody.
            return
        else:
            if mask & (_MOVED_TO | _CREATE):
                # Whatever had the name before.
                self._openings.pop(name, None)
            elif mask & _CLOSE_WRITE:
                self._count_opening(name, -1)
            found = next((one for bit, one in _ARRIVALS if mask & bit), Arrival.UNSEEN)
            self._arrivals[name] = found
        # A file being written in place changes all the time: only its end wakes the waiter.
        if mask & ~_MODIFY:
            self._news.set()

    def _count_opening(self, name: bytes, more: int) -> None:
        count = self._openings.pop(name, 0) + more
        if name and count > 0:
            self._openings[name] = count

    def _note_file(self, file: FileWrites, mask: int) -> None:
        if mask & _IGNORED:
            self._files.pop(file.number, None)
        elif mask & _MODIFY:
            if file.last is not Arrival.WRITTEN:
                self._news.set()
            file.last, file.is_news = Arrival.WRITTEN, True
        elif file.last is Arrival.WRITTEN:
            file.last = Arrival.CLOSED
            self._news.set()


_ARRIVALS: Final = (
    (_MOVED_TO, Arrival.MOVED_IN),
    (_CREATE, Arrival.CREATED),
    (_MODIFY, Arrival.WRITTEN),
    (_CLOSE_WRITE, Arrival.CLOSED),
)


def _watch(folder: Path, others: Iterable[Path]) -> tuple[int, int]:
    """Return the descriptor to read from, and the watch number of events in *folder*."""
    descriptor: int = _library().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        raise _refused(folder)
    numbers = []
    for path in (folder, *others):
        mask = _WATCHED | _ONLY_A_FOLDER | (_OPENINGS if path is folder else 0)
        numbers.append(_add(descriptor, path, mask))
        if numbers[-1] < 0:
            error = _refused(path)
            os.close(descriptor)
            raise error
    return descriptor, numbers[0]


def _add(descriptor: int, path: Path, mask: int) -> int:
    """Return the number of the watch; negative when it is refused."""
    add = _library().inotify_add_watch
    return int(add(descriptor, os.fsencode(path), ctypes.c_uint32(mask)))


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _refused(folder: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(folder))


def _events(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Unpack *data*, read from the descriptor, into watch number, mask and name."""
    place = 0
    while place < len(data):
        folder, mask, _, length = _EVENT.unpack_from(data, place)
        place += _EVENT.size
        yield folder, mask, data[place : place + length].rstrip(b"\0")
        place += length
