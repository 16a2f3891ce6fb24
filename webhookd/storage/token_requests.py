"""How many tokens were asked for lately: restarts count, and so do the other daemons of a fleet.

Servers lock out who asks too often; a daemon that is started again and again would.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd.storage.database.times import from_micros, to_micros

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.storage.database.connection import Statements

WINDOW: Final = timedelta(minutes=10)
MOST: Final = 10
"""Requests that a client makes within `WINDOW`."""


def admit(connection: Statements, *, client: str, at: datetime, most: int) -> datetime | None:
    """Count a request of *client* at *at*, unless *most* were made within the window before.

    Return None when it may be made, else the time from when on one may be. Two daemons that ask in
    the same moment may both be admitted as the last one: each of them counts for the next.
    """
    # A request far ahead was counted before the clock was set back: it would count for too long.
    connection.execute(
        "DELETE FROM token_requests WHERE made_at <= ? OR made_at > ?",
        (to_micros(at - WINDOW), to_micros(at + WINDOW)),
    )
    made = connection.execute(
        "SELECT made_at FROM token_requests WHERE client = ? ORDER BY made_at DESC LIMIT ?",
        (client, most),
    ).fetchall()
    if len(made) >= most:
        counted: int = made[-1][0]
        return from_micros(counted) + WINDOW
    connection.execute(
        "INSERT INTO token_requests (client, made_at) VALUES (?, ?)", (client, to_micros(at))
    )
    return None
