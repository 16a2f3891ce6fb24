"""APScheduler's job store whose jobs are the pending deliveries.

Nothing is pickled and nothing is copied: a job *is* a row of the outbox. The scheduler's timer
asks the store what is due; the store answers from what a pump has fetched ahead, so that the
event loop never waits for SQL, and a job leaves only when its delivery is settled.

    timer or wakeup ─► _round ─► get_due_jobs ─► _pump (a task) ─► Peers.fetch, writer's thread
                         ▲            │                                        │
                         │            └─ last round's buffer ─► Dispatcher.arrived
                         └────────── wakeup ◄─── buffer ◄─── LaneFetches.fetched

Everything but SQL runs on the event loop. A round never awaits: what it wants fetched comes to a
later round, which the pump's wakeup begins.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.jobstores.base import BaseJobStore
from apscheduler.triggers.base import BaseTrigger

from webhookd import telemetry
from webhookd.delivery.settlements import BUG_SECONDS
from webhookd.errors import StorageError
from webhookd.storage.deliveries import settle
from webhookd.storage.refused_writes import RETRY_SECONDS
from webhookd.telemetry.events import BugFound, StorageRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhookd.delivery.dispatcher import Dispatcher
    from webhookd.model import Delivery
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.deliveries.due import Due, FetchRequest

STORE = "deliveries"
"""The name of the outbox among APScheduler's job stores, and of the executor of its jobs."""


NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The next time of a job that was handed out, as APScheduler must have one."""


class NeverEnding(BaseTrigger):  # type: ignore[misc]  # the library has no types
    """Fire when the delivery is due, and never be finished.

    APScheduler removes a job whose trigger has no next time the moment it is handed to an
    executor: a crash in mid-attempt would lose the delivery. With a next time it calls
    `update_job` instead, which this store answers by doing nothing: what ends a delivery is
    its settlement.
    """

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return *now* for a job that never ran, else a time that never comes."""
        return now if previous is None else NEVER


def job_of(
    store: BaseJobStore,
    id_: str,
    func: Callable[..., None],
    reference: str,
    argument: object,
    executor: str,
    at: datetime,
) -> Job:
    """Return a job of *store*, made by hand: its constructor would look up a function.

    It calls *func*, which stands at *reference*, with *argument*. What ends it is what it stands
    for: neither how late it is nor how often it was missed decides anything.
    """
    job: Any = Job.__new__(Job)
    job._scheduler = store._scheduler  # noqa: SLF001 - what every job store sets
    job._jobstore_alias = store._alias  # noqa: SLF001 - what every job store sets
    job.id = job.name = id_
    job.func, job.func_ref = func, reference
    job.args, job.kwargs = (argument,), {}
    job.trigger, job.executor, job.next_run_time = NeverEnding(), executor, at
    job.misfire_grace_time, job.coalesce, job.max_instances = None, True, 1
    return job


class LaneExecutor(BaseExecutor):  # type: ignore[misc]  # the library has no types
    """Hands due deliveries to their lanes, which start them."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__()
        self._dispatcher = dispatcher

    def submit_job(self, job: Job, run_times: list[datetime]) -> None:  # noqa: ARG002 - the library's signature
        """Give a job's deliveries to their lanes, which never refuse what they prefetched."""
        self._dispatcher.arrived(job.args[0])

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        self.submit_job(job, run_times)


