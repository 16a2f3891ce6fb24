"""The header of a CSV file: it names the properties and shows the delimiter."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from webhookd.definitions import ANY_CSV, CsvSettings
from webhookd.sources.formats.csv_text import UTF_8
from webhookd.sources.formats.rows import BLANK, LONGEST_ROW, BrokenFileError, skip_blank_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.rules.usage import Used
    from webhookd.sources.formats.csv_text import CsvText

_INVISIBLE: Final = "\ufeff\u200b"

_DELIMITERS: Final = (",", ";", "\t", "|")
_SEPARATOR: Final = re.compile(r'"?sep=([^"\r\n])"?[,;\t|]*\s*', re.IGNORECASE)
_SHOWN: Final = 300


@dataclass(frozen=True)
class Header:
    """The names of the columns, the place of the id among them (from 1), and how many lines.

    *written* are the names as they stand there, without blanks around them. *names* are those of
    properties: empty where there is none, and for each column of a name that several have.
    *separator* is the line that told the delimiter, taken apart; empty where none did.
    """

    written: tuple[str, ...]
    delimiter: str
    id_column: int
    lines: int
    separator: tuple[str, ...] = ()

    @cached_property
    def repeated(self) -> Mapping[str, tuple[int, ...]]:
        """Return the places (from 1) of the columns of each name that several have."""
        places: dict[str, list[int]] = {}
        for place, name in enumerate(self.written, start=1):
            if name:
                places.setdefault(name, []).append(place)
        return {name: tuple(where) for name, where in places.items() if len(where) > 1}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the name of each column's property, empty where it has none."""
        return tuple("" if name in self.repeated else name for name in self.written)

    @cached_property
    def known(self) -> frozenset[str]:
        """Return the names as written, whether or not they are properties, for looking up."""
        return frozenset(self.written)

    def check_repeated(self, used: Used) -> None:
        """Raise a BrokenFileError when several columns have the name of a property that is *used*.

        Nobody could say which of them is meant.
        """
        for name, (first, second, *_) in self.repeated.items():
            webhook = used.needed_by(name)
            if webhook is not None:
                raise BrokenFileError(
                    f"the header names {name[:_SHOWN]!r} twice (columns {first} and {second}), and"
                    f" the webhook {webhook} needs it",
                    self.lines,
                    second,
                )

    @property
    def unnamed(self) -> tuple[int, ...]:
        """Return the places of the columns without a name, from 1."""
        return tuple(place for place, name in enumerate(self.written, start=1) if not name)


class _Lines:
    """The lines up to the header's end, and the *number* of the last that was read."""

    def __init__(self, text: CsvText) -> None:
        self._text = text
        self.number = 0

    def next(self) -> str:
        """Return the next line, empty at the end."""
        line = self._line()
        try:
            return self._text.decoded(line)
        except UnicodeDecodeError as error:
            encoding = self._text.encoding
            reason = f"the header is not {encoding}{remedy(encoding)}"
            raise BrokenFileError(reason, self.number, error.start + 1) from None

    def next_of_any(self) -> str:
        """Return the next line, whatever is wrong with it; empty at the end."""
        return self._text.decoded(self._line(), errors="replace")

    def next_filled(self) -> str:
        """Return the next line that is not blank, empty at the end."""
        while line := self.next():
            if line.strip():
                break
            self.number += skip_blank_lines(self._text.stream, BLANK)
        return line

    def _line(self) -> bytes:
        line = self._text.stream.readline(LONGEST_ROW + 1)
        self.number += bool(line)
        if len(line) > LONGEST_ROW:
            raise BrokenFileError("the header is over 1 MiB", self.number, 1)
        return line


def remedy(encoding: str) -> str:
    """Return what to do when a file is not in *encoding*, nothing where it was named."""
    if encoding != UTF_8:
        return ""
    return "; save the file as UTF-8, or say what it is in the source's csv.encoding"


