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
    listeners = beginning.listeners
    storage = build_storage(settings, database, stop)
    most_idle = descriptors.idle_connections(settings.max_in_flight)
    transport = Transport(settings.outgoing_proxy(), most_idle=most_idle)
    fleet, in_force = build_fleet(storage), InForce()
    events = OwnEvents(in_force, host=settings.host, clock=storage.clock, new_id=clock.new_id)
    activity = ActivityCounts(storage.database, storage.writer, storage.clock)
    delivery = build_delivery(settings, storage, fleet, transport, stop, events, activity)
    claims, offer = delivery.dispatcher.claims, delivery.dispatcher.offer
    events.attach(storage.writer, claims=claims, offer=offer)
    keyring = Keyring(
        transport,
        lambda: in_force.current().egress,
        delivery.secrets,
        storage.writer,
        clock=storage.clock,
    )
    running_timers = build_timers(storage.writer, delivery, in_force.current, events, storage.clock)
    intake = Intake(
        storage.database,
        storage.writer,
        definitions=in_force.current,
        offer=offer,
        claims=claims,
        clock=storage.clock,
        new_id=clock.new_id,
        events=events,
        planned=running_timers.planned,
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
    # In a fleet it may well be another daemon that listens.
    is_heard = listeners.inbound is not None or fleet.peers is not None
    unheard = UnheardWakes(in_force, is_listening=is_heard)
    reloader = Reloader(
        settings.config_path(),
        ReloadDependencies(
            storage.writer,
            delivery.dispatcher,
            delivery.secrets,
            sources,
            in_force,
            keyring,
            events,
            both(Keeping().keep, unheard.look),
            None if beginning.tracing is None else beginning.tracing.sampling,
            running_timers.refresh,
        ),
        environment=os.environ,
        clock=storage.clock,
        files=beginning.files,
    )
    backfills = Backfills(
        storage.writer,
        definitions=in_force.current,
        offer=offer,
        claims=claims,
        clock=storage.clock,
        new_id=clock.new_id,
        events=events,
        may_end_unknown=delivery.dispatcher.peers.may_end_unknown,
    )
    asked = ControlDependencies(
        storage.database,
        storage.writer,
        delivery.dispatcher,
        reloader,
        backfills,
        fleet.members,
        delivery.secrets,
        activity,
        LocalSender(transport),
        keyring.of,
        events,
    )
    control = Control(asked, host=settings.host, clock=storage.clock)
    ordered: tuple[Part, ...] = (
        storage.writer,
        parts.setting_clock(storage.writer, storage.shared_clock),
        # Before everything that asks the writer for something: the heart beats until all of that
        # has ended.
        parts.beating(heartbeat),
        # Whoever probes hears why the daemon is not ready, from here until the last attempt ended.
        parts.probed(listeners.metrics, control),
        parts.closing(transport),
        parts.traced(beginning.tracing, storage.clock, settings.shutdown_timeout),
        # Left after the last attempt: what its window has counted is told.
        events,
        # And what its attempts came to.
        activity,
        delivery,
        parts.stopping(sources),
        parts.watching_lag(),
        _putting_in_force(
            storage,
            fleet,
            delivery,
            reloader,
            backfills,
            sources,
            running_timers,
            beginning.loaded,
        ),
        firing(running_timers),
        BacklogWatch(storage.database, storage.writer, events, clock=storage.clock),
        parts.administered(listeners.admin, settings.token, control),
        build_inbound(listeners.inbound, storage, delivery, sources, in_force),
        # Left before the admin API: clients that wait for a backfill hear how far it came.
        parts.backfilling(backfills),
        parts.ready(control, heartbeat, storage.writer, reloader),
        parts.watching_config(reloader, settings.watch_config),
    )
    return Daemon(ordered, reloader)


def _putting_in_force(
    storage: Storage,
    fleet: Fleet,
    delivery: DeliveryEngine,
    reloader: Reloader,
    backfills: Backfills,
    sources: RunningSources,
    timers: RunningTimers,
    loaded: Loaded,
) -> Part:
    """Return the part that puts the first configuration in force, as a member of a fleet if any."""
    if fleet.peers is None:
        return parts.putting_in_force(reloader, loaded)
    membership = Membership(
        storage.database,
        storage.writer,
        MembershipDependencies(
            delivery.dispatcher,
            fleet.peers,
            fleet.exclusive_work,
            fleet.members,
            put_in_force=reloader.rejoin,
            refreshed=backfills.take_over,
            wake=sources.wake,
            hint=sources.hint,
            timed=timers.refresh,
        ),
        storage.shared_clock,
    )
    return parts.putting_in_force_as_member(reloader, loaded, membership)
