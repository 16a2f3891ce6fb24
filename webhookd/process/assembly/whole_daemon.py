"""The parts of the daemon, built from its settings, joined to each other, and put in order.

Building starts nothing. Everything begins when a part is entered, in the order of `Daemon.parts`,
and ends in reverse:

    writer, shared clock, heartbeat, probes, transport,     what all other parts need
    tracing
    own events, delivery engine                             attempts may start
    sources                                                 nothing is read yet
    configuration in force, membership in the fleet         sources begin to read
    admin API, wakes, backfills, readiness                  others may ask

A part that needs something of a part that is built later gets a value that is filled then
(`InForce`, `KnownMembers`), not an attribute that is set afterwards.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.authentication.keyring import Keyring
from webhookd.definitions.in_force import InForce
from webhookd.delivery.sender import LocalSender
from webhookd.fleet.membership import Membership, MembershipDependencies
from webhookd.intake.batch import Intake
from webhookd.intake.moments.timer_part import build_timers, firing
from webhookd.intake.own_events.backlog_watch import BacklogWatch
from webhookd.intake.own_events.own_events import OwnEvents
from webhookd.intake.running_backfills import Backfills
from webhookd.operations.activity_counts import ActivityCounts
from webhookd.operations.control import Control
from webhookd.operations.control_dependencies import ControlDependencies
from webhookd.operations.reloading.reload import ReloadDependencies, Reloader
from webhookd.process import descriptors, parts
from webhookd.process.assembly.engine_assembly import (
    Fleet,
    Part,
    Storage,
    build_delivery,
    build_fleet,
    build_storage,
)
from webhookd.process.assembly.source_assembly import build_sources
from webhookd.process.assembly.wake_assembly import UnheardWakes, both, build_inbound
from webhookd.process.garbage import Keeping
from webhookd.transport import Transport

if TYPE_CHECKING:
    from webhookd.config.loading import Loaded
    from webhookd.config.settings.process_settings import Settings
    from webhookd.delivery.engine import DeliveryEngine
    from webhookd.intake.moments.running_timers import RunningTimers
    from webhookd.process.beginning import Beginning
    from webhookd.process.heartbeat import Heartbeat
    from webhookd.process.signals import StopSignal
    from webhookd.sources.runner import RunningSources
    from webhookd.storage.database.database import Database


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is ready to start: enter *parts* in order, and leave them in reverse."""

    parts: tuple[Part, ...]
    reloader: Reloader


@dataclass(frozen=True, slots=True)
class _Work:
    """All that reads records and delivers changes, whichever configuration is in force."""

    storage: Storage
    fleet: Fleet
    in_force: InForce
    transport: Transport
    events: OwnEvents
    activity: ActivityCounts
    delivery: DeliveryEngine
    keyring: Keyring
    timers: RunningTimers
    sources: RunningSources
    backfills: Backfills


def assemble(
    settings: Settings,
    beginning: Beginning,
    database: Database,
    heartbeat: Heartbeat,
    stop: StopSignal,
) -> Daemon:
    """Return the daemon of *settings*.

    Raises StorageError when the state directory cannot be read or written.
    """
    work = _build_work(settings, database, stop)
    reloader = _build_reloader(settings, beginning, work)
    control = _build_control(settings, work, reloader)
    storage, listeners = work.storage, beginning.listeners
    ordered: tuple[Part, ...] = (
        storage.writer,
        parts.setting_clock(storage.writer, storage.shared_clock),
        # Before everything that asks the writer for something: the heart beats until all of that
        # has ended.
        parts.beating(heartbeat),
        # Whoever probes hears why the daemon is not ready, from here until the last attempt ended.
        parts.probed(listeners.metrics, control),
        parts.closing(work.transport),
        parts.traced(beginning.tracing, storage.clock, settings.shutdown_timeout),
        # Left after the last attempt: what its window has counted is told.
        work.events,
        # And what its attempts came to.
        work.activity,
        work.delivery,
        parts.stopping(work.sources),
        parts.watching_lag(),
        _putting_in_force(work, reloader, beginning.loaded),
        firing(work.timers),
        BacklogWatch(storage.database, storage.writer, work.events, clock=storage.clock),
        parts.administered(listeners.admin, settings.token, control),
        build_inbound(listeners.inbound, storage, work.delivery, work.sources, work.in_force),
        # Left before the admin API: clients that wait for a backfill hear how far it came.
        parts.backfilling(work.backfills),
        parts.ready(control, heartbeat, storage.writer, reloader),
        parts.watching_config(reloader, settings.watch_config),
    )
    return Daemon(ordered, reloader)


