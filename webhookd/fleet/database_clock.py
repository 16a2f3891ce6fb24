"""One time for all daemons: the database's, whatever the clocks of their machines show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.storage.fleet import members

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.storage.database.connection import Connection


class SharedClock:
    """This machine's clock, set by the database's; as it is where a daemon is alone."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return clock.now() + self._ahead

    def ahead(self) -> timedelta:
        """Return by how much the shared time is ahead of this machine's."""
        return self._ahead

    def compare(self, connection: Connection) -> None:
        """Set it by the database's clock, as exact as the way there is quick."""
        if connection.session.is_shared:
            before = clock.now()
            there = members.now(connection)
            self._ahead = there - before - (clock.now() - before) / 2
