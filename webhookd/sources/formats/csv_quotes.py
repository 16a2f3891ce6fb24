"""Where a CSV row too long to hold ends: only its quotes are followed."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

_QUOTE: Final = b'"'
_IN_QUOTES: Final = re.compile(rb'[^"]*+(?:""[^"]*+)*+')


class _At(Enum):
    FIELD_START = 1
    PLAIN = 2
    QUOTED = 3
    QUOTE = 4


def _fields(delimiter: bytes) -> re.Pattern[bytes]:
    """Return what stands from within a quoted field to within another, as far as that goes."""
    quoted, mark = rb'[^"]*+(?:""[^"]*+)*+"', re.escape(delimiter)
    # Where it is one byte, with what follows a closing quote, and with plain fields between.
    plain = rb'(?:[^"%b][^%b]*+)?+(?:%b(?!")[^%b]*+)*+' % ((mark,) * 4)
    between = plain if len(delimiter) == 1 else b""
    return re.compile(rb'(?:%b%b%b")*+' % (quoted, between, mark))


class Quotes:
    """Follows the quotes of one row, given piece by piece: one step for many fields or quotes."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._quoted_field = delimiter + _QUOTE
        self._fields = _fields(delimiter)
        self._at = _At.FIELD_START

    @property
    def are_open(self) -> bool:
        """Return whether a newline here would belong to a field."""
        return self._at is _At.QUOTED

    def follow(self, piece: bytes) -> None:
        """Read one more *piece* of the row."""
        place = 0
        while place < len(piece):
            place = self._step(piece, place)

    def _step(self, piece: bytes, place: int) -> int:
        """Read up to the next change of state; return the place behind."""
        match self._at:
            case _At.FIELD_START | _At.QUOTE:
                is_quote = piece.startswith(_QUOTE, place)
                self._at = _At.QUOTED if is_quote else _At.PLAIN
                return place + is_quote
            case _At.PLAIN:
                return self._to_quoted_field(piece, place)
            case _At.QUOTED:
                return self._behind_quotes(piece, place)

    def _to_quoted_field(self, piece: bytes, place: int) -> int:
        """Read plain fields, however many."""
        found = piece.find(self._quoted_field, place)
        if found >= 0:
            self._at = _At.QUOTED
            return found + len(self._quoted_field)
        if piece.endswith(self._delimiter) and len(piece) - len(self._delimiter) >= place:
            self._at = _At.FIELD_START
        return len(piece)

    def _behind_quotes(self, piece: bytes, place: int) -> int:
        """Read what is quoted, and quoted fields behind it."""
        if fields := self._fields.match(piece, place):
            place = fields.end()
        if inside := _IN_QUOTES.match(piece, place):
            place = inside.end()
        if place < len(piece):
            self._at, place = _At.QUOTE, place + 1
        return place
