"""Notifications to the other members of the fleet, gathered for a few milliseconds at a time.

    event loop         add ─► gathered ──GATHER_SECONDS──► _send ─► queued at the writer
    writer's thread                                                 NOTIFY, with the commit

Everything here runs on the event loop but the unit, which runs on the writer's thread. What is
notified is in the database already, so one that is lost costs no more than a pass of `membership`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from webhookd.storage.fleet import notify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.writer import Writer

GATHER_SECONDS: Final = 0.02
"""Seconds in which notifications are gathered: the server sends those of one commit at a time."""


class Notifications:
    """Gathers notifications by kind, and sends what was gathered in one transaction of *writer*."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._gathered: dict[str, set[object]] = {}

    def add(self, kind: str, about: Iterable[object]) -> None:
        """Notify the other members of *kind*, within GATHER_SECONDS; what is named twice goes once.

        Runs on the event loop, and raises nothing: what the database refuses is not sent.
        """
        # The first one starts the timer; those that come until it rings go with it.
        if not self._gathered:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._send)
        self._gathered.setdefault(kind, set()).update(about)

    def _send(self) -> None:
        gathered, self._gathered = self._gathered, {}

        def send(connection: Connection) -> None:
            for kind, about in gathered.items():
                notify.notify(connection, kind, about)

        # Not tried again: members that do not hear of it read the same at their next pass.
        self._writer.write(send).add_done_callback(lambda done: done.exception())
