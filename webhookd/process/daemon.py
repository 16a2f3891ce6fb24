"""The process: which parts there are, in which order they start, and how they stop."""

from __future__ import annotations

import asyncio
import faulthandler
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from webhookd import __version__, clock, early_signals, telemetry
from webhookd.admin.application import application
from webhookd.admin.listener import AdminAddress, listening, require_free
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.config import loading
from webhookd.delivery.courier import Courier
from webhookd.delivery.dispatcher import Dispatcher
from webhookd.delivery.job_store import DeliveryJobStore, LaneExecutor
from webhookd.delivery.peers import Alone
from webhookd.delivery.scheduler import Scheduler
from webhookd.delivery.sender import LocalSender
from webhookd.errors import StorageError
from webhookd.fleet.database_clock import SharedClock
from webhookd.fleet.exclusive_work import ExclusiveWork
from webhookd.fleet.fleet_peers import FleetPeers
from webhookd.fleet.membership import Membership, MembershipDependencies
from webhookd.intake.batch import Intake
from webhookd.intake.running_backfills import Backfills
from webhookd.operations.control import Control
from webhookd.operations.control_dependencies import ControlDependencies
from webhookd.operations.housekeeping import EVERY, Housekeeping
from webhookd.operations.reload import Parts, Reloader
from webhookd.process import descriptors, state
from webhookd.process.heartbeat import Heartbeat
from webhookd.process.signals import Hangup, StopSignal
from webhookd.rules import usage
from webhookd.serving import serving
from webhookd.sources import kinds
from webhookd.sources.dependencies import SourceDependencies
from webhookd.sources.polling.request_budget import Budgets
from webhookd.sources.runner import RunningSources
from webhookd.storage.database.connection import Member
from webhookd.storage.database.database import open_database, place_of
from webhookd.storage.database.writer import Writer
from webhookd.storage.deliveries import settle
from webhookd.storage.fleet.exclusive import ExclusiveWriter, reading
from webhookd.storage.records.cursors import Polls
from webhookd.storage.records.files import Files
from webhookd.telemetry import metrics, unhandled
from webhookd.telemetry.events import (
    AdminListening,
    AdminWithoutToken,
    DaemonReady,
    DaemonStarted,
    DaemonStopped,
)
from webhookd.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webhookd.config.settings import Settings
    from webhookd.model import Secret
    from webhookd.storage.database.database import Database

LAG_EVERY = 0.5


