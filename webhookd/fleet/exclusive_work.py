"""Doing something as the only daemon that does it, for as long as that is so."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from webhookd.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webhookd.storage.database.writer import Writer

TRIED_EVERY: Final = 1.0
"""Seconds between two attempts to have what another daemon holds: it may end at any time."""


class Holding:
    """Runs work under a name that one daemon holds at a time."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._working: set[asyncio.Task[None]] = set()
        self._times_lost = 0

    def lose_all(self) -> None:
        """End all work: the session that held the names is gone."""
        self._times_lost += 1
        for task in self._working:
            task.cancel()

    async def try_hold(self, name: str) -> bool:
        """Return whether *name* is held now; not while the database cannot be asked."""
        with suppress(StorageError):
            return await self._writer.read(lambda connection: connection.session.acquire(name))
        return False

    async def _holds(self, name: str) -> bool:
        """Return whether *name* is held, by the session that there is when that is known."""
        before = self._times_lost
        return await self.try_hold(name) and self._times_lost == before

    async def run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Wait until *name* is held and run *work*; return when that ends, or it is lost."""
        while not await self._holds(name):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(TRIED_EVERY)
        task = asyncio.ensure_future(_run(work))
        self._working.add(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            await asyncio.wait([task])
            self._working.discard(task)
            # Not waited for: a database that is away has taken it back already.
            let_go(self._writer, name)
        if not task.cancelled():
            task.result()


def let_go(writer: Writer, name: str) -> None:
    """Give *name* back, behind everything that was asked of the writer before.

    As a read, which comes after the commit: a name that is free in the middle of a transaction
    would have another daemon begin with what was committed before it. (So is holding one, or it
    would overtake.)
    """
    done = writer.read(lambda connection: connection.session.release(name))
    done.add_done_callback(lambda over: over.cancelled() or over.exception())


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()
