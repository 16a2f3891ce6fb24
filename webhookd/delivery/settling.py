"""Settlements on their way to the disk, gathered for a few milliseconds at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.errors import StorageError
from webhookd.storage import outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhookd.model import Settlement
    from webhookd.storage.writer import Writer

GATHER_SECONDS = 0.01
"""Without this pause the writer commits every two to four rows and each costs twice as much."""

RETRY_SECONDS = 1.0
"""Pause before settlements that the database refused are written again."""

BUG_SECONDS = 60.0
"""How long a delivery whose settlement cannot be written for a bug is kept from going again."""


class Settling:
    """Writes settlements in groups and says when they are on the disk.

    *committed* is called on the event loop with each group. A group that the database refuses
    is written again until it is taken: the attempts were made and must be remembered.
    """

    def __init__(self, writer: Writer, committed: Callable[[Sequence[Settlement]], None]) -> None:
        self._writer = writer
        self._committed = committed
        self._gathered: list[Settlement] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()
        self.unsettled = 0

    def add(self, settlement: Settlement) -> None:
        """Take a settlement to be written within a few milliseconds."""
        self._gathered.append(settlement)
        self.unsettled += 1
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(GATHER_SECONDS, self._flush)

    async def drain(self, grace: float | None = None) -> bool:
        """Wait *grace* seconds at the most; return whether all that was added is on the disk."""
        self._flush()
        if not self._writing:
            return True
        _, pending = await asyncio.wait(tuple(self._writing), timeout=grace)
        return not pending

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathered:
            group, self._gathered = self._gathered, []
            task = asyncio.get_running_loop().create_task(self._write(group))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write(self, group: list[Settlement]) -> None:
        while True:
            try:
                await self._writer.write(lambda connection: outbox.settle(connection, group))
            except StorageError as error:
                telemetry.storage_refused("settlements", error, len(group))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - one bad settlement must fail alone
                await self._write_apart(group, error)
                return
            else:
                self._done(group)
                return

    async def _write_apart(self, group: list[Settlement], error: Exception) -> None:
        if len(group) > 1:
            for settlement in group:
                await self._write([settlement])
            return
        telemetry.bug("delivery.settlement_broke", error, delivery_id=group[0].delivery.id)
        asyncio.get_running_loop().call_later(BUG_SECONDS, self._done, group)

    def _done(self, group: list[Settlement]) -> None:
        self.unsettled -= len(group)
        self._committed(group)
