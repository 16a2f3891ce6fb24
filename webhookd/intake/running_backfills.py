"""The backfills that are under way: begun when asked for, one for each webhook, ended in order.

    asked for ──begin──► under way ──its records are over, `end`, its webhook is gone──► ended
                          │     ▲                                        (its row is deleted)
                 stop, crash    └─ `start`, or `take_over` at another daemon

A backfill does not depend on the person who asked for it: it goes on when the client is gone, and
after a stop or a crash of the daemon where it was. What it stored by its end stays. In a fleet the
daemon that runs it has its lock (`storage.fleet.exclusive.backfilling`).

Everything runs on the event loop, as a task for each backfill; what a task awaits may be overtaken
by another request, so whatever is checked is checked behind the last await.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.config.condition_option import conditions
from webhookd.delivery.caused_events import NO_EVENTS
from webhookd.errors import StorageError, WebhookdError
from webhookd.fleet.exclusive_work import release
from webhookd.intake.backfill import PER_SECOND, Backfill, Backfilled
from webhookd.intake.backfill_run import Running
from webhookd.intake.backfill_runner import BackfillRunner
from webhookd.intake.backfilled_webhook import (
    BackfillError,
    UnknownBackfillError,
    may_be_backfilled,
    parted,
    past_texts,
    require_past,
)
from webhookd.intake.unseen_properties import UnseenProperties
from webhookd.storage.fleet.exclusive import backfilling
from webhookd.storage.records import backfills
from webhookd.storage.records.backfills import StoredBackfill
from webhookd.telemetry.events import BackfillEnded, BackfillResumed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from webhookd.clock import Clock
    from webhookd.definitions import AllOf, Definitions, Webhook
    from webhookd.delivery.caused_events import CausedEvents
    from webhookd.delivery.claims import ClaimTable
    from webhookd.model import Delivery
    from webhookd.storage.database.writer import Writer

_STOPPING: Final = "the daemon stops; it goes on when that runs again"


class Backfills:
    """Begins backfills and ends them, of webhooks as the *definitions* in force say."""

    def __init__(
        self,
        writer: Writer,
        *,
        definitions: Callable[[], Definitions],
        offer: Callable[[Iterable[Delivery]], None],
        claims: ClaimTable,
        clock: Clock,
        new_id: Callable[[datetime], str],
        may_end_unknown: Callable[[], bool],
        events: CausedEvents = NO_EVENTS,
    ) -> None:
        self._writer = writer
        self._may_end_unknown = may_end_unknown
        self._definitions = definitions
        self._now = clock.now
        self._runner = BackfillRunner(
            writer,
            partial(
                Backfill,
                writer,
                offer=offer,
                claims=claims,
                clock=clock,
                new_id=new_id,
                events=events,
            ),
            definitions=definitions,
            is_stopping=lambda: self._is_stopping,
        )
        self._running: list[Running] = []
        self._is_stopping = False
        self._has_started = False

    def webhook(self, name: str) -> Webhook:
        """Return the webhook *name* as it is in force.

        Raises an UnknownBackfillError or a BackfillError when it cannot be backfilled.
        """
        return may_be_backfilled(self._definitions(), name)

    @property
    def under_way(self) -> list[Running]:
        """Return those that make deliveries, the first begun first."""
        # Dry runs take no place: several may count at once, beside one that stores.
        return [one for one in self._running if not one.is_dry_run]

    async def begin(
        self,
        name: str,
        where: Sequence[str] = (),
        *,
        per_second: float = PER_SECOND,
        past: timedelta | None = None,
        is_dry_run: bool = False,
    ) -> Running:
        """Begin to enroll the known records of the webhook *name* for which all of *where* holds.

        *past*: how long ago moments of a webhook that is due by dates may have been to be made up
        for. Raises as `webhook` does, and a ConfigError when *where* is wrong.
        """
        require_past(self.webhook(name), past)
        meant = await self._meant(self.webhook(name), where)
        since = None if past is None else self._now() - past
        with self._lock_given_back(name):
            acquire = partial(backfills.acquire, webhook=name)
            if not is_dry_run and not await self._writer.read(acquire):
                raise BackfillError(
                    f"a backfill of {name} is under way at another daemon; wait for its end, or"
                    f" end it with `webhookd backfill {name} --stop`"
                )
            # Behind the last await: of two that are begun at once, the second finds the first.
            webhook = self.webhook(name)
            if self._is_stopping:
                raise BackfillError("the daemon stops")
            if not is_dry_run and self._of(name) is not None:
                raise BackfillError(
                    f"a backfill of {name} is under way; wait for its end, or end it with"
                    f" `webhookd backfill {name} --stop`"
                )
            unseen = UnseenProperties(webhook, meant) if is_dry_run else None
            running = Running(webhook, per_second, is_dry_run, unseen=unseen)
            kept = (*where, *past_texts(since))
            asked = StoredBackfill(name, kept, per_second, self._now())
            self._start(running, self._runner.begin(running, asked, meant, since))
        return running

    async def start(self) -> None:
        """Go on with those that a stop or a crash interrupted, and take over others from then on.

        Raises StorageError when the database refuses.
        """
        await self._resume_all()
        self._has_started = True

    async def take_over(self) -> None:
        """Go on with those of daemons that are gone; membership calls it after each pass.

        Does nothing before the start is over. What the database refuses is tried again at the
        next pass.
        """
        if self._has_started:
            with suppress(StorageError):
                await self._resume_all()

    async def _resume_all(self) -> None:
        """Go on with those that nobody runs; of several daemons, one that knows the webhook."""
        for stored in await self._writer.read(backfills.unfinished):
            name = stored.webhook
            if self._is_stopping or self._of(name) is not None:
                continue
            # Where the webhook is not in this daemon's file, to resume the backfill is to end it.
            if self._may_end_unknown() or name in self._definitions().webhooks:
                with self._lock_given_back(name):
                    await self._resume(name)

    async def _resume(self, name: str) -> None:
        """Go on with the backfill of the webhook *name*, unless another daemon does."""
        stored = await self._writer.read(partial(backfills.acquired, webhook=name))
        if stored is None:
            return
        made = Backfilled(stored.records, stored.deliveries, stored.after)
        try:
            webhook = self.webhook(name)
            where, past = parted(stored.conditions)
            meant = await self._meant(webhook, where)
        except WebhookdError as error:
            await self._writer.write(partial(backfills.end, webhook=name))
            telemetry.report(
                BackfillEnded(name, made.records, made.deliveries, _in_one_line(error))
            )
            return
        # Behind the last await, as in `begin`.
        if self._is_stopping or self._of(name) is not None:
            return
        telemetry.report(BackfillResumed(name, made.records, made.deliveries))
        running = Running(webhook, stored.per_second, made=made)
        self._start(running, self._runner.run(running, meant, past))

    async def end(self, name: str) -> Running:
        """End the backfill of the webhook *name* by hand; return how far it came.

        UnknownBackfillError when none is under way.
        """
        running = self._of(name)
        if running is None or running.task is None:
            return await self._end_elsewhere(name)
        # The task takes its row away itself, after the step it is at.
        running.stop("ended by hand")
        await asyncio.wait([running.task])
        return running

    async def _end_elsewhere(self, name: str) -> Running:
        """End a backfill of another daemon, which sees that at its next step."""
        # Its row is its mandate: without one the step that comes next there is undone.
        stored = await self._writer.write(partial(backfills.end, webhook=name))
        if stored is None:
            raise UnknownBackfillError(f"no backfill of {name!r} is under way")
        made = Backfilled(stored.records, stored.deliveries, stored.after)
        return Running(self.webhook(name), stored.per_second, made=made, error="ended by hand")

    async def stop(self) -> None:
        """Let all of them rest, each after the step it is at."""
        # First: `begin` and `_resume` look at it behind their last await, and start nothing more.
        self._is_stopping = True
        tasks = [one.task for one in self._running if one.task is not None]
        for one in self._running:
            one.stop(_STOPPING)
        if tasks:
            await asyncio.wait(tasks)

    @contextmanager
    def _lock_given_back(self, name: str) -> Iterator[None]:
        """Give the lock of the webhook *name* back behind the block, unless a backfill uses it.

        Else no other daemon could backfill the webhook for as long as this one runs.
        """
        try:
            yield
        finally:
            # `_ended` does it for one that runs. Another request that waits for the same lock may
            # lose it so, and gets it again with its first step.
            if self._of(name) is None:
                release(self._writer, backfilling(name))

    def _of(self, name: str) -> Running | None:
        return next((one for one in self.under_way if one.webhook.name == name), None)

    async def _meant(self, webhook: Webhook, where: Sequence[str]) -> AllOf | None:
        source = self._definitions().sources[webhook.source]
        return await asyncio.to_thread(conditions, where, source, webhook.object)

    def _start(self, running: Running, work: Coroutine[None, None, None]) -> None:
        running.begin(work, partial(self._ended, running))
        self._running.append(running)

    def _ended(self, running: Running) -> None:
        # Behind everything that the task queued at the writer, so behind its last step.
        self._running.remove(running)
        if not running.is_dry_run:
            release(self._writer, backfilling(running.webhook.name))


def _in_one_line(error: WebhookdError) -> str:
    return "; ".join(str(error).split("\n"))
