"""The bytes of a claimed file: opened safely, unpacked, and read to an end that is one.

Rules for the end of a file, where nothing more can be read at the moment:

1. While somebody has it open for writing, it goes on.
2. Where that cannot be known, it ends when it is as it was when it was opened, or has stood still
   for as long as the source's `settle`.
3. What the file looked like at its end is kept (`Gauge.seen`), so that it can be compared later.

What is in a zip is told at its end: there these rules are kept before anything of it is read.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from webhookd.sources.directory.arrivals.completeness import Writer, writer_of
from webhookd.sources.formats.rows import BrokenFileError
from webhookd.sources.packing import foreign_files, zip_entries
from webhookd.sources.packing.gzip_members import UnpackedBytes

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

MOST_WITHOUT_A_ROW: Final = 64 << 20
"""Bytes in which no row ends, after which a file is not read on."""

_BUFFER: Final = 1 << 17
_UNPACKED_BUFFER: Final = 1 << 16
_LOOK_EVERY: Final = 0.1
_GZIP: Final = b"\x1f\x8b"
_KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)


class ReadingStoppedError(Exception):
    """The source stops; nobody waits for what was being read."""


@dataclass(slots=True)
class Gauge:
    """How many bytes of a file were read, packed as they are, and how many there are.

    *without_row* counts the bytes since the last row, *seen* is size and time of the last change
    as they were where reading ended, or began.
    """

    read: int = 0
    size: int = 0
    without_row: int = 0
    seen: tuple[int, int] = (0, 0)

    def met_row(self) -> None:
        """Note that a row ends here."""
        self.without_row = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: until *stopping*, with its *gauge*.

    One that may grow stands still for *settle* seconds at its end; None: it does not grow.
    *is_local* says that leases tell of all writers.
    """

    stopping: threading.Event
    monotonic: Callable[[], float]
    gauge: Gauge = field(default_factory=Gauge)
    settle: float | None = None
    is_local: bool = False

    def spend(self, count: int) -> None:
        """Account for *count* bytes; raise when reading is to stop, or when no row ever ends."""
        if self.stopping.is_set():
            raise ReadingStoppedError
        self.gauge.without_row += count
        if self.gauge.without_row > MOST_WITHOUT_A_ROW:
            raise BrokenFileError("there is no row in 64 MiB of it; the rest was not read")


class _ClaimedBytes(io.RawIOBase):
    """The bytes of an open file."""

    def __init__(self, descriptor: int, reading: Reading) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._reading = reading
        self._still = reading.gauge.seen = self._look()

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer*; 0 at the end."""
        gauge = self._reading.gauge
        while True:
            self._reading.spend(0)
            seen = self._look()
            count = os.readv(self._descriptor, [buffer])
            if count:
                gauge.read += count
                self._reading.spend(count)
                return count
            if self._is_end(seen):
                gauge.seen = seen
                return 0

    def seekable(self) -> bool:
        """Return that any place can be read."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place; what is behind it counts as read."""
        self._reading.gauge.read = os.lseek(self._descriptor, offset, whence)
        return self._reading.gauge.read

    def wait_for_end(self) -> None:
        """Wait until the file ends where it is now."""
        while True:
            self._reading.spend(0)
            seen = self._look()
            if self._is_end(seen):
                self._reading.gauge.seen = seen
                return

    def close(self) -> None:
        """Close the file, once."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _look(self) -> tuple[int, int]:
        found = os.fstat(self._descriptor)
        self._reading.gauge.size = found.st_size
        return found.st_size, found.st_mtime_ns

    def _is_end(self, seen: tuple[int, int]) -> bool:
        """Return whether a file that had nothing more to read when it was *seen* so ends there."""
        settle = self._reading.settle
        if settle is None:
            return True
        writer = writer_of(self._descriptor) if self._reading.is_local else Writer.UNKNOWN
        if writer is Writer.SURELY:
            self._reading.stopping.wait(_LOOK_EVERY)
            return False
        if self._look() != seen:
            return False
        if writer is Writer.SURELY_NOT or seen == self._still:
            return True
        self._wait_until_still(settle)
        return False

    def _wait_until_still(self, settle: float) -> None:
        monotonic, stopping = self._reading.monotonic, self._reading.stopping
        since, self._still = monotonic(), self._look()
        while monotonic() - since < settle and not stopping.wait(_LOOK_EVERY):
            now = self._look()
            if now != self._still:
                self._still, since = now, monotonic()


class OpenedFile(NamedTuple):
    """The content of a file, unpacked, and the name that tells its format."""

    content: BinaryIO
    name: str


@contextmanager
def open_claimed(path: Path, reading: Reading) -> Iterator[OpenedFile]:
    """Open a claimed file for reading, unpacked."""
    raw = _ClaimedBytes(_open_regular(path), reading)
    with io.BufferedReader(raw, _BUFFER) as plain:
        start, name = plain.peek(8), path.name.lower()
        if name.endswith(".gz") or start.startswith(_GZIP):
            unpacked: io.RawIOBase = UnpackedBytes(cast("io.BufferedReader", plain), reading.spend)
            inner = path.name
        elif name.endswith(".zip") or start.startswith(zip_entries.MARKS):
            raw.wait_for_end()
            entry = zip_entries.data_file(cast("io.BufferedReader", plain))
            unpacked = zip_entries.EntryBytes(
                cast("io.BufferedReader", plain), entry, reading.spend
            )
            inner = entry.name
        else:
            foreign_files.refuse(start)
            yield OpenedFile(plain, path.name)
            return
        with io.BufferedReader(unpacked, _UNPACKED_BUFFER) as content:
            foreign_files.refuse_again(content.peek(8))
            yield OpenedFile(content, inner)


def _open_regular(path: Path) -> int:
    """Return a descriptor; nothing but a regular file is ever opened, or followed."""
    _check_kind(path.lstat().st_mode)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        # Between the look and the opening somebody may have put another thing there.
        _check_kind(os.fstat(descriptor).st_mode)
    except BrokenFileError:
        os.close(descriptor)
        raise
    return descriptor


def _check_kind(mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a device")
    raise BrokenFileError(f"this is {kind}; only regular files are read")
