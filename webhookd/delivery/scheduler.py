"""APScheduler as this daemon's timer: for pending deliveries, and for periodic work.

    default     jobs in memory: housekeeping, polls, each every so often
    deliveries  the outbox (`job_store`), whose jobs are the pending deliveries
    moments     the timers of webhooks (`timers`), each with its next moment

    wakeup (anybody) ─┐
    the timer rings  ─┴─► _round, in the next turn of the event loop ─► the timer is armed again

Everything runs on the event loop.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from webhookd import clock, telemetry
from webhookd.delivery.job_store import STORE
from webhookd.delivery.timers import MOMENTS, MomentJobStore, TimerExecutor
from webhookd.storage.refused_writes import RETRY_SECONDS
from webhookd.telemetry.events import BugFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apscheduler.job import Job

    from webhookd.delivery.job_store import DeliveryJobStore, LaneExecutor
    from webhookd.delivery.timers import Timers

LONGEST_WAIT_SECONDS = 60.0
"""Seconds that the timer counts at the most.

It counts on a clock that stands still while the machine sleeps, and deliveries are due by one that
is set now and then.
"""

CLOCK_ERROR = timedelta(seconds=1)
"""A clock that is set back by no more than this is one that keeps time."""

Periodic: TypeAlias = "Callable[[], Awaitable[None]]"


def _one_at_a_time(work: Periodic) -> Periodic:
    """Return *work* made to do nothing while it is under way."""
    is_busy = False

    async def once() -> None:
        nonlocal is_busy
        if is_busy:
            return
        is_busy = True
        try:
            await work()
        finally:
            is_busy = False

    return once


class Scheduler(AsyncIOScheduler):  # type: ignore[misc]  # the library has no types
    """APScheduler with its three stores.

    A bug in a job store must not leave the timer unarmed, which would stop every retry without
    a word; so a round that breaks is reported and tried again.
    """

    def __init__(
        self,
        store: DeliveryJobStore,
        executor: LaneExecutor,
        timers: Timers,
        *,
        ahead: Callable[[], timedelta] = timedelta,
    ) -> None:
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        super().__init__(
            jobstores={
                "default": MemoryJobStore(),
                STORE: store,
                MOMENTS: MomentJobStore(timers, ahead=ahead),
            },
            executors={
                "default": AsyncIOExecutor(),
                STORE: executor,
                MOMENTS: TimerExecutor(timers),
            },
            timezone=UTC,
        )
        self._is_asked = False
        self._periodic: list[Job] = []

    def wakeup(self) -> None:
        """Look for due jobs in the next turn of the event loop; several calls are one."""
        if not self._is_asked and self._eventloop is not None:
            self._is_asked = True
            self._eventloop.call_soon(self._round)

    def every(self, period: timedelta, work: Periodic, name: str) -> None:
        """Run *work* every *period*, never twice at the same time."""
        self._every(period, work, name)

    def at_once_and_every(self, period: timedelta, work: Periodic, name: str) -> Callable[[], None]:
        """Run *work* now and then every *period*, never twice at the same time.

        Returns what ends it; work that is under way is not touched.
        """
        job = self._every(period, work, name, next_run_time=clock.now())

        def end() -> None:
            self._periodic.remove(job)
            job.remove()

        return end

    def _every(self, period: timedelta, work: Periodic, name: str, **when: datetime) -> Job:
        job = self.add_job(
            _one_at_a_time(work),
            "interval",
            seconds=period.total_seconds(),
            id=name,
            coalesce=True,
            # The second ends at once (`_one_at_a_time`): with one, the library would log a warning
            # for each run that it leaves out.
            max_instances=2,
            misfire_grace_time=None,
            **when,
        )
        self._periodic.append(job)
        return job

    def _round(self) -> None:
        # First: a wakeup that comes out of this round means another one.
        self._is_asked = False
        if self._eventloop is None:
            # Shut down since the wakeup.
            return
        self._stop_timer()
        try:
            self._follow_clock()
            wait = self._process_jobs()
        except Exception as error:  # noqa: BLE001 - the timer is armed again whatever happens
            telemetry.report(BugFound("scheduler.round_broke", error))
            wait = RETRY_SECONDS
        self._start_timer(LONGEST_WAIT_SECONDS if wait is None else min(wait, LONGEST_WAIT_SECONDS))

    def _follow_clock(self) -> None:
        """Run at once what seems further away than its period: the clock was set back."""
        now = clock.now()
        for job in self._periodic:
            if job.next_run_time - now > job.trigger.interval + CLOCK_ERROR:
                job.modify(next_run_time=now)