async def run(settings: Settings, *, new_database: bool = False) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    *new_database*: where the database is empty or not there, a new one is made, although there was
    one. Raises ConfigError when the configuration is wrong, StateLockedError when another daemon
    has the state directory, StorageError when the database cannot be opened.
    """
    faulthandler.enable()
    unhandled.report_all(asyncio.get_running_loop())
    stop, hangup = StopSignal(), Hangup()
    # Both handlers are in place: none of these signals can get lost in between.
    early = early_signals.take()
    stop.take_early(early)
    hangup.take_early(early)
    if stop.has_come:
        await stop.wait()
        return
    # Read and checked before anything is touched: a wrong file must cost nothing.
    loaded = loading.load(settings.config_path(), environment=os.environ)
    address = AdminAddress.parse(settings.admin_socket(os.environ))
    descriptors.raise_limit()
    with state.held(settings.state_directory):
        require_free(address)
        async with AsyncExitStack() as stack:
            heartbeat = Heartbeat(os.environ, patience=2 * settings.shutdown_timeout)
            database = _open(settings, may_be_new=new_database)
            stack.callback(database.close)
            reloader = await _start(settings, loaded, address, database, stack, heartbeat, stop)
            hangup.begin(reloader)
            await stop.wait()
            heartbeat.stopping()
            await hangup.finish()
    if stop.error is not None:
        raise stop.error


def _open(settings: Settings, *, may_be_new: bool) -> Database:
    """Open the database, and note in the state directory that there is one."""
    url, directory = settings.database_url.get_secret_value(), settings.state_directory
    config, place = str(settings.config_path()), place_of(url)
    telemetry.report(DaemonStarted(__version__, settings.host, config, place, str(directory)))
    database = open_database(url, may_be_new=may_be_new or not state.had_database(directory))
    state.note_database(directory, place)
    return database


async def _start(
    settings: Settings,
    loaded: loading.Loaded,
    address: AdminAddress,
    database: Database,
    stack: AsyncExitStack,
    heartbeat: Heartbeat,
    stop: StopSignal,
) -> Reloader:
    """Start every part, each stopped in reverse by *stack*: sources, lanes, outbox."""
    path = settings.config_path()
    name = state.name_of(settings.state_directory)
    member = Member(name, settings.host, os.getpid(), __version__)
    writer = await stack.enter_async_context(Writer(database, stop.lose, member))
    shared = SharedClock()
    await writer.write(shared.compare)
    fleet_clock = replace(clock.SYSTEM, now=shared.now)
    # Before everything that asks the writer for something: it beats until all of that is done.
    stack.push_async_callback(heartbeat.end)
    transport = Transport(settings.outgoing_proxy())
    stack.push_async_callback(transport.aclose)
    secrets = KnownSecrets()
    courier = Courier(LocalSender(transport), secrets, clock=fleet_clock)
    # The one place that asks whether the database may have other daemons.
    fleet = FleetPeers(writer, clock=fleet_clock) if writer.is_shared else None
    dispatch = Dispatcher(
        courier,
        writer,
        fleet or Alone(writer, clock=fleet_clock),
        max_in_flight=settings.max_in_flight,
        clock=fleet_clock,
    )
    store = DeliveryJobStore(dispatch, writer, database, ahead=shared.ahead)
    scheduler = Scheduler(store, LaneExecutor(dispatch))
    housekeeping = Housekeeping(database, writer, retention=settings.retention, clock=fleet_clock)
    scheduler.every(EVERY, housekeeping.tidy, "retention")
    exclusive_work = ExclusiveWork(writer)
    membership = None
    if fleet is not None:
        others = MembershipDependencies(dispatch, fleet, exclusive_work)
        membership = Membership(database, writer, others, shared)
    sources = RunningSources(
        lambda definition: kinds.build(definition, dependencies),
        host=settings.host,
        exclusive_work=None if membership is None else exclusive_work,
        has_others=lambda: membership is not None and membership.has_others,
    )
    reloader = Reloader(
        path,
        Parts(writer, dispatch, secrets, sources),
        environment=os.environ,
        clock=fleet_clock,
    )
    intake = Intake(
        database,
        writer,
        definitions=lambda: reloader.definitions,
        offer=dispatch.offer,
        claims=dispatch.claims,
        clock=fleet_clock,
        new_id=clock.new_id,
    )
    dependencies = SourceDependencies(
        ingest=intake.ingest,
        files=lambda source: Files(ExclusiveWriter(writer, reading(source))),
        polls=Polls(writer),
        report=telemetry.report,
        used=lambda source: usage.of_source(reloader.definitions, source),
        transport=transport,
        egress=lambda: reloader.definitions.egress,
        schedule=scheduler.at_once_and_every,
        clock=fleet_clock,
        budgets=Budgets(clock=fleet_clock),
        has_others=membership is not None,
    )
    stack.push_async_callback(_drain, settings, dispatch, store, scheduler, stop)
    stack.push_async_callback(sources.stop)
    lag = asyncio.create_task(_watch_lag())
    stack.callback(lag.cancel)
    scheduler.start()
    dispatch.open(scheduler.wakeup)
    await _put_in_force(reloader, loaded, membership, stack)
    backfills = Backfills(
        writer,
        definitions=lambda: reloader.definitions,
        offer=dispatch.offer,
        claims=dispatch.claims,
        clock=fleet_clock,
        new_id=clock.new_id,
    )
    parts = ControlDependencies(database, writer, dispatch, reloader, backfills, membership)
    control = Control(parts, host=settings.host, clock=fleet_clock)
    await stack.enter_async_context(_administered(address, settings.token(), control))
    # Before the admin API goes: who waits for a backfill is told how far it came.
    stack.push_async_callback(backfills.stop)
    await backfills.resume()
    if membership is not None:
        membership.refreshed = backfills.take_over
    control.is_ready = True
    in_force = reloader.definitions
    telemetry.report(DaemonReady(len(in_force.webhooks), len(in_force.sources), in_force.hash))
    heartbeat.ready(
        lambda: writer.read(lambda _: None), partial(_summary, reloader, dispatch, database)
    )
    return reloader


@asynccontextmanager
async def _administered(
    address: AdminAddress, token: Secret | None, control: Control
) -> AsyncIterator[None]:
    """Serve the admin API while the block runs."""
    app = application(control, address, token)
    if address.path is None and token is None:
        telemetry.report(AdminWithoutToken(str(address)))
    with listening(address) as listener:
        async with serving(app, listener, descriptors.admin_limits()):
            telemetry.report(AdminListening(str(address)))
            yield


async def _summary(reloader: Reloader, dispatch: Dispatcher, database: Database) -> str:
    """Return how it goes in one line, for `systemctl status`."""
    try:
        pending = await asyncio.to_thread(_count_pending, database)
    except StorageError as error:
        return str(error)
    count = len(reloader.definitions.webhooks)
    return f"{count} webhooks, {dispatch.lanes.failing} failing; {pending} deliveries pending"


def _count_pending(database: Database) -> int:
    with database.reading() as connection:
        return settle.count_pending(connection)


async def _put_in_force(
    reloader: Reloader, loaded: loading.Loaded, membership: Membership | None, stack: AsyncExitStack
) -> None:
    """Begin with *loaded*, once it is known who else works on the database."""
    if membership is None:
        await reloader.start(loaded)
        return
    membership.rejoin = reloader.rejoin
    await membership.refresh()
    await reloader.start(loaded)
    await membership.refresh()
    running = unhandled.watched(asyncio.create_task(membership.run()), "membership")
    stack.push_async_callback(membership.end, running)


async def _drain(
    settings: Settings,
    dispatch: Dispatcher,
    store: DeliveryJobStore,
    scheduler: Scheduler,
    stop: StopSignal,
) -> None:
    """Let attempts under way end, write what came of them, then let the scheduler go."""
    # What another daemon owns by now cannot be written: waiting would only make it send twice.
    grace = 0.0 if stop.error is not None else settings.shutdown_timeout.total_seconds()
    unfinished = await dispatch.drain(grace)
    await dispatch.settlements.drain(grace)
    scheduler.shutdown(wait=False)
    await store.drain()
    telemetry.report(DaemonStopped(unfinished))


async def _watch_lag() -> None:
    """Measure how late the event loop runs a timer, for as long as the daemon runs."""
    while True:
        expected = clock.monotonic() + LAG_EVERY
        await asyncio.sleep(LAG_EVERY)
        metrics.LOOP_LAG.observe(max(clock.monotonic() - expected, 0.0))