def _build_work(settings: Settings, database: Database, stop: StopSignal) -> _Work:
    storage = build_storage(settings, database, stop)
    writer = storage.writer
    most_idle = descriptors.idle_connections(settings.max_in_flight)
    transport = Transport(settings.outgoing_proxy(), most_idle=most_idle)
    fleet, in_force = build_fleet(storage), InForce()
    events = OwnEvents(in_force, host=settings.host, clock=storage.clock, new_id=clock.new_id)
    activity = ActivityCounts(storage.database, writer, storage.clock)
    delivery = build_delivery(settings, storage, fleet, transport, stop, events, activity)
    claims, offer = delivery.dispatcher.claims, delivery.dispatcher.offer
    events.attach(writer, claims=claims, offer=offer)
    keyring = Keyring(
        transport,
        lambda: in_force.current().egress,
        delivery.secrets,
        writer,
        clock=storage.clock,
    )
    timers = build_timers(writer, delivery, in_force.current, events, storage.clock)
    intake = Intake(
        storage.database,
        writer,
        definitions=in_force.current,
        offer=offer,
        claims=claims,
        clock=storage.clock,
        new_id=clock.new_id,
        events=events,
        planned=timers.planned,
    )
    sources = build_sources(
        settings,
        storage,
        fleet,
        delivery,
        intake=intake,
        transport=transport,
        in_force=in_force,
        keyring=keyring,
        events=events,
    )
    backfills = Backfills(
        writer,
        definitions=in_force.current,
        offer=offer,
        claims=claims,
        clock=storage.clock,
        new_id=clock.new_id,
        events=events,
        may_end_unknown=delivery.dispatcher.peers.may_end_unknown,
    )
    return _Work(
        *(storage, fleet, in_force, transport, events, activity),
        *(delivery, keyring, timers, sources, backfills),
    )


def _build_reloader(settings: Settings, beginning: Beginning, work: _Work) -> Reloader:
    # In a fleet it may well be another daemon that listens.
    is_heard = beginning.listeners.inbound is not None or work.fleet.peers is not None
    unheard = UnheardWakes(work.in_force, is_listening=is_heard)
    dependencies = ReloadDependencies(
        work.storage.writer,
        work.delivery.dispatcher,
        work.delivery.secrets,
        work.sources,
        work.in_force,
        work.keyring,
        work.events,
        settled=both(Keeping().keep, unheard.look),
        tracing=None if beginning.tracing is None else beginning.tracing.sampling,
        timed=work.timers.refresh,
    )
    return Reloader(
        settings.config_path(),
        dependencies,
        environment=os.environ,
        clock=work.storage.clock,
        files=beginning.files,
    )


def _build_control(settings: Settings, work: _Work, reloader: Reloader) -> Control:
    dependencies = ControlDependencies(
        work.storage.database,
        work.storage.writer,
        work.delivery.dispatcher,
        reloader,
        work.backfills,
        work.fleet.members,
        work.delivery.secrets,
        work.activity,
        LocalSender(work.transport),
        work.keyring.of,
        work.events,
    )
    return Control(dependencies, host=settings.host, clock=work.storage.clock)


def _putting_in_force(work: _Work, reloader: Reloader, loaded: Loaded) -> Part:
    """Return the part that puts the first configuration in force, as a member of a fleet if any."""
    storage, fleet = work.storage, work.fleet
    if fleet.peers is None:
        return parts.putting_in_force(reloader, loaded)
    membership = Membership(
        storage.database,
        storage.writer,
        MembershipDependencies(
            work.delivery.dispatcher,
            fleet.peers,
            fleet.exclusive_work,
            fleet.members,
            put_in_force=reloader.rejoin,
            refreshed=work.backfills.take_over,
            wake=work.sources.wake,
            hint=work.sources.hint,
            timed=work.timers.refresh,
        ),
        storage.shared_clock,
    )
    return parts.putting_in_force_as_member(reloader, loaded, membership)
