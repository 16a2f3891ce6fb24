"""The backfills that are under way: begun when asked for, one for each webhook, ended in order.

A backfill does not depend on who asked for it: it goes on when the client is gone, and after a stop
or a crash of the daemon where it was. It ends with the records, by hand, or when its webhook is
taken out of force; what it stored by then stays.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.config.condition_option import conditions
from webhookd.errors import StorageError, WebhookdError
from webhookd.fleet.exclusive_work import release
from webhookd.intake.backfill import (
    PER_SECOND,
    Backfill,
    Backfilled,
    BackfillError,
    TakenOverError,
    reported_kind,
)
from webhookd.storage.fleet.exclusive import backfilling
from webhookd.storage.records import backfills
from webhookd.storage.records.backfills import StoredBackfill
from webhookd.telemetry.events import (
    BackfillBegan,
    BackfillEnded,
    BackfillResumed,
    BugFound,
    StorageRefused,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
    from datetime import datetime

    from webhookd.definitions import AllOf, Definitions, Webhook
    from webhookd.delivery.claims import ClaimTable
    from webhookd.model import Delivery
    from webhookd.storage.database.writer import Writer

REPORT_SECONDS: Final = 1.0
"""Seconds between two reports of how far a backfill is."""

_STOPPING: Final = "the daemon stops; it goes on when that runs again"


class UnknownError(BackfillError):
    """There is no such webhook in force, or no backfill of it."""


@dataclass(slots=True)
class Running:
    """A backfill under way: how far it is, and why it ended early, if it did."""

    webhook: Webhook
    per_second: float
    is_dry_run: bool = False
    made: Backfilled = field(default_factory=Backfilled)
    error: str | None = None
    task: asyncio.Task[None] | None = None
    _why: str = ""
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def reports(self) -> AsyncIterator[Backfilled]:
        """Yield how far it is, every second, and at last when it is over.

        Who stops reading stops a dry run, which is for nobody else.
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
        """Have it end after the step it is at."""
        self._why = self._why or why
        self._stopping.set()

    def note(self, made: Backfilled) -> None:
        """Remember how far it is."""
        self.made = made

    async def sleep(self, seconds: float) -> None:
        """Wait; raise a BackfillError when it is to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise BackfillError(self._why)


class Backfills:
    """Begins backfills and ends them, of webhooks as the *definitions* in force say."""

    def __init__(
        self,
        writer: Writer,
        *,
        definitions: Callable[[], Definitions],
        offer: Callable[[Iterable[Delivery]], None],
        claims: ClaimTable,
        now: Callable[[], datetime],
        new_id: Callable[[datetime], str],
    ) -> None:
        self._writer = writer
        self._definitions = definitions
        self._now = now
        self._make = partial(Backfill, writer, offer=offer, claims=claims, now=now, new_id=new_id)
        self._running: list[Running] = []
        self._is_stopping = False

    def webhook(self, name: str) -> Webhook:
        """Return the webhook *name* as it is in force.

        Raises an UnknownError or a BackfillError when it cannot be backfilled.
        """
        webhook = self._definitions().webhooks.get(name)
        if webhook is None:
            raise UnknownError(
                f"the configuration in force has no webhook {name!r}; `webhookd status` lists those"
                " there are"
            )
        if not webhook.enabled:
            raise BackfillError(
                f"the webhook {name} is disabled; set `enabled: true`, reload, and ask again"
            )
        reported_kind(webhook)
        return webhook

    @property
    def under_way(self) -> list[Running]:
        """Return those that make deliveries, the first begun first."""
        return [one for one in self._running if not one.is_dry_run]

    async def begin(
        self,
        name: str,
        where: Sequence[str] = (),
        *,
        per_second: float = PER_SECOND,
        is_dry_run: bool = False,
    ) -> Running:
        """Begin to enroll the known records of the webhook *name* for which all of *where* holds.

        Raises as `webhook` does, and a ConfigError when *where* is wrong.
        """
        meant = await self._meant(self.webhook(name), where)
        webhook = self.webhook(name)
        if self._is_stopping:
            raise BackfillError("the daemon stops")
        if not is_dry_run and self._of(name) is not None:
            raise BackfillError(
                f"a backfill of {name} is under way; wait for its end, or end it with"
                f" `webhookd backfill {name} --stop`"
            )
        if not is_dry_run and not await self._acquire(name):
            raise BackfillError(
                f"a backfill of {name} is under way at another daemon; wait for its end, or end it"
                f" with `webhookd backfill {name} --stop`"
            )
        running = Running(webhook, per_second, is_dry_run)
        asked = StoredBackfill(name, tuple(where), per_second, self._now())
        self._start(running, self._begun(running, asked, meant))
        return running

    async def take_over(self) -> None:
        """Go on with those of daemons that are gone; what is refused is looked at again."""
        with suppress(StorageError):
            await self.resume()

    async def resume(self) -> None:
        """Go on with those that a stop or a crash interrupted; StorageError when refused.

        Where several daemons share the work, one that knows the webhook does.
        """
        is_shared = self._writer.is_shared
        for stored in await self._writer.read(backfills.unfinished):
            if self._is_stopping or self._of(stored.webhook) is not None:
                continue
            if is_shared and (
                stored.webhook not in self._definitions().webhooks
                or not await self._acquire(stored.webhook)
            ):
                continue
            made = Backfilled(stored.records, stored.deliveries, stored.after)
            try:
                webhook = self.webhook(stored.webhook)
                meant = await self._meant(webhook, stored.conditions)
            except WebhookdError as error:
                await self._writer.write(partial(backfills.end, webhook=stored.webhook))
                telemetry.report(
                    BackfillEnded(
                        stored.webhook, made.records, made.deliveries, _in_one_line(error)
                    )
                )
                continue
            telemetry.report(BackfillResumed(stored.webhook, made.records, made.deliveries))
            running = Running(webhook, stored.per_second, made=made)
            self._start(running, self._run(running, meant))

    async def end(self, name: str) -> Running:
        """End the backfill of the webhook *name* by hand; return how far it came.

        UnknownError when none is under way.
        """
        running = self._of(name)
        if running is None or running.task is None:
            return await self._end_elsewhere(name)
        running.stop("ended by hand")
        await asyncio.wait([running.task])
        return running

    async def _end_elsewhere(self, name: str) -> Running:
        """End a backfill of another daemon, which sees that at its next step."""
        stored = await self._writer.write(partial(backfills.end, webhook=name))
        if stored is None:
            raise UnknownError(f"no backfill of {name!r} is under way")
        made = Backfilled(stored.records, stored.deliveries, stored.after)
        return Running(self.webhook(name), stored.per_second, made=made, error="ended by hand")

    async def stop(self) -> None:
        """Let all of them rest, each after the step it is at."""
        self._is_stopping = True
        tasks = [one.task for one in self._running if one.task is not None]
        for one in self._running:
            one.stop(_STOPPING)
        if tasks:
            await asyncio.wait(tasks)

    async def _acquire(self, name: str) -> bool:
        return await self._writer.read(
            lambda connection: connection.session.acquire(backfilling(name))
        )

    def _of(self, name: str) -> Running | None:
        return next((one for one in self.under_way if one.webhook.name == name), None)

    async def _meant(self, webhook: Webhook, where: Sequence[str]) -> AllOf | None:
        source = self._definitions().sources[webhook.source]
        return await asyncio.to_thread(conditions, where, source, webhook.object)

    def _start(self, running: Running, work: Coroutine[None, None, None]) -> None:
        running.task = asyncio.create_task(work, name=f"backfill {running.webhook.name}")
        running.task.add_done_callback(lambda _: self._ended(running))
        self._running.append(running)

    def _ended(self, running: Running) -> None:
        self._running.remove(running)
        if not running.is_dry_run:
            release(self._writer, backfilling(running.webhook.name))

    async def _begun(self, running: Running, asked: StoredBackfill, meant: AllOf | None) -> None:
        if not running.is_dry_run:
            try:
                await self._writer.write(partial(backfills.begin, backfill=asked))
            except StorageError as error:
                running.error = str(error)
                return
            telemetry.report(BackfillBegan(asked.webhook, asked.per_second))
        await self._run(running, meant)

    def _in_force(self, begun: Webhook) -> Webhook:
        webhook = self.webhook(begun.name)
        if (webhook.source, webhook.object) != (begun.source, begun.object):
            raise BackfillError(f"the webhook {begun.name} has another source or object now")
        return webhook

    async def _run(self, running: Running, meant: AllOf | None) -> None:
        name, is_others = running.webhook.name, False
        try:
            await self._make(sleep=running.sleep).run(
                partial(self._in_force, running.webhook),
                where=meant,
                count_only=running.is_dry_run,
                per_second=running.per_second,
                made=running.made,
                progress=running.note,
            )
        except WebhookdError as error:
            running.error, is_others = str(error), isinstance(error, TakenOverError)
        except Exception as error:  # noqa: BLE001 - a bug in a backfill ends only that
            telemetry.report(BugFound("backfill.broke", error, {"webhook": name}))
            running.error = "a bug in webhookd; its log has the details"
        if running.is_dry_run:
            return
        made = running.made
        telemetry.report(BackfillEnded(name, made.records, made.deliveries, running.error))
        if running.error is not None and not self._is_stopping and not is_others:
            await self._forget(name)

    async def _forget(self, name: str) -> None:
        try:
            await self._writer.write(partial(backfills.end, webhook=name))
        except StorageError as error:
            # It is taken up again at the next start, and ended by what ended it now.
            telemetry.report(StorageRefused("a backfill's end", 1, str(error)))


def _in_one_line(error: WebhookdError) -> str:
    return "; ".join(str(error).split("\n"))
