"""Locks by name for what one daemon of a fleet does at a time, and a writer that requires one.

The session that writes has the locks, so they end with it and another daemon goes on within
seconds. Whatever is written under a lock is written by the daemon that has it, or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from webhookd.storage.database.connection import NO_LOCKS

if TYPE_CHECKING:
    import asyncio

    from webhookd.storage.database.connection import Connection, Locks
    from webhookd.storage.database.writer import Unit, Writer

Result = TypeVar("Result")

RETENTION: Final = "retention"
ORDERING: Final = "ordering"
BACKLOGS: Final = "backlogs"


def reading(source: str) -> str:
    """Return the name of the lock for reading *source*."""
    return f"source {source}"


def backfilling(webhook: str) -> str:
    """Return the name of the lock for backfilling *webhook*."""
    return f"backfill {webhook}"


def firing(webhook: str) -> str:
    """Return the name of the lock for taking the moments of *webhook*."""
    return f"moments {webhook}"


class ExclusiveWriter:
    """A writer whose units run only while this daemon has the lock *name*."""

    def __init__(self, writer: Writer, name: str) -> None:
        self._writer = writer
        self._name = name

    def write(self, unit: Unit[Result], locks: Locks = NO_LOCKS) -> asyncio.Future[Result]:
        """Do as `Writer.write`; the future raises NotHeldError when another has the lock."""
        return self._writer.write(lambda connection: self._run(unit, connection), locks)

    def read(self, unit: Unit[Result]) -> asyncio.Future[Result]:
        """Do as `Writer.read`; the future raises NotHeldError when another has the lock."""
        return self._writer.read(lambda connection: self._run(unit, connection))

    def _run(self, unit: Unit[Result], connection: Connection) -> Result:
        # Within the transaction: the session that commits is the one that has the lock.
        connection.session.require_lock(self._name)
        return unit(connection)
