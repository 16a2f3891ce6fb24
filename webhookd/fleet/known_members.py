"""The members of the fleet that this daemon knows, for parts that make no pass of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhookd.storage.fleet.members import Daemon


class KnownMembers:
    """The members of the fleet that the latest pass found, this daemon among them.

    `Membership` replaces them, on the event loop; there are none where a daemon is alone on its
    database.
    """

    def __init__(self) -> None:
        self._daemons: tuple[Daemon, ...] = ()

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """Return every member."""
        return self._daemons

    @property
    def has_others(self) -> bool:
        """Return whether other daemons work on the database."""
        return len(self._daemons) > 1

    def replace(self, daemons: tuple[Daemon, ...]) -> None:
        """Replace the members by *daemons*."""
        self._daemons = daemons
