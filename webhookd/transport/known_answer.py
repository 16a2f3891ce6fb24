"""An answer whose head is known, to the byte: what llhttp made of it once it makes of it again.

A receiver says the same nearly always, and to parse it takes as long as to sign a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSES: Final = 8
"""Heads in a row that were all new; after them hardly any is remembered: each has a number, say."""

_SELDOM: Final = 32


class KnownAnswer(NamedTuple):
    """An answer of so many bytes (*size*) that begins with *head*; the rest of it is its body."""

    head: bytes
    size: int
    status: int
    headers: list[tuple[bytes, bytes]]

    def begins(self, data: bytes, room: int) -> bool:
        """Return whether *data* is such an answer, whole, whose body needs no more than *room*."""
        return (
            len(data) == self.size
            and self.size - len(self.head) <= room
            and data.startswith(self.head)
        )


def known(
    data: bytes, body: bytes, status: int, headers: Sequence[tuple[bytes, bytes]]
) -> KnownAnswer | None:
    """Return what is known by an answer that came as *data*, whole, and keeps its connection open.

    None where another body might make another answer of the same head.
    """
    names = {name.lower() for name, _ in headers}
    head = data[: len(data) - len(body)]
    is_framed = b"content-length" in names or not body
    if not is_framed or b"transfer-encoding" in names or not head.endswith(b"\r\n\r\n"):
        return None
    return KnownAnswer(head, len(data), status, list(headers))


class Memory:
    """The latest answer of a connection, as far as it is worth remembering."""

    __slots__ = ("_misses", "answer")

    def __init__(self) -> None:
        self.answer: KnownAnswer | None = None
        self._misses = 0

    def learn(self, answer: KnownAnswer | None) -> None:
        """Remember *answer*, the latest, as far as it can be known."""
        self.answer = answer

    def met(self) -> None:
        """Note that the answer came again."""
        self._misses = 0

    def is_worthwhile(self) -> bool:
        """Return whether to remember an answer that is new."""
        self._misses += 1
        return self._misses <= MISSES or self._misses % _SELDOM == 0
