"""Run work under a lock that one daemon of the fleet has; cancel it when the lock is lost.

    waiting ──the lock is acquired──► running ──it ends, or `run` is cancelled──► released
                                         └──the session is lost (`lose_all`)──► cancelled

The lock is the session's (`storage.fleet.exclusive`), so it is acquired and released on the
writer's thread; everything here runs on the event loop.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from webhookd.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webhookd.storage.database.writer import Writer

TRY_EVERY_SECONDS: Final = 1.0
"""Pause between two attempts to get a lock that another daemon has, which may end at any time."""


class ExclusiveWork:
    """Runs work under locks by name, each of which one daemon has at a time."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._working: set[asyncio.Task[None]] = set()
        self._times_lost = 0

    def lose_all(self) -> None:
        """Cancel all work: the session that had the locks is gone. Membership calls it."""
        self._times_lost += 1
        for task in self._working:
            task.cancel()

    async def try_acquire(self, name: str) -> bool:
        """Return whether this daemon has the lock *name* now.

        False too while the database cannot be asked.
        """
        with suppress(StorageError):
            return await self._writer.read(lambda connection: connection.session.acquire(name))
        return False

    async def _has_lock(self, name: str) -> bool:
        """Return whether the present session has the lock *name*."""
        # The session may be lost between the answer on the writer's thread and this one.
        before = self._times_lost
        return await self.try_acquire(name) and self._times_lost == before

    async def run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for the lock *name* and run *work*; return when that ends, or the lock is lost.

        Raises what *work* raises. The lock is released in either case.
        """
        while not await self._has_lock(name):  # noqa: ASYNC110 - the server notifies nobody
            await asyncio.sleep(TRY_EVERY_SECONDS)
        task = asyncio.ensure_future(_run(work))
        self._working.add(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            await asyncio.wait([task])
            self._working.discard(task)
            # Not waited for: a database that is away has taken it back already.
            release(self._writer, name)
        if not task.cancelled():
            task.result()


def release(writer: Writer, name: str) -> None:
    """Give the lock *name* back, behind everything that the writer was asked for before.

    As a read, which comes after the commit: a lock that is free in the middle of a transaction
    would have another daemon begin with what was committed before it. (So it is acquired in a
    read, too, or that would overtake.)
    """
    done = writer.read(lambda connection: connection.session.release(name))
    done.add_done_callback(lambda over: over.cancelled() or over.exception())


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()
