"""What daemons tell each other: a kind, and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.storage.database.connection import Connection

AT_ONCE: Final = 100
"""Things that are told in one piece: the server takes 8,000 bytes."""

_TELL = "SELECT pg_notify('webhookd ' || current_schema(), ?)"


def tell(connection: Connection, kind: str, about: Iterable[object]) -> None:
    """Tell all daemons when the transaction is committed."""
    things = list(map(str, about))
    for start in range(0, max(len(things), 1), AT_ONCE):
        words = (str(connection.owner), kind, *things[start : start + AT_ONCE])
        connection.execute(_TELL, (" ".join(words),))


def told(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield who told what, and about what; nothing for a text that is none of ours."""
    words = text.split()
    if len(words) > 1 and words[0].isdecimal():
        yield int(words[0]), words[1], words[2:]
