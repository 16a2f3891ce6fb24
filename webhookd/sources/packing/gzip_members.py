"""Unpacks gzip, member by member, so that whoever reads can be stopped at any time.

`gzip.GzipFile` goes on inside one call for as long as nothing comes out of what it reads, and does
not say where a member begins: files that were packed one by one and joined have a byte order mark
at each of these places.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

BOM: Final = b"\xef\xbb\xbf"

_PACKED: Final = 1 << 14
"""Bytes read at once; what is left of them is copied at the end of each member."""

_UNPACKED: Final = 1 << 16
"""Bytes unpacked at the most before *spend* is called."""

_WITH_GZIP_HEADER: Final = 31


class UnpackedBytes(io.RawIOBase):
    """The content of all gzip members in *packed*, without a byte order mark before each.

    *spend* is called with the number of bytes that were unpacked, and may raise. EOFError and
    zlib.error say that the data are cut or damaged.
    """

    def __init__(self, packed: io.BufferedReader, spend: Callable[[int], None]) -> None:
        super().__init__()
        self._packed = packed
        self._spend = spend
        self._ahead = b""
        self._member: zlib._Decompress | None = None
        self._head: bytes | None = None
        self._is_first = True

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer*; 0 at the end."""
        room = memoryview(buffer).cast("B")
        limit = max(1, min(len(room), _UNPACKED) - len(BOM))
        while True:
            if self._member is None and not self._begin_member():
                return 0
            piece = self._behind_mark(self._piece(limit))
            self._spend(len(piece))
            if piece:
                room[: len(piece)] = piece
                return len(piece)

    def _begin_member(self) -> bool:
        """Return whether another member follows; zeros that pad the end are none."""
        while True:
            self._ahead = self._ahead or self._packed.read1(_PACKED)
            if not self._ahead:
                return False
            if not self._is_first:
                self._ahead = self._ahead.lstrip(b"\0")
            self._spend(0)
            if self._ahead:
                break
        self._member, self._head, self._is_first = zlib.decompressobj(_WITH_GZIP_HEADER), b"", False
        return True

    def _piece(self, limit: int) -> bytes:
        member = self._member or zlib.decompressobj(_WITH_GZIP_HEADER)
        data = self._ahead or self._packed.read1(_PACKED)
        piece = member.decompress(data, limit)
        self._ahead = member.unconsumed_tail
        if member.eof:
            self._ahead, self._member = member.unused_data, None
        elif not (data or piece):
            raise EOFError("the end of the packed data is missing")
        return piece

    def _behind_mark(self, piece: bytes) -> bytes:
        if self._head is None:
            return piece
        self._head += piece
        if self._member and len(self._head) < len(BOM) and BOM.startswith(self._head):
            return b""
        piece, self._head = self._head.removeprefix(BOM), None
        return piece
