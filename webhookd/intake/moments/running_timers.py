"""The timers under way: each takes the moments that have come, one step after the other.

    Timers.begin ─► a task of the webhook ─► step (writer's thread) ─► commit ─► offered to lanes
                         ▲                                                           │
                         └──────────── a rest as long as the step took ◄─────────────┘
                         └─► nothing has come: `Timers.ended` with the next moment

A timer rests between its steps, so that a hundred thousand moments of one minute leave the writer,
and the interpreter, to all other webhooks for most of the time. In a fleet one daemon takes the
moments of a timer at a time (`storage.fleet.exclusive.firing`).

Everything but the steps runs on the event loop.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.delivery.caused_events import NO_EVENTS
from webhookd.errors import StorageError
from webhookd.fleet.exclusive_work import release
from webhookd.intake.claimed_write import ClaimedWriter
from webhookd.intake.moments.moment_step import MomentStep
from webhookd.intake.value_warnings import ValueWarnings
from webhookd.storage.fleet.exclusive import firing
from webhookd.storage.moments import stored_moments, timer_rows
from webhookd.storage.refused_writes import RETRY_SECONDS
from webhookd.telemetry.events import BugFound, MomentsFired, MomentsPlanned, StorageRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import Definitions, Webhook
    from webhookd.delivery.caused_events import CausedEvents
    from webhookd.delivery.claims import ClaimTable
    from webhookd.delivery.timers import Timers
    from webhookd.intake.moments.moment_step import Step
    from webhookd.intake.moments.planning import Planned, Plans
    from webhookd.model import Delivery
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.writer import Writer

BUG_PAUSE: Final = timedelta(minutes=1)
"""How long a timer stands still whose step broke: the others go on."""

ELSEWHERE_PAUSE: Final = timedelta(seconds=2)
"""Pause between two looks at a timer whose moments another daemon takes, which may end any time."""

SHARE: Final = 0.25
"""How much of the time a timer with many moments takes steps; it rests for the rest of it."""


class RunningTimers:
    """Takes the moments of *timers*, as the *definitions* in force say.

    *offer* gets what was just committed, *claims* guard the deliveries that new ones supersede.
    *notify* tells other daemons of moments that were planned here.
    """

    def __init__(  # noqa: PLR0913 - each is what a test may have another of
        self,
        writer: Writer,
        timers: Timers,
        *,
        definitions: Callable[[], Definitions],
        offer: Callable[[Iterable[Delivery]], None],
        claims: ClaimTable,
        clock: Clock,
        new_id: Callable[[datetime], str],
        notify: Callable[[str, Iterable[object]], None] = lambda *_: None,
        events: CausedEvents = NO_EVENTS,
    ) -> None:
        self._writer = writer
        self._timers = timers
        self._events = events
        self._notify = notify
        self._definitions = definitions
        self._claimed_writer = ClaimedWriter(writer, claims=claims, offer=offer)
        self._step = MomentStep(new_id=new_id, events=events)
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._warnings = ValueWarnings()

    def begin(self, webhook: str) -> None:
        """Take what has come of *webhook*, in a task of its own; `Timers.begin` calls it."""
        if self._is_stopping:
            return
        task = asyncio.get_running_loop().create_task(self._run(webhook), name=f"timer {webhook}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def planned(self, source: str, plans: Plans, planned: Planned) -> None:
        """Take note of what the records of a batch led to; intake's callback after a commit."""
        self._warnings.undated(source, plans.undated)
        self._warnings.unreadable(source, plans.unreadable)
        for webhook, count in planned.missed.items():
            telemetry.report(MomentsFired(webhook, {"late": count}))
        if planned.earliest:
            self._timers.planned(planned.earliest)
            self._notify("moments", ())

    async def refresh(self) -> None:
        """Read when each timer has its next moment: at the start, after a reload, now and then.

        What the database refuses is found the next time.
        """
        try:
            self._timers.adopt(await self._writer.read(self._next))
        except StorageError as error:
            telemetry.report(StorageRefused("the next moments", 1, str(error)))

    async def stop(self) -> None:
        """Begin nothing more, and let steps under way end."""
        self._is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _next(self, connection: Connection) -> dict[str, datetime | None]:
        """Return the next moment of each timer that is to be looked at; the writer's thread."""
        in_force, now = self._definitions().webhooks, self._clock.now()
        found: dict[str, datetime | None] = {}
        for timer in timer_rows.all_timers(connection):
            webhook = in_force.get(timer.webhook)
            if webhook is None or not webhook.enabled:
                continue
            is_planned = timer.place is None
            # One that is not planned yet has something to do at once.
            found[timer.webhook] = stored_moments.earliest(connection, timer) if is_planned else now
        return found

    def _in_force(self, name: str) -> Webhook | None:
        webhook = self._definitions().webhooks.get(name)
        return webhook if webhook is not None and webhook.enabled else None

    async def _run(self, name: str) -> None:
        next_at: datetime | None = None
        try:
            next_at = await self._take_all(name)
        except StorageError as error:
            telemetry.report(StorageRefused("moments", 1, str(error)))
            next_at = self._clock.now() + timedelta(seconds=RETRY_SECONDS)
        except Exception as error:  # noqa: BLE001 - one timer's bug must stop only that
            telemetry.report(BugFound("moment.fire_broke", error, {"webhook": name}))
            next_at = self._clock.now() + BUG_PAUSE
        finally:
            release(self._writer, firing(name))
            self._timers.ended(name, next_at)

    async def _take_all(self, name: str) -> datetime | None:
        """Take steps until nothing has come; return when there is something to do again."""
        records = planned = 0
        while not self._is_stopping:
            # Asked for before each step: a reload in between holds for the next one.
            webhook = self._in_force(name)
            if webhook is None:
                return None
            begun = self._clock.monotonic()
            step = await self._taken(webhook)
            if step.is_elsewhere:
                return self._clock.now() + ELSEWHERE_PAUSE
            records, planned = records + step.records, planned + step.planned
            if step.is_planned:
                telemetry.report(MomentsPlanned(name, records, planned))
                records = planned = 0
            if not step.has_more:
                return step.next_at
            took = self._clock.monotonic() - begun
            await asyncio.sleep(took * (1 - SHARE) / SHARE)
        return None

    async def _taken(self, webhook: Webhook) -> Step:
        """Take one step, and return it when it is on the disk."""
        unit = partial(self._step.take, webhook, self._clock.now())
        webhooks = [webhook.name, *self._events.listening()]
        done = self._claimed_writer.write(webhooks, unit, partial(self._committed, webhook))
        # Shielded: whoever stops leaves the step to the writer, whole or not at all.
        return await asyncio.shield(done)

    def _committed(self, webhook: Webhook, step: Step) -> Sequence[Delivery]:
        """Report a step, and return what is to be offered; `ClaimedWriter` calls it."""
        outcomes = {name: count for name, count in step.outcomes.items() if count}
        if outcomes:
            telemetry.report(MomentsFired(webhook.name, outcomes, tuple(step.lags)))
        self._warnings.undated(webhook.source, step.undated)
        self._warnings.unreadable(webhook.source, step.unreadable)
        found = ((key[0], value) for key, value in step.incomparable.items())
        self._warnings.incomparable(webhook.source, found)
        return step.to_offer()
