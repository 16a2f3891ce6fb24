"""The header of a CSV file: it names the properties and shows the delimiter."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError

if TYPE_CHECKING:
    from typing import BinaryIO

_DELIMITERS: Final = (",", ";", "\t")
_SHOWN: Final = 300


@dataclass(frozen=True)
class Header:
    """The names of the columns, the place of the id among them (from 1), and how many lines.

    A column without a name has the empty one: it is no property.
    """

    names: tuple[str, ...]
    delimiter: str
    id_column: int
    lines: int

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """Return the names without blanks around them."""
        return tuple(name.strip() for name in self.names)

    @cached_property
    def known(self) -> frozenset[str]:
        """Return the same for looking up."""
        return frozenset(self.plain)

    @property
    def unnamed(self) -> tuple[int, ...]:
        """Return the places of the columns without a name, from 1."""
        return tuple(place for place, name in enumerate(self.names, start=1) if not name)


def read_header(stream: BinaryIO, id_property: str) -> Header | None:
    """Read the header; None when the file holds nothing.

    The delimiter is the one that makes the id a column; between several, the one that makes
    the most columns.
    """
    text, lines = _first_row(stream)
    if not text:
        return None
    splits = _splits(text, id_property, lines)
    best = max(splits, key=lambda mark: (id_property in splits[mark], len(splits[mark])))
    names = splits[best]
    _check(names, id_property, lines)
    return Header(tuple(names), best, names.index(id_property) + 1, lines)


def _first_row(stream: BinaryIO) -> tuple[str, int]:
    """Return the header's text and how many lines were read; quoted names may hold newlines."""
    text, number = _first_line(stream)
    # Lines are counted and joined once: a quote that is never closed takes them all.
    lines, size, quotes = [text], len(text), text.count('"')
    while quotes % 2 == 1:
        line = _line(stream, number + 1)
        size += len(line)
        if not line or size > LONGEST_ROW:
            raise BrokenFileError("a quote in the header is never closed", number, 1)
        lines.append(line)
        quotes += line.count('"')
        number += 1
    return "".join(lines), number


def _splits(text: str, id_property: str, line: int) -> dict[str, list[str]]:
    """Return the names that each possible delimiter makes of the header."""
    splits, reason = {}, ""
    for delimiter in _DELIMITERS:
        try:
            splits[delimiter] = next(csv.reader([text], delimiter=delimiter, strict=True))
        except csv.Error as error:
            reason = reason or str(error)
    if reason and not any(id_property in names for names in splits.values()):
        raise BrokenFileError(f"the header is not CSV: {reason}", line, 1)
    return splits


def _first_line(stream: BinaryIO) -> tuple[str, int]:
    number = 0
    while line := _line(stream, number + 1):
        number += 1
        if line.strip():
            return line, number
    return "", number


def _line(stream: BinaryIO, number: int) -> str:
    line = stream.readline(LONGEST_ROW + 1)
    if len(line) > LONGEST_ROW:
        raise BrokenFileError("the header is over 1 MiB", number, 1)
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise BrokenFileError(
            "the header is not UTF-8; save the file as UTF-8", number, error.start + 1
        ) from error


def _check(names: list[str], id_property: str, line: int) -> None:
    if id_property not in names:
        shown = ", ".join(map(repr, names))[:_SHOWN]
        raise BrokenFileError(
            f"the header has no column {id_property!r} (the source's id_property); it has {shown}",
            line,
            1,
        )
    seen: set[str] = set()
    for column, name in enumerate(names, start=1):
        if name and name in seen:
            raise BrokenFileError(f"the header names {name[:_SHOWN]!r} twice", line, column)
        seen.add(name)
