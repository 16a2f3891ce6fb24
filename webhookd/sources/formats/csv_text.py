"""The text of a CSV file, whatever it is written in: as UTF-8, line by line.

Bytes go through in pieces, in constant memory. What cannot be decoded becomes a byte that UTF-8
does not have, so that only the row that holds it is bad.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError

if TYPE_CHECKING:
    from typing import BinaryIO

    from _typeshed import WriteableBuffer

UTF_8: Final = "UTF-8"

_MARKS: Final = (
    (b"\xef\xbb\xbf", UTF_8),
    # Before UTF-16, whose mark it begins with.
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_WITHOUT_MARK: Final = {
    "utf-8": UTF_8,
    "utf-8-sig": UTF_8,
    "utf-16": "utf-16-le",
    "utf-32": "utf-32-le",
}
"""What a file is written in that has no byte order mark; Python refuses UTF-16 without one."""

_LONGEST_MARK: Final = 4
_PIECE: Final = 1 << 16
_SWAPPED: Final = bytes.maketrans(b"\r\n", b"\n\r")
_MOST_CRS: Final = 100
"""Carriage returns before LF that are still the end of one line: programs on Windows write two."""

_BAD: Final = "webhookd.bad"
_LINE_END: Final = re.compile(rb"\n|\r+")


def _bad(error: UnicodeError) -> tuple[str, int]:
    # A lone surrogate: it gets through the encoder below, and UTF-8 does not have it.
    return "\udcff", error.end if isinstance(error, UnicodeDecodeError) else 0


codecs.register_error(_BAD, _bad)


@dataclass(frozen=True, slots=True)
class CsvText:
    """The *stream* of a file's text as UTF-8, each of its lines ending in LF.

    *encoding* is what the file is written in. Where its lines end in CR alone, *is_swapped*: CR
    and LF have changed places in the stream, and `decoded` puts them back.
    """

    stream: io.BufferedReader
    encoding: str
    is_swapped: bool

    def decoded(self, piece: bytes, errors: str = "strict") -> str:
        """Return whole characters of the stream; UnicodeDecodeError for what is none."""
        return (piece.translate(_SWAPPED) if self.is_swapped else piece).decode(errors=errors)


def csv_text(stream: BinaryIO, encoding: str, *, is_header_first: bool = True) -> CsvText:
    """Return the text of *stream*, written in *encoding* unless a byte order mark says otherwise.

    *is_header_first*: line breaks in quotes do not tell how lines end; else quotes mean nothing.
    """
    start = b""
    while len(start) < _LONGEST_MARK and (piece := stream.read(_LONGEST_MARK - len(start))):
        start += piece
    marks = ((mark, name) for mark, name in _MARKS if start.startswith(mark))
    mark, written_in = next(marks, (b"", _name(encoding)))
    if not mark and encoding == "auto" and b"\0" in start:
        raise BrokenFileError(
            "the file is UTF-16 without a byte order mark, or binary; save it as UTF-8, or say"
            " utf-16-le or utf-16-be in the source's csv.encoding",
            1,
            1,
        )
    text = _Utf8Bytes(stream, start[len(mark) :], written_in)
    text.is_swapped = text.ends_in_cr(is_header_first=is_header_first)
    return CsvText(io.BufferedReader(text, _PIECE), written_in, text.is_swapped)


def _name(encoding: str) -> str:
    name = "utf-8" if encoding == "auto" else codecs.lookup(encoding).name
    return _WITHOUT_MARK.get(name, name)


class _Utf8Bytes(io.RawIOBase):
    """What *stream* holds behind its first bytes, *start*, in *encoding*: as UTF-8."""

    def __init__(self, stream: BinaryIO, start: bytes, encoding: str) -> None:
        super().__init__()
        self._stream = cast("io.BufferedReader", stream)
        self._decoder = (
            None if encoding == UTF_8 else codecs.getincrementaldecoder(encoding)(errors=_BAD)
        )
        self._is_over = False
        self._ahead = bytearray(self._to_utf8(start))
        self.is_swapped = False
        """Whether CR and LF change places."""

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer*; 0 at the end."""
        room = memoryview(buffer).cast("B")
        if not self._ahead:
            self._read_on()
        piece = bytes(self._ahead[: len(room)])
        del self._ahead[: len(piece)]
        room[: len(piece)] = piece.translate(_SWAPPED) if self.is_swapped else piece
        return len(piece)

    def ends_in_cr(self, *, is_header_first: bool) -> bool:
        """Return whether the first line ends in CR alone, looking ahead as far as that takes."""
        ahead, place, is_quoted = self._ahead, 0, False
        while len(ahead) <= LONGEST_ROW:
            end = _LINE_END.search(ahead, place)
            until = len(ahead) if end is None else end.start()
            is_quoted ^= is_header_first and ahead.count(b'"', place, until) % 2 == 1
            # Each byte is looked at once, however small the pieces are.
            place = until
            if end is None:
                if not self._read_on():
                    return False
            elif is_quoted:
                place = end.end()
            elif end[0] == b"\n":
                return False
            elif end.end() < len(ahead):
                return ahead[end.end()] != ord("\n")
            elif len(end[0]) > _MOST_CRS or not self._read_on():
                return True
        return False

    def _read_on(self) -> bool:
        """Add the next piece to what is ahead; return whether there was one."""
        while not self._is_over:
            piece = self._stream.read1(_PIECE)
            self._is_over = not piece
            text = self._to_utf8(piece)
            if text:
                self._ahead += text
                return True
        return False

    def _to_utf8(self, piece: bytes) -> bytes:
        if self._decoder is None:
            return piece
        text = self._decoder.decode(piece, final=self._is_over)
        return text.encode(errors="surrogatepass")
