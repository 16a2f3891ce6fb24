"""Names of what one daemon of a fleet does at a time, held by the session that writes.

A session that ends takes them along, so another daemon goes on within seconds; and what is written
under a name is written by who holds it, or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import asyncio

    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.writer import Unit, Writer

Result = TypeVar("Result")

RETENTION: Final = "retention"
ORDERING: Final = "ordering"


def reading(source: str) -> str:
    """Return the name of reading *source*."""
    return f"source {source}"


def backfilling(webhook: str) -> str:
    """Return the name of backfilling *webhook*."""
    return f"backfill {webhook}"


class Held:
    """A writer in the name of who holds *name*: what it is asked fails when that is another."""

    def __init__(self, writer: Writer, name: str) -> None:
        self._writer = writer
        self._name = name

    def write(self, unit: Unit[Result]) -> asyncio.Future[Result]:
        """Do as `Writer.write`; NotHeldError when the name is not held."""
        return self._writer.write(lambda connection: self._run(unit, connection))

    def read(self, unit: Unit[Result]) -> asyncio.Future[Result]:
        """Do as `Writer.read`; NotHeldError when the name is not held."""
        return self._writer.read(lambda connection: self._run(unit, connection))

    def _run(self, unit: Unit[Result], connection: Connection) -> Result:
        connection.require(self._name)
        return unit(connection)
