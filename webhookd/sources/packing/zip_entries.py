"""Unpacks the one data file of a zip; nothing of it is ever written to disk.

The list of what a zip holds stands at its end, and `zipfile` reads it, from a file that gives no
more than a mebibyte of it. All that is said there is checked again while the entry is unpacked: its
header, its length, its checksum. So nothing that lies about itself costs more than it says.
"""

from __future__ import annotations

import errno
import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from webhookd.errors import printable
from webhookd.sources.formats.rows import BrokenFileError
from webhookd.sources.packing.foreign_files import OFFICE, is_packed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from _typeshed import WriteableBuffer

MARKS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
"""How zips begin: with a file, with nothing in them, and in pieces."""

MOST_UNPACKED: Final = 64 << 30
"""Bytes; a larger file in a zip is not read."""

_MOST_LISTED: Final = 1 << 20
"""Bytes of the list of what is in a zip; one data file needs no more."""

_PACKED: Final = 1 << 14
_UNPACKED: Final = 1 << 16
"""Bytes unpacked at the most before *spend* is called."""

_HEADER: Final = struct.Struct("<4sHHHHHLLLHH")
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_UTF_8: Final = 0x800
_SHOWN: Final = 60
_RULE: Final = (
    "a zip is read when it holds exactly one data file, neither encrypted nor packed again, of 64"
    " GiB at the most"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a zip: its name, where its bytes begin, how they are packed, and what they are."""

    name: str
    start: int
    packed: int
    size: int
    checksum: int
    is_deflated: bool


def data_file(packed: io.BufferedReader) -> Entry:
    """Return the one data file in the zip *packed*; BrokenFileError says why none can be read."""
    listed, listed_at = _listed(packed)
    if office := _office(listed):
        raise BrokenFileError(OFFICE.format(what=office))
    found = [info for info in listed if not _is_aside(info)]
    if len(found) != 1:
        names = ", ".join(_shown(info) for info in found[:3])
        some = f" ({names}{', …' if len(found) > 3 else ''})" if found else ""  # noqa: PLR2004
        raise BrokenFileError(f"{_RULE}; this one holds {len(found) or 'none'}{some}")
    info = found[0]
    if flaw := _flaw(info):
        raise BrokenFileError(f"{_RULE}; {_shown(info)} is {flaw}")
    start = _start(packed, info)
    if start + info.compress_size > listed_at:
        raise _damaged(f"{_shown(info)} goes on where the list of files begins")
    return Entry(
        _name(info),
        start,
        info.compress_size,
        info.file_size,
        info.CRC,
        is_deflated=info.compress_type == ZIP_DEFLATED,
    )


class EntryBytes(io.RawIOBase):
    """The content of *entry*, which is in the zip *packed*.

    *spend* is called with the number of bytes that were unpacked, and may raise. BrokenFileError
    says that the data are cut, damaged, or not what the zip says.
    """

    def __init__(
        self, packed: io.BufferedReader, entry: Entry, spend: Callable[[int], None]
    ) -> None:
        super().__init__()
        packed.seek(entry.start)
        self._packed = packed
        self._entry = entry
        self._spend = spend
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if entry.is_deflated else None
        self._ahead = b""
        self._left = entry.packed
        self._size = 0
        self._checksum = 0

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer*; 0 at the end."""
        room = memoryview(buffer).cast("B")
        while True:
            piece = self._piece(min(len(room), _UNPACKED))
            self._spend(len(piece))
            if piece:
                self._count(piece)
                room[: len(piece)] = piece
                return len(piece)
            if self._is_end():
                self._check_end()
                return 0

    def _piece(self, limit: int) -> bytes:
        if self._inflate is None:
            return self._next(limit)
        if self._inflate.eof:
            return b""
        data = self._ahead or self._next(_PACKED)
        try:
            piece = self._inflate.decompress(data, limit)
        except zlib.error as error:
            raise _damaged(str(error)) from None
        self._ahead = self._inflate.unconsumed_tail
        if not (data or piece):
            raise _damaged("the end of the packed data is missing")
        return piece

    def _next(self, limit: int) -> bytes:
        data = self._packed.read1(min(limit, self._left)) if self._left else b""
        if self._left and not data:
            raise _damaged("the file ends before the packed data do")
        self._left -= len(data)
        return data

    def _count(self, piece: bytes) -> None:
        self._size += len(piece)
        self._checksum = zlib.crc32(piece, self._checksum)
        if self._size > self._entry.size:
            raise _damaged(f"more comes out of it than the {self._entry.size} bytes it tells")

    def _is_end(self) -> bool:
        return self._left == 0 if self._inflate is None else self._inflate.eof

    def _check_end(self) -> None:
        if self._left or (self._inflate is not None and self._inflate.unused_data):
            raise _damaged("the packed data end before their length")
        if self._size != self._entry.size:
            raise _damaged(f"{self._size} bytes come out of it, and it tells {self._entry.size}")
        if self._checksum != self._entry.checksum:
            raise _damaged("the checksum of what comes out of it is another")


class _Bounded(io.RawIOBase):
    """The zip as `zipfile` may see it: never more than the bound in one piece."""

    def __init__(self, packed: io.BufferedReader) -> None:
        super().__init__()
        self._packed = packed

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def seekable(self) -> bool:
        """Return that any place can be read."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        return self._packed.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._packed.tell()

    def read(self, size: int = -1, /) -> bytes:
        """Return *size* bytes, or what is left."""
        if size > _MOST_LISTED:
            raise BadZipFile("the list of files is over 1 MiB")
        found = self._packed.read(_MOST_LISTED + 1 if size < 0 else size)
        if len(found) > _MOST_LISTED:
            raise BadZipFile("the list of files is over 1 MiB")
        return found


def _listed(packed: io.BufferedReader) -> tuple[Sequence[ZipInfo], int]:
    """Return what the zip holds, and where the list of it begins."""
    try:
        with ZipFile(_Bounded(packed)) as found:
            return found.infolist(), found.start_dir
    except UnicodeDecodeError:
        raise _damaged("the name of a file in it is not UTF-8, and should be") from None
    except (BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError) as error:
        raise _damaged(str(error)) from None
    except OSError as error:
        if error.errno not in {None, errno.EINVAL}:
            raise
        raise _damaged("its list of files is nowhere") from None


def _office(listed: Sequence[ZipInfo]) -> str | None:
    names = {info.filename for info in listed}
    if "[Content_Types].xml" in names:
        return "an Office file (xlsx or the like)"
    if "mimetype" in names and "META-INF/manifest.xml" in names:
        return "an OpenDocument file (ods or the like)"
    return None


def _is_aside(info: ZipInfo) -> bool:
    """Return whether this is a folder, or what macOS and others put beside the data."""
    parts = [part for part in _parts(info) if part not in {".", ".."}]
    if info.orig_filename.endswith(("/", "\\")):
        return True
    return any(part.startswith(".") for part in parts) or "__MACOSX" in parts[:1]


def _parts(info: ZipInfo) -> list[str]:
    return [part for part in info.orig_filename.replace("\\", "/").split("/") if part]


def _name(info: ZipInfo) -> str:
    return (_parts(info) or [""])[-1]


def _shown(info: ZipInfo) -> str:
    name = printable(info.orig_filename)
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def _flaw(info: ZipInfo) -> str | None:
    """Return what is wrong with the one data file, None when it can be read."""
    is_stored = info.compress_type == ZIP_STORED
    flaws = (
        (info.flag_bits & _ENCRYPTED, "encrypted"),
        (not is_stored and info.compress_type != ZIP_DEFLATED, "packed in another way"),
        (is_packed(info.orig_filename), "packed again"),
        ("\0" in info.orig_filename, "named with a NUL"),
        (info.file_size > MOST_UNPACKED, f"of {info.file_size} bytes"),
        (is_stored and info.file_size != info.compress_size, "of two lengths"),
    )
    return next((flaw for is_so, flaw in flaws if is_so), None)


def _start(packed: io.BufferedReader, info: ZipInfo) -> int:
    """Return where the bytes of a file begin: behind a header that says what the list says."""
    try:
        packed.seek(info.header_offset)
    except (OSError, ValueError):
        raise _damaged(f"{_shown(info)} is nowhere") from None
    header = packed.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(MARKS[0]):
        raise _damaged(f"{_shown(info)} is not where the list of files says")
    _, _, flags, method, _, _, _, _, _, name_length, extra_length = _HEADER.unpack(header)
    name = packed.read(name_length).decode("utf-8" if flags & _UTF_8 else "cp437", "replace")
    is_same = name == info.orig_filename and method == info.compress_type
    if not is_same or flags & _ENCRYPTED:
        raise _damaged(f"{_shown(info)} is another file than the list of files says")
    return int(info.header_offset + _HEADER.size + name_length + extra_length)


def _damaged(why: str) -> BrokenFileError:
    return BrokenFileError(f"the zip is cut or damaged: {why}")