def read_header(text: CsvText, id_property: str, settings: CsvSettings = ANY_CSV) -> Header | None:
    """Read the header; None when the file holds nothing.

    The delimiter is what the *settings* or a line like `sep=;` say, or the one that makes the id a
    column; between several, the one that makes the most columns.
    """
    lines = _Lines(text)
    separator = _skip(lines, settings.skip_lines)
    line = lines.next_filled()
    if _SEPARATOR.fullmatch(line):
        separator, line = line, lines.next_filled()
    if not line:
        if settings.skip_lines and lines.number:
            raise _nothing_left(settings.skip_lines, lines.number)
        return None
    delimiters = _delimiters(settings.delimiter, separator)
    row = _whole_row(lines, line)
    splits = _splits(row, id_property, lines.number, delimiters)
    best = max(splits, key=lambda mark: (id_property in splits[mark], len(splits[mark])))
    names = splits[best]
    _check(names, id_property, lines.number)
    told = next(csv.reader([separator.strip()], delimiter=best)) if separator else ()
    return Header(
        tuple(names), best, names.index(id_property) + 1, lines.number, tuple(map(plain, told))
    )


def plain(name: str) -> str:
    """Return the *name* of a column without what may stand around it, quotes aside."""
    return name.strip().strip(_INVISIBLE).strip()


def _skip(lines: _Lines, count: int) -> str:
    """Read over *count* lines; return the first of them if it tells the delimiter."""
    separator = ""
    for number in range(count):
        line = lines.next_of_any()
        if not line and lines.number:
            raise _nothing_left(count, lines.number)
        if number == 0 and _SEPARATOR.fullmatch(line):
            separator = line
    return separator


def _nothing_left(skipped: int, lines: int) -> BrokenFileError:
    return BrokenFileError(
        f"there is no header behind the {skipped} lines that csv.skip_lines skips: the file has"
        f" {lines}",
        lines,
        1,
    )


def _delimiters(setting: str, separator: str) -> tuple[str, ...]:
    """Return what may be the delimiter: what the source says wins over what the file says."""
    if setting != "auto":
        return (setting,)
    told = _SEPARATOR.fullmatch(separator)
    return (told[1],) if told else _DELIMITERS


def _whole_row(lines: _Lines, line: str) -> str:
    """Return the row that begins with *line*; quoted names may hold line breaks."""
    # Lines are counted and joined once: a quote that is never closed takes them all.
    begin, row, size, quotes = lines.number, [line], len(line), line.count('"')
    while quotes % 2 == 1:
        line = lines.next()
        size += len(line)
        if not line or size > LONGEST_ROW:
            raise BrokenFileError("a quote in the header is never closed", begin, 1)
        row.append(line)
        quotes += line.count('"')
    return "".join(row)


def _splits(
    row: str, id_property: str, line: int, delimiters: tuple[str, ...]
) -> dict[str, list[str]]:
    """Return the names that each possible delimiter makes of the header."""
    splits, reason = {}, ""
    for delimiter in delimiters:
        # A blank before a quote is no part of the name, as those around a name are none.
        reader = csv.reader(
            [row], delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True
        )
        try:
            splits[delimiter] = list(map(plain, next(reader)))
        except csv.Error as error:
            reason = reason or in_our_words(error)
    if reason and not any(id_property in names for names in splits.values()):
        raise BrokenFileError(f"the header is not CSV: {reason}", line, 1)
    return splits


def in_our_words(error: csv.Error) -> str:
    """Return what *error* says of a row, for people who did not write a program."""
    reason = str(error)
    if "new-line character" in reason:
        return "a carriage return (CR) stands in the middle of it, outside of quotes"
    return reason


def _check(names: list[str], id_property: str, line: int) -> None:
    if id_property not in names:
        shown = ", ".join(map(repr, names))[:_SHOWN]
        raise BrokenFileError(
            f"the header has no column {id_property!r} (the source's id_property); it has {shown}",
            line,
            1,
        )
    first = names.index(id_property)
    if id_property in names[first + 1 :]:
        second = names.index(id_property, first + 1) + 1
        raise BrokenFileError(
            f"the header names {id_property[:_SHOWN]!r} twice, and it is the source's id_property",
            line,
            second,
        )
