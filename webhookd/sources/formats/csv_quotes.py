"""Where a CSV row too long to hold ends: only its quotes are followed."""

from __future__ import annotations

from enum import Enum
from typing import Final

_QUOTE: Final = b'"'


class _At(Enum):
    FIELD_START = 1
    PLAIN = 2
    QUOTED = 3
    QUOTE = 4


class Quotes:
    """Follows the quotes of one row, given piece by piece."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
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
            case _At.FIELD_START:
                return self._if_quote(piece, place, otherwise=_At.PLAIN)
            case _At.QUOTE:
                return self._if_quote(piece, place, otherwise=_At.PLAIN)
            case _At.PLAIN:
                return self._until(piece, place, self._delimiter, _At.FIELD_START)
            case _At.QUOTED:
                return self._until(piece, place, _QUOTE, _At.QUOTE)

    def _if_quote(self, piece: bytes, place: int, *, otherwise: _At) -> int:
        is_quote = piece[place : place + 1] == _QUOTE
        self._at = _At.QUOTED if is_quote else otherwise
        return place + is_quote

    def _until(self, piece: bytes, place: int, mark: bytes, then: _At) -> int:
        found = piece.find(mark, place)
        if found < 0:
            return len(piece)
        self._at = then
        return found + len(mark)
