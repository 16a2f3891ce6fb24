"""Hear the notifications of other daemons on the same database (LISTEN), as soon as they commit.

A notification may be lost, with the connection for example. So each says only where to look: what
it is about stands in the database, which every daemon reads every two seconds (`fleet.membership`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import psycopg

from webhookd import telemetry
from webhookd.errors import StateLockedError, StorageError
from webhookd.telemetry.events import BugFound

if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN_SECONDS: Final = 1.0
"""Pause before a lost connection is made anew; until then the looks every two seconds suffice."""

STOP_WITHIN_SECONDS: Final = 0.5
"""How long the thread waits for a notification before it sees whether it is to end."""

_LISTEN = "SELECT quote_ident('webhookd ' || current_schema())"


class PostgresListener:
    """A thread that listens, on a connection of its own made by *connect*.

    *heard* is called on that thread with the text of each notification, those of this daemon too.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], heard: Callable[[str], None]
    ) -> None:
        self._connect = connect
        self._heard = heard
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more; waits for the thread, so never on the event loop."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                with self._connect() as raw:
                    raw.autocommit = True
                    (name,) = raw.execute(_LISTEN).fetchone() or ("webhookd",)
                    listen: Any = f"LISTEN {name}"
                    raw.execute(listen)
                    self._listen(raw)
            except (psycopg.Error, StorageError, StateLockedError):
                # The writer says what is the matter with the database.
                self._ending.wait(AGAIN_SECONDS)
            except Exception as error:  # noqa: BLE001 - the thread goes on to listen
                telemetry.report(BugFound("daemon.task_broke", error, {"task": "listener"}))
                self._ending.wait(AGAIN_SECONDS)

    def _listen(self, raw: psycopg.Connection[Any]) -> None:
        while not self._ending.is_set():
            for notification in raw.notifies(timeout=STOP_WITHIN_SECONDS):
                self._heard(notification.payload)
