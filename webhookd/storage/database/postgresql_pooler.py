"""Poolers between webhookd and PostgreSQL: each connection needs a session of its own.

A pooler that lends sessions for a transaction (PgBouncer's `transaction` mode) makes two daemons
share their locks, and mixes up what is prepared and set in a session. A daemon that is alone there
gets the same session back each time, and does not notice.
"""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING, Any, Final

import psycopg

from webhookd import clock
from webhookd.errors import StorageError
from webhookd.storage.database.postgresql_reader import PostgresReader

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 10
"""How often sessions are compared: one round shows it on a pooler where nobody else is busy."""

WAIT_SECONDS: Final = 5.0
"""Seconds that a pooler may take to lend a session, before it is said to have no more of them."""

POOLED: Final = (
    "something between webhookd and PostgreSQL gives each transaction another session"
    " (PgBouncer's transaction mode does); connect to PostgreSQL itself, or use pool_mode=session"
)
_EXHAUSTED: Final = (
    "the pooler between webhookd and PostgreSQL has no more sessions to give; a daemon needs eight"
    " of them (PgBouncer's default_pool_size, or the server's max_connections)"
)


def require_own_session(
    raw: psycopg.Connection[Any], connect: Callable[[], psycopg.Connection[Any]]
) -> None:
    """Raise StorageError where the session of *raw* is not its own, before anything is written.

    *connect* makes another connection like it, in autocommit, as *raw* is.
    """
    own = _session(raw)
    if raw.info.backend_pid == own:
        # The server itself said so at the start. A pooler makes up a number for each connection.
        return
    with connect() as other:
        for _ in range(ROUNDS):
            # Asked twice: where sessions are lent in turn, two would fall to these two for ever.
            if _session(raw) != own or _session(raw) != own or _session(other) == own:
                raise StorageError(POOLED)


def _session(raw: psycopg.Connection[Any]) -> int:
    """Return the number of the session that has answered."""
    asked_at = clock.monotonic()
    waiting = Timer(WAIT_SECONDS, PostgresReader(raw, str).cut)
    waiting.start()
    try:
        row = raw.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    except psycopg.OperationalError as error:
        if clock.monotonic() >= asked_at + WAIT_SECONDS:
            raise StorageError(_EXHAUSTED) from error
        raise
    finally:
        waiting.cancel()
    return int(row[0]) if row else 0
