"""APScheduler's job store whose jobs are the timers of webhooks: when each has its next moment.

A moment is a row of the database and never a job: of each timer memory has one time, its next. The
scheduler asks what is due, hands each timer that is to its executor, and what this begins takes the
moments, step by step.

    planned, refreshed ─► next_at ─► round ─► get_due_jobs ─► TimerExecutor ─► begin(webhook)
                             ▲                                                     │
                             └──────────── ended(webhook, next_at) ◄───────────────┘

Everything runs on the event loop. A timer that is under way is not due again; what is planned
meanwhile is remembered for its end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.base import BaseExecutor
from apscheduler.jobstores.base import BaseJobStore

from webhookd.delivery.job_store import job_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apscheduler.job import Job

MOMENTS = "moments"
"""The name of the timers among APScheduler's job stores, and of the executor of its jobs."""


class _Timer:
    """One timer: its next moment, and whether its moments are being taken."""

    def __init__(self) -> None:
        self.next_at: datetime | None = None
        self.is_under_way = False

    def adopt(self, at: datetime | None) -> None:
        """Take over the next moment as it was read; under way, it is perhaps one of before."""
        if self.is_under_way:
            self.note(at)
        else:
            self.next_at = at

    def note(self, at: datetime | None) -> bool:
        """Take note of a moment, and return whether it is earlier than the next one so far."""
        if at is None or (self.next_at is not None and self.next_at <= at):
            return False
        self.next_at = at
        return True

    def begin(self) -> None:
        """Be under way: what is planned from here on is for the end of that."""
        self.is_under_way, self.next_at = True, None

    def end(self, at: datetime | None) -> None:
        """Be over, with the next moment as far as was seen."""
        self.is_under_way = False
        self.note(at)


class Timers:
    """The next moment of each webhook's timer. *begin* is called with a webhook that is due."""

    def __init__(self) -> None:
        self._timers: dict[str, _Timer] = {}
        self._wake: Callable[[], None] = lambda: None
        self._begin: Callable[[str], None] = lambda _: None

    def attach(self, wake: Callable[[], None], begin: Callable[[str], None]) -> None:
        """Hear when one is due: *wake* has the scheduler look, *begin* takes its moments."""
        self._wake, self._begin = wake, begin

    def adopt(self, next_at: Mapping[str, datetime | None]) -> None:
        """Take over the next moment of every timer, as the database has them; others are gone."""
        for name in self._timers.keys() - next_at.keys():
            if not self._timers[name].is_under_way:
                del self._timers[name]
        for name, at in next_at.items():
            self._timers.setdefault(name, _Timer()).adopt(at)
        self._wake()

    def planned(self, earliest: Mapping[str, datetime]) -> None:
        """Take note of moments that were just committed, the earliest of each webhook."""
        noted = [self._timers.setdefault(name, _Timer()).note(at) for name, at in earliest.items()]
        if any(noted):
            self._wake()

    def due(self, now: datetime) -> list[str]:
        """Return the webhooks whose next moment has come and that are not under way."""
        return [
            name
            for name, timer in self._timers.items()
            if not timer.is_under_way and timer.next_at is not None and timer.next_at <= now
        ]

    def next_at(self) -> datetime | None:
        """Return the next moment of all timers that are not under way."""
        times = (one.next_at for one in self._timers.values() if not one.is_under_way)
        return min((at for at in times if at is not None), default=None)

    def all_next(self) -> dict[str, datetime]:
        """Return the next moment of each timer that has one."""
        return {name: one.next_at for name, one in self._timers.items() if one.next_at is not None}

    def begin(self, webhook: str) -> None:
        """Have the moments of *webhook* taken, until `ended`."""
        self._timers.setdefault(webhook, _Timer()).begin()
        self._begin(webhook)

    def ended(self, webhook: str, next_at: datetime | None) -> None:
        """Take note that all that was due was taken, and when the next is, as far as was seen."""
        timer = self._timers.get(webhook)
        if timer is None:
            return
        timer.end(next_at)
        self._wake()


class TimerExecutor(BaseExecutor):  # type: ignore[misc]  # the library has no types
    """Begins the timers that are due."""

    def __init__(self, timers: Timers) -> None:
        super().__init__()
        self._timers = timers

    def submit_job(self, job: Job, run_times: list[datetime]) -> None:  # noqa: ARG002 - the library's signature
        """Begin a timer, which is never refused: it takes its moments one step after the other."""
        self._timers.begin(job.id)

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        self.submit_job(job, run_times)


class MomentJobStore(BaseJobStore):  # type: ignore[misc]  # the library has no types
    """The timers, as APScheduler sees them; it reads memory only.

    *ahead* says by how much the clock that moments go by is ahead of this machine's.
    """

    def __init__(self, timers: Timers, *, ahead: Callable[[], timedelta] = timedelta) -> None:
        super().__init__()
        self._timers = timers
        self._ahead = ahead

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """Return a job for each timer whose moment has come."""
        return [self._job(name, now) for name in self._timers.due(now + self._ahead())]

    def get_next_run_time(self) -> datetime | None:
        """Return when the next moment is."""
        at = self._timers.next_at()
        return None if at is None else at - self._ahead()

    def lookup_job(self, job_id: str) -> Job | None:
        """Return the timer of the webhook *job_id* as a job; None when it has no moment."""
        return next((job for job in self.get_all_jobs() if job.id == job_id), None)

    def get_all_jobs(self) -> list[Job]:
        """Return every timer that awaits a moment as a job."""
        found = self._timers.all_next()
        return [self._job(name, at) for name, at in sorted(found.items(), key=lambda one: one[1])]

    def update_job(self, job: Job) -> None:
        """Do nothing: APScheduler gives what it just handed out a time that never comes."""

    def add_job(self, job: Job) -> None:
        """Refuse: timers are those of the webhooks in force."""
        raise TypeError(f"job {job.id} cannot be added: timers are those of the webhooks in force")

    def remove_job(self, job_id: str) -> None:
        """Refuse: timers are those of the webhooks in force."""
        raise TypeError(f"job {job_id} cannot be removed: its webhook is in force")

    def remove_all_jobs(self) -> None:
        """Refuse: timers are those of the webhooks in force."""
        raise TypeError("timers cannot be removed: their webhooks are in force")

    def _job(self, webhook: str, at: datetime) -> Job:
        reference = "webhookd.delivery.timers:Timers.begin"
        return job_of(self, webhook, self._timers.begin, reference, webhook, MOMENTS, at)
