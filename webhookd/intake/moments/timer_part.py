"""The timers of webhooks as a part of the daemon, joined to the engine that has them taken."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd import clock
from webhookd.intake.moments.running_timers import RunningTimers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from webhookd.clock import Clock
    from webhookd.definitions import Definitions
    from webhookd.delivery.caused_events import CausedEvents
    from webhookd.delivery.engine import DeliveryEngine
    from webhookd.storage.database.writer import Writer

LOOK_EVERY: Final = timedelta(minutes=1)
"""How often the database is asked for moments that this daemon was not told of."""


def build_timers(
    writer: Writer,
    delivery: DeliveryEngine,
    definitions: Callable[[], Definitions],
    events: CausedEvents,
    fleet_clock: Clock,
) -> RunningTimers:
    """Return what takes the moments of all timers; it is called when *delivery* finds them due."""
    running = RunningTimers(
        writer,
        delivery.timers,
        definitions=definitions,
        offer=delivery.dispatcher.offer,
        claims=delivery.dispatcher.claims,
        clock=fleet_clock,
        new_id=clock.new_id,
        notify=delivery.dispatcher.peers.notify,
        events=events,
    )
    delivery.timers.attach(delivery.scheduler.wakeup, running.begin)
    delivery.scheduler.every(LOOK_EVERY, running.refresh, "timers")
    return running


@asynccontextmanager
async def firing(running: RunningTimers) -> AsyncIterator[None]:
    """Let moments come about, as they do since the configuration is in force; stop at the end."""
    try:
        yield
    finally:
        await running.stop()
