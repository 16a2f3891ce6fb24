"""Notifications between the daemons of one database (NOTIFY): a kind, and what it is about.

The text is `NUMBER KIND THING…`, words parted by blanks; NUMBER is the daemon that sends it.
`database.postgresql_listener` hears it, `fleet.membership` acts on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.storage.database.connection import Connection

AT_ONCE: Final = 100
"""Things in one notification: the server takes 8,000 bytes, and an id has 32."""

_NOTIFY = "SELECT pg_notify('webhookd ' || current_schema(), ?)"


def notify(connection: Connection, kind: str, about: Iterable[object]) -> None:
    """Notify all daemons, this one too, when the transaction is committed.

    Does nothing on a database that only one daemon works on.
    """
    if not connection.session.is_shared:
        return
    things = list(map(str, about))
    # At least once: a notification may be about nothing but its kind.
    for start in range(0, max(len(things), 1), AT_ONCE):
        words = (str(connection.session.owner), kind, *things[start : start + AT_ONCE])
        connection.execute(_NOTIFY, (" ".join(words),))


def parse(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the sender's number, the kind and the things; nothing for a text of another program."""
    words = text.split()
    if len(words) > 1 and words[0].isdecimal():
        yield int(words[0]), words[1], words[2:]
