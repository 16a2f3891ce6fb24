"""Changing very many deliveries by hand: one change at a time, which goes on without who asked.

Everything runs on the event loop. The change's task counts on; readers of its reports come and go.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.errors import WebhookdError
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.deliveries import manual
from webhookd.storage.deliveries.manual import Changed
from webhookd.storage.fleet import notify
from webhookd.telemetry.events import BugFound, DeliveriesChanged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime
    from typing import TypeAlias

    from webhookd.clock import Clock
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.deliveries.manual import Selection

    Change: TypeAlias = Callable[[Connection, Sequence[int], datetime], Changed]

REPORT_SECONDS: Final = 0.5


class BulkChangeError(WebhookdError):
    """Another change of many deliveries is under way."""


class EndedEarlyError(WebhookdError):
    """A change of many deliveries ended before all of them were looked at."""


@dataclass(slots=True)
class ByHand:
    """A change under way: *looked_at* of *of* deliveries, and what became of them."""

    action: str
    of: int
    started_at: datetime
    looked_at: int = 0
    changed: Changed = field(default_factory=Changed)
    error: str | None = None
    task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Return whether nothing more comes."""
        return self.task is not None and self.task.done()

    async def reports(self) -> AsyncIterator[ByHand]:
        """Yield itself now and then, and at last when it is over; it goes on without a reader."""
        while self.task is not None and not self.is_over:
            await asyncio.wait([self.task], timeout=REPORT_SECONDS)
            yield self


class BulkChanges:
    """Runs one change of many deliveries at a time."""

    def __init__(self, dependencies: ControlDependencies, clock: Clock) -> None:
        self._dependencies = dependencies
        self._now = clock.now
        self.under_way: ByHand | None = None

    def begin(self, selection: Selection, change: Change, of: int) -> ByHand:
        """Begin to change what *selection* means, some *of* deliveries.

        Raises a BulkChangeError while another change is under way.
        """
        if self.under_way is not None:
            other = self.under_way
            raise BulkChangeError(
                f"another {other.action} by hand is under way, {other.looked_at:,} of"
                f" {other.of:,} deliveries; wait for its end"
            )
        running = ByHand(change.__name__.partition("_")[0], of, self._now())
        running.task = asyncio.create_task(self._run(running, selection, change))
        self.under_way = running
        return running

    async def stop(self) -> None:
        """End what is under way behind the step it is at; what was changed stays."""
        running = self.under_way
        if running is not None and running.task is not None:
            running.error = running.error or "the daemon stops"
            running.task.cancel()
            await asyncio.wait([running.task])

    async def _run(self, running: ByHand, selection: Selection, change: Change) -> None:
        try:
            await self.change(selection, change, running)
        except WebhookdError as error:
            running.error = str(error)
        except Exception as error:  # noqa: BLE001 - a bug here must not end the daemon
            running.error = f"internal: a bug in webhookd ({type(error).__name__})"
            telemetry.report(BugFound("delivery.change_broke", error))
        finally:
            self.under_way = None

    async def change(
        self, selection: Selection, change: Change, running: ByHand | None = None
    ) -> Changed:
        """Change what *selection* means, some at a time, and say in *running* how far it is."""
        database, writer = self._dependencies.database, self._dependencies.writer
        dispatcher = self._dependencies.dispatcher
        upto = await asyncio.to_thread(manual.last_number, database)
        if selection.upto is not None:
            upto = min(upto, selection.upto)
        above, total = 0, Changed()
        # Beside it nobody else writes, neither this daemon's own work nor another's.
        limit, pause = dispatcher.peers.exclusive_step
        try:
            while True:
                find = partial(
                    manual.numbers, database, selection, above=above, upto=upto, limit=limit
                )
                found = await asyncio.to_thread(find)
                if not found:
                    break
                numbers = [number for number, _ in found]
                ids = [id_ for _, id_ in found]
                write = partial(_changed, change, numbers, ids, self._now())
                total += await writer.write(write, EXCLUSIVE)
                dispatcher.lanes.forget(ids)
                above = numbers[-1]
                if running is not None:
                    running.looked_at += len(numbers)
                    running.changed = total
                await asyncio.sleep(pause)
        finally:
            # What was changed by then is due, whatever comes.
            dispatcher.fetches.refetch()
            telemetry.report(
                DeliveriesChanged(change.__name__, total.count, total.overtaken, total.held)
            )
        return total


def _changed(
    change: Change,
    numbers: Sequence[int],
    ids: Sequence[str],
    now: datetime,
    connection: Connection,
) -> Changed:
    """Change deliveries, and have other daemons drop them from their memory with the commit."""
    notify.notify(connection, "gone", ids)
    return change(connection, numbers, now)
