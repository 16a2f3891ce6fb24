"""The backfills that are under way: begun when asked for, one for each webhook, ended in order.

A backfill does not depend on who asked for it: it goes on when the client is gone, and ends with
the records, with a stop of the daemon, or when its webhook is taken out of force. What it stored
by then stays.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.backfill import PER_SECOND, Backfill, Backfilled, BackfillError, kind_told
from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from datetime import datetime

    from webhookd.model import Delivery
    from webhookd.rules.plan import AllOf, Plan, Webhook
    from webhookd.storage.writer import Writer

TOLD_EVERY: Final = 1.0
"""Seconds between two reports of how far a backfill is."""


class UnknownError(BackfillError):
    """The configuration in force has no such webhook."""


@dataclass(slots=True)
class Running:
    """A backfill under way: how far it is, and why it ended early, if it did."""

    webhook: Webhook
    is_dry_run: bool
    made: Backfilled = field(default_factory=Backfilled)
    error: str | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def reports(self) -> AsyncIterator[Backfilled]:
        """Yield how far it is, every second, and at last when it is over.

        Who stops reading stops a dry run, which is for nobody else.
        """
        task = self.task
        try:
            while task is not None and not task.done():
                await asyncio.wait([task], timeout=TOLD_EVERY)
                yield self.made
        finally:
            if self.is_dry_run:
                self.stopping.set()

    def note(self, made: Backfilled) -> None:
        """Remember how far it is."""
        self.made = made

    async def sleep(self, seconds: float) -> None:
        """Wait; raise a BackfillError when it is to stop."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return
        raise BackfillError("the daemon stops")


class Backfills:
    """Begins backfills and ends them. *plan* gives the plan in force."""

    def __init__(
        self,
        writer: Writer,
        *,
        plan: Callable[[], Plan],
        offer: Callable[[Iterable[Delivery]], None],
        now: Callable[[], datetime],
        new_id: Callable[[datetime], str],
    ) -> None:
        self._plan = plan
        self._make = partial(Backfill, writer, offer=offer, now=now, new_id=new_id)
        self._running: list[Running] = []
        self._is_stopping = False

    def webhook(self, name: str) -> Webhook:
        """Return the webhook *name* as it is in force.

        Raises an UnknownError or a BackfillError when it cannot be told of known records.
        """
        webhook = self._plan().webhooks.get(name)
        if webhook is None:
            raise UnknownError(
                f"the configuration in force has no webhook {name!r}; `webhookd status` lists those"
                " there are"
            )
        if not webhook.enabled:
            raise BackfillError(
                f"the webhook {name} is disabled; set `enabled: true`, reload, and ask again"
            )
        kind_told(webhook)
        return webhook

    def begin(
        self,
        name: str,
        where: AllOf | None = None,
        *,
        per_second: float = PER_SECOND,
        is_dry_run: bool = False,
    ) -> Running:
        """Begin to enroll the known records of the webhook *name*; raises as `webhook` does."""
        webhook = self.webhook(name)
        if self._is_stopping:
            raise BackfillError("the daemon stops")
        if not is_dry_run and any(one.webhook.name == name for one in self._storing()):
            raise BackfillError(f"a backfill of {name} is under way; wait for its end")
        running = Running(webhook, is_dry_run)
        work = self._run(running, where, per_second)
        running.task = asyncio.create_task(work, name=f"backfill {name}")
        running.task.add_done_callback(lambda _: self._running.remove(running))
        self._running.append(running)
        return running

    async def stop(self) -> None:
        """End them all, each after the step it is at."""
        self._is_stopping = True
        tasks = [one.task for one in self._running if one.task is not None]
        for one in self._running:
            one.stopping.set()
        if tasks:
            await asyncio.wait(tasks)

    def _storing(self) -> Iterable[Running]:
        return (one for one in self._running if not one.is_dry_run)

    def _in_force(self, begun: Webhook) -> Webhook:
        webhook = self.webhook(begun.name)
        if (webhook.source, webhook.object) != (begun.source, begun.object):
            raise BackfillError(f"the webhook {begun.name} has another source or object now")
        return webhook

    async def _run(self, running: Running, where: AllOf | None, per_second: float) -> None:
        name, is_told = running.webhook.name, not running.is_dry_run
        if is_told:
            telemetry.backfill_began(name, per_second)
        try:
            await self._make(sleep=running.sleep).run(
                partial(self._in_force, running.webhook),
                where=where,
                count_only=running.is_dry_run,
                per_second=per_second,
                progress=running.note,
            )
        except WebhookdError as error:
            running.error = str(error)
        except Exception as error:  # noqa: BLE001 - a bug in a backfill ends only that
            telemetry.bug("backfill.broke", error, webhook=name)
            running.error = "a bug in webhookd; its log has the details"
        if is_told:
            made = running.made
            telemetry.backfill_ended(name, made.records, made.deliveries, running.error)