class DeliveryJobStore(BaseJobStore):  # type: ignore[misc]  # the library has no types
    """The outbox, as APScheduler sees it.

    `get_due_jobs` and `get_next_run_time` read memory only. The others serve people and tests
    (`scheduler.get_jobs()`) and read the database where they are called.

    *ahead* says by how much the clock that deliveries go by is ahead of this machine's.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        writer: Writer,
        database: Database,
        *,
        ahead: Callable[[], timedelta] = timedelta,
    ) -> None:
        super().__init__()
        self._dispatcher = dispatcher
        self._fetches = dispatcher.fetches
        self._writer = writer
        self._database = database
        self._ahead = ahead
        # Fetched, and handed out in the next round: `LaneMemory.arriving` has each until then.
        self._buffer: deque[Delivery] = deque()
        self._pumping: set[asyncio.Task[None]] = set()

    async def drain(self) -> None:
        """Wait for fetches under way; nothing is lost when their rows stay unused."""
        if self._pumping:
            await asyncio.wait(self._pumping)

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """Return what has been fetched, as one job, and have fetched what lanes want next.

        APScheduler takes ten microseconds for a job, as long as it takes to sign a request.
        """
        # Each lane in it is fetching from here on: it wants nothing until its pump has ended, and
        # two rounds in a row fetch nothing twice.
        there = now + self._ahead()
        wanted = self._fetches.requests(there)
        for some in self._dispatcher.peers.batches(wanted):
            task = asyncio.get_running_loop().create_task(self._pump(some, there))
            self._pumping.add(task)
            task.add_done_callback(self._pumping.discard)
        # What the tasks above fetch is for a later round: this answer must not wait for them.
        if not self._buffer:
            return []
        fetched = tuple(self._buffer)
        self._buffer.clear()
        return [self._job(fetched, now)]

    def get_next_run_time(self) -> datetime | None:
        """Return when there will be something to do; the pump wakes the scheduler besides."""
        due_at = self._fetches.next_due()
        return None if due_at is None else due_at - self._ahead()

    def update_job(self, job: Job) -> None:
        """Move a delivery's next attempt, where that was asked for by a person.

        APScheduler calls this too for what it just handed out, with a time that never comes:
        nothing is written then, nor for what is in its lane already. Called on the event loop,
        which does not wait for the write; a refused one is logged. Raises TypeError where a person
        pauses a single delivery.
        """
        # In the lane it may be under way, and its settlement says when it goes again.
        if job.next_run_time == NEVER or self._dispatcher.lanes.is_prefetched(job.args[0][0]):
            return
        if job.next_run_time is None:
            raise TypeError("a delivery cannot be paused alone: pause its webhook")
        self._submit(lambda connection: settle.reschedule(connection, job.id, job.next_run_time))

    def lookup_job(self, job_id: str) -> Job | None:
        """Return the pending delivery with this id as a job."""
        with self._database.reading() as connection:
            found = settle.waiting(connection, job_id)
        return self._job(found, found[0].due_at) if found else None

    def get_all_jobs(self) -> list[Job]:
        """Return every pending delivery as a job, next attempt first."""
        with self._database.reading() as connection:
            return [self._job((one,), one.due_at) for one in settle.waiting(connection)]

    def add_job(self, job: Job) -> None:
        """Refuse: deliveries come in through intake, in one transaction with their records."""
        raise TypeError(f"job {job.id} cannot be added: deliveries are stored by intake")

    def remove_job(self, job_id: str) -> None:
        """Refuse: a delivery leaves the store by its settlement only."""
        raise TypeError(f"job {job_id} cannot be removed: its settlement ends it")

    def remove_all_jobs(self) -> None:
        """Refuse: a delivery leaves the store by its settlement only."""
        raise TypeError("deliveries cannot be removed from the store")

    async def _pump(self, wanted: Sequence[FetchRequest], now: datetime) -> None:
        try:
            found = await self._dispatcher.peers.fetch(wanted, now)
        except StorageError as error:
            # Whether it was claimed is not known. If so, its owner may claim it again (rule 9).
            telemetry.report(StorageRefused("due", len(wanted), str(error)))
            self._fetches.failed(wanted, again_in=RETRY_SECONDS)
        except Exception as error:  # noqa: BLE001 - one lane's bad row must stop only that lane
            await self._pump_apart(wanted, now, error)
        else:
            # Rule 2: nothing is awaited between the answer and this, so answers of fetches and of
            # settlements are taken in the order of their commits.
            self._take(found)
        # Rule 4: after a failure, too, for the timer does not know when the lanes ask again.
        self._scheduler.wakeup()

    async def _pump_apart(
        self, wanted: Sequence[FetchRequest], now: datetime, error: Exception
    ) -> None:
        if len(wanted) > 1:
            # Each lane alone: a row that cannot be read stops only its own.
            for one in wanted:
                await self._pump([one], now)
            return
        telemetry.report(BugFound("delivery.fetch_broke", error))
        self._fetches.failed(wanted, again_in=BUG_SECONDS)

    def _take(self, found: Sequence[Due]) -> None:
        for due in found:
            self._buffer.extend(self._fetches.fetched(due))

    def _submit(self, unit: Callable[[Any], object]) -> None:
        self._writer.write(unit).add_done_callback(self._moved)

    def _moved(self, done: asyncio.Future[object]) -> None:
        error = done.exception()
        if error is not None:
            telemetry.report(StorageRefused("a rescheduled delivery", 1, str(error)))
        # Behind the commit: the fetches that this begins see the new time (rule 4).
        self._fetches.refetch()

    def _job(self, deliveries: Sequence[Delivery], at: datetime) -> Job:
        arrived = self._dispatcher.arrived
        reference = "webhookd.delivery.dispatcher:Dispatcher.arrived"
        job = job_of(self, deliveries[0].id, arrived, reference, deliveries, STORE, at)
        job.name = deliveries[0].webhook
        return job
