"""The database, the fleet and the delivery engine of a daemon, built and joined to each other."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from webhookd import __version__, clock
from webhookd.delivery import engine
from webhookd.delivery.peers import Alone
from webhookd.delivery.sender import LocalSender
from webhookd.fleet.database_clock import SharedClock
from webhookd.fleet.exclusive_work import ExclusiveWork
from webhookd.fleet.fleet_peers import FleetPeers
from webhookd.fleet.known_members import KnownMembers
from webhookd.operations.housekeeping import EVERY, Housekeeping
from webhookd.process import state
from webhookd.storage.database.connection import Member
from webhookd.storage.database.writer import Writer

if TYPE_CHECKING:
    from webhookd.clock import Clock
    from webhookd.config.settings.process_settings import Settings
    from webhookd.delivery.engine import DeliveryEngine
    from webhookd.intake.own_events.own_events import OwnEvents
    from webhookd.operations.activity_counts import ActivityCounts
    from webhookd.process.signals import StopSignal
    from webhookd.storage.database.database import Database
    from webhookd.transport import Transport

Part: TypeAlias = AbstractAsyncContextManager[object]


@dataclass(frozen=True, slots=True)
class Storage:
    """The database and its writer. In a fleet *clock* goes by the database's time."""

    database: Database
    writer: Writer
    shared_clock: SharedClock
    clock: Clock


@dataclass(frozen=True, slots=True)
class Fleet:
    """The other daemons on the database. *peers* is None where there can be none."""

    peers: FleetPeers | None
    members: KnownMembers
    exclusive_work: ExclusiveWork


def build_storage(settings: Settings, database: Database, stop: StopSignal) -> Storage:
    """Return *database* with its writer, not yet entered. Raises StorageError."""
    name = state.name_of(settings.state_directory)
    member = Member(name, settings.host, os.getpid(), __version__)
    shared_clock = SharedClock()
    return Storage(
        database,
        Writer(database, stop.lose, member),
        shared_clock,
        replace(clock.SYSTEM, now=shared_clock.now),
    )


def build_fleet(storage: Storage) -> Fleet:
    """Return what the daemon knows of other daemons: the one place that asks for it."""
    writer = storage.writer
    peers = FleetPeers(writer, clock=storage.clock) if writer.is_shared else None
    return Fleet(peers, KnownMembers(), ExclusiveWork(writer))


def build_delivery(
    settings: Settings,
    storage: Storage,
    fleet: Fleet,
    transport: Transport,
    stop: StopSignal,
    events: OwnEvents,
    activity: ActivityCounts,
) -> DeliveryEngine:
    """Return the delivery engine, with retention among the jobs of its scheduler."""

    def grace() -> float:
        # What another daemon owns by now cannot be written: waiting would only make it send twice.
        return 0.0 if stop.error is not None else settings.shutdown_timeout.total_seconds()

    built = engine.build(
        storage.database,
        storage.writer,
        fleet.peers or Alone(storage.writer, clock=storage.clock),
        LocalSender(transport),
        clock=storage.clock,
        ahead=storage.shared_clock.ahead,
        max_in_flight=settings.max_in_flight,
        grace=grace,
        events=events,
    )
    housekeeping = Housekeeping(
        storage.database,
        storage.writer,
        retention=settings.retention,
        activity=activity,
        clock=storage.clock,
    )
    built.scheduler.every(EVERY, housekeeping.tidy, "retention")
    return built
