"""Rows of a CSV file (RFC 4180): the first line names the properties, every value is text."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from webhookd.definitions import ANY_CSV, CsvSettings
from webhookd.model import BadRow
from webhookd.sources.formats.csv_header import Header, in_our_words, plain, read_header, remedy
from webhookd.sources.formats.csv_quotes import Quotes
from webhookd.sources.formats.csv_text import csv_text
from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError, Row, skip_blank_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from webhookd.sources.formats.csv_text import CsvText

_QUOTE: Final = b'"'
_MARK: Final = "\ufeff"
_NEWLINE: Final = b"\n"
_AROUND: Final = ' \t\u00a0\ufeff\u200b"'
"""What may stand around a name of a column: a byte order mark keeps quotes from being read."""


class _RowTooLongError(Exception):
    """The row in work is longer than allowed."""


class _Lines:
    """The lines that csv.reader asks for, and what the row in work has taken of them."""

    def __init__(self, text: CsvText, number: int) -> None:
        self._text = text
        self._stream = text.stream
        self._pieces: list[bytes] = []
        self.number = number
        self.size = 0
        self.has_ended = False
        self.is_readable = True

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        # The reader goes on with a row inside of quotes alone.
        line = (self._quoted_lines() if self._pieces else b"") or self._piece()
        if not line:
            self.has_ended = True
            raise StopIteration
        self._pieces.append(line)
        self.size += len(line)
        if self.size > LONGEST_ROW + 1:
            raise _RowTooLongError
        try:
            return self._text.decoded(line)
        except UnicodeDecodeError:
            self.is_readable = False
            return self._text.decoded(line, errors="replace")

    def unreadable(self, line: int) -> BadRow:
        """Return what is wrong with a row that is not in the file's encoding."""
        encoding = self._text.encoding
        return BadRow(line, 1, f"the row is not {encoding}{remedy(encoding)}")

    def begin(self) -> int:
        """Start a row; return the number of its first line."""
        self._pieces.clear()
        self.size = 0
        self.is_readable = True
        return self.number + 1

    def skip_blank_lines(self) -> None:
        """Read over empty lines between two rows."""
        self.number += skip_blank_lines(self._stream)

    def skip_row(self, delimiter: str) -> bool:
        """Read over the rest of a row too long; False when the file ends inside quotes."""
        quotes = Quotes(delimiter.encode())
        quotes.follow(b"".join(self._pieces))
        last = self._pieces[-1]
        while quotes.are_open or not last.endswith(_NEWLINE):
            last = self._quoted() if quotes.are_open else self._piece()
            if not last:
                return not quotes.are_open
            quotes.follow(last)
        return True

    def _quoted(self) -> bytes:
        """Read on to the next quote, whatever lines that are; a call for each would take long."""
        ahead = self._stream.peek()
        return self._counted(self._stream.read(ahead.find(_QUOTE) + 1 or len(ahead)))

    def _quoted_lines(self) -> bytes:
        """Read the whole lines in memory that have no quote; there may be none."""
        ahead = self._stream.peek()
        quote = ahead.find(_QUOTE)
        end = ahead.rfind(_NEWLINE, 0, quote if quote >= 0 else len(ahead)) + 1
        return self._counted(self._stream.read(end)) if end else b""

    def _counted(self, piece: bytes) -> bytes:
        self.number += piece.count(_NEWLINE)
        return piece

    def _piece(self) -> bytes:
        piece = self._stream.readline(LONGEST_ROW + 2)
        self.number += piece.endswith(_NEWLINE)
        return piece


def rows(
    stream: BinaryIO,
    id_property: str,
    saw_header: Callable[[Header], None] = lambda _: None,
    saw_repeated_header: Callable[[int], None] = lambda _: None,
    settings: CsvSettings = ANY_CSV,
) -> Iterator[Row | BadRow]:
    """Yield every row of *stream*, in constant memory whatever it holds.

    *saw_header* gets the header before the first row. *saw_repeated_header* gets the number of each
    line that repeats the header, where several files were joined; such a line is no record. The
    *settings* say how the file is written.
    """
    # The module's own limit (128 KiB a field) is below ours; it is the process's, not the reader's.
    csv.field_size_limit(LONGEST_ROW * 2)
    text = csv_text(stream, settings.encoding, is_header_first=not settings.skip_lines)
    header = read_header(text, id_property, settings)
    if header is None:
        return
    saw_header(header)
    lines = _Lines(text, header.lines)
    reader = csv.reader(lines, delimiter=header.delimiter, strict=True)
    while True:
        line = lines.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except _RowTooLongError:
            yield _too_long(lines, header, line)
        except csv.Error as error:
            yield _refused(lines, line, in_our_words(error))
        else:
            if _is_header(header, fields, line):
                saw_repeated_header(line)
            elif header.separator and tuple(map(plain, fields)) == header.separator:
                # It stands before the repeated header of a joined file.
                continue
            elif fields:
                yield _row(lines, header, line, fields)
            else:
                lines.skip_blank_lines()


def _is_header(header: Header, fields: list[str], line: int) -> bool:
    """Return whether a row names the columns; BrokenFileError when it does in another order."""
    id_place = header.id_column - 1
    if len(fields) != len(header.names) or fields[id_place].strip(_AROUND) not in header.known:
        return False
    names = tuple(field.strip(_AROUND) for field in fields)
    if names == header.written:
        return True
    if len(names) > 1 and sorted(names) == sorted(header.written):
        raise BrokenFileError(
            "this line names the columns again, in another order: drop joined files one by one",
            line,
            1,
        )
    return False


def _row(lines: _Lines, header: Header, line: int, fields: list[str]) -> Row | BadRow:
    if not lines.is_readable:
        return lines.unreadable(line)
    names = header.names
    if len(fields) != len(names):
        column = min(len(fields), len(names)) + 1
        reason = f"the row has {len(fields)} fields, the header {len(names)}"
        if any(_MARK in field for field in fields):
            reason += "; it holds a byte order mark: were files joined without a line break?"
        return BadRow(line, column, reason)
    if fields[0].startswith(_MARK):
        # Quotes behind it were not read as such.
        reason = "the row begins with an invisible byte order mark: were several files joined?"
        return BadRow(line, 1, reason)
    members = dict(zip(names, fields, strict=True))
    members.pop("", None)
    return Row(line, header.id_column, lines.size, members)


def _too_long(lines: _Lines, header: Header, line: int) -> BadRow:
    if not lines.skip_row(header.delimiter):
        raise _never_closed(line)
    return BadRow(line, 1, "the row is over 1 MiB")


def _refused(lines: _Lines, line: int, reason: str) -> BadRow:
    if lines.has_ended:
        raise _never_closed(line)
    if not lines.is_readable:
        return lines.unreadable(line)
    return BadRow(line, 1, f"the row is not CSV: {reason}")


def _never_closed(line: int) -> BrokenFileError:
    return BrokenFileError("a quote in the row that starts here is never closed", line, 1)
