"""What daemons of one database tell each other, at once and without a promise.

Whatever is told stands in the database too, where everybody looks every few seconds.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import psycopg

from webhookd.errors import StateLockedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.5

_LISTEN = "SELECT quote_ident('webhookd ' || current_schema())"


class Channel:
    """A thread that listens, on a connection of its own made by *connect*.

    *heard* is called on that thread with each thing that was told.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], heard: Callable[[str], None]
    ) -> None:
        self._connect = connect
        self._heard = heard
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="channel", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
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

    def _listen(self, raw: psycopg.Connection[Any]) -> None:
        while not self._ending.is_set():
            for told in raw.notifies(timeout=LOOK_SECONDS):
                self._heard(told.payload)
