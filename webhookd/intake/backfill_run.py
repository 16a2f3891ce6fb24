"""A backfill under way, as the person who began it sees it: how far it is, and why it ended.

Everything runs on the event loop. The run's task calls `note` and `sleep` between two steps; the
person's request reads `reports`, and may `stop` it. A run that is stopped ends at its next `sleep`,
so that its step is on the disk or not begun.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from webhookd.intake.backfill import Backfilled
from webhookd.intake.backfilled_webhook import BackfillError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from webhookd.definitions import Webhook
    from webhookd.intake.unseen_properties import UnseenProperties
    from webhookd.rules.conditions import Incomparable

REPORT_SECONDS: Final = 1.0
"""Pause between two reports of how far a backfill is: as often as a person reads it."""


@dataclass(slots=True)
class Running:
    """A backfill under way: how far it is, and why it ended early, if it did.

    *unseen* are the properties that no record had, of a dry run, which looks at all; *incomparable*
    are those of which a value could not be compared with a condition's, each with the first.
    """

    webhook: Webhook
    per_second: float
    is_dry_run: bool = False
    made: Backfilled = field(default_factory=Backfilled)
    error: str | None = None
    unseen: UnseenProperties | None = None
    incomparable: dict[str, Incomparable] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None
    _why: str = ""
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def reports(self) -> AsyncIterator[Backfilled]:
        """Yield how far it is, every second, and at last when it is over.

        A dry run stops with its reader, for it is for nobody else; any other goes on.
        """
        task = self.task
        try:
            while task is not None and not task.done():
                await asyncio.wait([task], timeout=REPORT_SECONDS)
                yield self.made
        finally:
            if self.is_dry_run:
                self.stop("nobody listens")

    def stop(self, why: str) -> None:
        """Have it end after the step it is at; the first reason stays."""
        self._why = self._why or why
        self._stopping.set()

    def begin(self, work: Coroutine[None, None, None], ended: Callable[[], None]) -> None:
        """Run *work* in a task, and call *ended* behind it: whoever began it may be gone then."""
        self.task = asyncio.create_task(work, name=f"backfill {self.webhook.name}")
        self.task.add_done_callback(lambda _: ended())

    def fail(self, error: str) -> None:
        """Remember why it ended early."""
        self.error = error

    def note(self, made: Backfilled) -> None:
        """Remember how far it is."""
        self.made = made

    def note_incomparable(self, value: Incomparable) -> None:
        """Remember a value that has no order beside a condition's."""
        self.incomparable.setdefault(value.property, value)

    async def sleep(self, seconds: float) -> None:
        """Wait; raise a BackfillError when it is to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise BackfillError(self._why)
