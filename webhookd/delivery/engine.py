"""The delivery engine put together: courier, dispatcher, job store and scheduler.

The daemon and the tests build it here, so that both run the same engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from webhookd import telemetry
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.delivery.caused_events import NO_EVENTS
from webhookd.delivery.courier import Courier
from webhookd.delivery.dispatcher import Dispatcher
from webhookd.delivery.job_store import DeliveryJobStore, LaneExecutor
from webhookd.delivery.scheduler import Scheduler
from webhookd.delivery.timers import Timers
from webhookd.telemetry.events import DaemonStopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from webhookd.clock import Clock
    from webhookd.delivery.caused_events import CausedEvents
    from webhookd.delivery.peers import Peers
    from webhookd.delivery.sender import Sender
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer


@dataclass(frozen=True, slots=True)
class DeliveryEngine:
    """A ready engine: `async with` starts attempts, and at its end lets those under way end.

    At the end *grace* returns how many seconds they may take. The writer must run before the block
    begins, and until it has ended.
    """

    secrets: KnownSecrets
    dispatcher: Dispatcher
    store: DeliveryJobStore
    scheduler: Scheduler
    timers: Timers
    grace: Callable[[], float]

    async def __aenter__(self) -> Self:
        """Start the scheduler and let lanes start attempts."""
        self.scheduler.start()
        self.dispatcher.open(self.scheduler.wakeup)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let attempts under way end, write their settlements, then end the scheduler."""
        grace = self.grace()
        unfinished = await self.dispatcher.drain(grace)
        await self.dispatcher.settlements.drain(grace)
        await self.dispatcher.settlements.close()
        self.scheduler.shutdown(wait=False)
        await self.store.drain()
        telemetry.report(DaemonStopped(unfinished))


def build(  # noqa: PLR0913 - each is what a test may have another of
    database: Database,
    writer: Writer,
    peers: Peers,
    sender: Sender,
    *,
    clock: Clock,
    ahead: Callable[[], timedelta],
    max_in_flight: int,
    grace: Callable[[], float],
    events: CausedEvents = NO_EVENTS,
) -> DeliveryEngine:
    """Return an engine that is ready to be entered.

    *peers* stands for the other daemons on the database. *ahead* returns by how much *clock* is
    ahead of this machine's clock, by which APScheduler's timer goes. *grace*: see `DeliveryEngine`.
    *events* makes the own events that the outcomes of attempts cause.
    """
    secrets = KnownSecrets()
    courier = Courier(sender, secrets, clock=clock)
    dispatcher = Dispatcher(
        courier, writer, peers, max_in_flight=max_in_flight, clock=clock, events=events
    )
    store = DeliveryJobStore(dispatcher, writer, database, ahead=ahead)
    timers = Timers()
    scheduler = Scheduler(store, LaneExecutor(dispatcher), timers, ahead=ahead)
    return DeliveryEngine(secrets, dispatcher, store, scheduler, timers, grace)
