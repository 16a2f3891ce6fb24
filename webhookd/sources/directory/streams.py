"""The bytes of a claimed file: opened safely, unpacked, and read to an end that stands still."""

from __future__ import annotations

import gzip
import io
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from webhookd.sources.directory.completeness import STILL_AFTER
from webhookd.sources.formats.rows import BrokenFileError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

_BUFFER: Final = 1 << 17
_LOOK_EVERY: Final = 0.1
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
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
    """How many bytes of a file were read, packed as they are, and how many there are."""

    read: int = 0
    size: int = 0


class _ClaimedBytes(io.RawIOBase):
    """The bytes of an open file. One that grew since it was opened ends when it stands still."""

    def __init__(
        self,
        descriptor: int,
        stopping: threading.Event,
        monotonic: Callable[[], float],
        gauge: Gauge,
    ) -> None:
        super().__init__()
        self._gauge = gauge
        self._descriptor = descriptor
        self._stopping = stopping
        self._monotonic = monotonic
        self._seen = self._look()

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer*; 0 at the end."""
        while True:
            if self._stopping.is_set():
                raise ReadingStoppedError
            count = os.readv(self._descriptor, [buffer])
            if count or self._look() == self._seen:
                self._gauge.read += count
                return count
            self._wait_until_still()

    def close(self) -> None:
        """Close the file, once."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _look(self) -> tuple[int, int]:
        found = os.fstat(self._descriptor)
        self._gauge.size = found.st_size
        return found.st_size, found.st_mtime_ns

    def _wait_until_still(self) -> None:
        since = self._monotonic()
        while self._monotonic() - since < STILL_AFTER and not self._stopping.wait(_LOOK_EVERY):
            now = self._look()
            if now != self._seen:
                self._seen, since = now, self._monotonic()


@contextmanager
def open_claimed(
    path: Path,
    stopping: threading.Event,
    monotonic: Callable[[], float],
    gauge: Gauge | None = None,
) -> Iterator[BinaryIO]:
    """Open a claimed file for reading, unpacked and behind its byte order mark."""
    descriptor = _open_regular(path)
    plain: io.BufferedReader = io.BufferedReader(
        _ClaimedBytes(descriptor, stopping, monotonic, gauge or Gauge()), _BUFFER
    )
    with plain:
        if path.name.lower().endswith(".gz") or plain.peek(2)[:2] == _GZIP:
            with gzip.GzipFile(fileobj=plain, mode="rb") as unpacked:
                yield _behind_mark(cast("io.BufferedReader", unpacked))
        else:
            yield _behind_mark(plain)


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


def _behind_mark(stream: io.BufferedReader) -> BinaryIO:
    start = stream.peek(4)[:4]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        raise BrokenFileError("the file is UTF-16 or binary; save it as UTF-8", 1, 1)
    if start.startswith(_BOM):
        stream.read(len(_BOM))
    return stream
