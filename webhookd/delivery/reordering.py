"""Bringing what waits in line with another `order`, some at a time, beside everything else."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.deliveries import record_order
from webhookd.storage.fleet.exclusive import ORDERING
from webhookd.storage.refused_writes import keep_trying
from webhookd.telemetry.events import BugFound
from webhookd.telemetry.unhandled import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.writer import Writer

PAUSE_SECONDS = 0.002
"""Seconds between two steps, so that the writer's thread does mostly other work."""


class Reordering:
    """Takes steps until none is left; *moved* is told of the lanes that each was about.

    How far it is stands in the lanes' rows: whoever stops in the middle goes on from there.
    """

    def __init__(self, writer: Writer, moved: Callable[[Iterable[int]], None]) -> None:
        self._writer = writer
        self._moved = moved
        self._running: asyncio.Task[None] | None = None
        self._is_asked = False

    def resume(self) -> None:
        """Go on with what is left to do, if there is anything."""
        self._is_asked = True
        if self._running is None:
            task = asyncio.get_running_loop().create_task(self._run())
            self._running = watched(task, "reordering")

    async def stop(self) -> None:
        """Take no further step."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    async def _run(self) -> None:
        try:
            while self._is_asked:
                self._is_asked = False
                self._is_asked |= not await self._step()
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._running = None

    async def _step(self) -> bool:
        """Take a step and return whether it was the last."""
        try:
            write = partial(self._writer.write, _step, EXCLUSIVE)
            done = await keep_trying(write, what="an order")
        except Exception as error:  # noqa: BLE001 - what is in order already goes on
            telemetry.report(BugFound("delivery.ordering_broke", error))
            return True
        if done.lanes:
            self._moved(done.lanes)
        return done.is_done


def _step(connection: Connection) -> record_order.Step:
    """Take a step, unless another daemon does."""
    if not connection.session.acquire(ORDERING):
        return record_order.Step(frozenset(), is_done=True)
    done = record_order.step(connection)
    if done.is_done:
        connection.session.release(ORDERING)
    return done
