"""The lifecycle of each part of the daemon: what begins with it, and what ends with it.

Each function returns an async context manager; `assembly` says in which order they are entered.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from webhookd import clock, telemetry
from webhookd.admin.application import application
from webhookd.admin.probes import ProbeApplication
from webhookd.errors import StorageError, counted
from webhookd.inbound.served_certificate import renewing
from webhookd.listener import listening
from webhookd.operations.reloading.watched_config import WatchedConfig
from webhookd.process import descriptors
from webhookd.serving import serving
from webhookd.telemetry import metrics, unhandled
from webhookd.telemetry.events import (
    AdminListening,
    AdminWithoutToken,
    DaemonReady,
    InboundListening,
    MetricsListening,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import timedelta

    from webhookd.client.admin_address import AdminAddress
    from webhookd.clock import Clock
    from webhookd.config.loading import Loaded
    from webhookd.fleet.database_clock import SharedClock
    from webhookd.fleet.membership import Membership
    from webhookd.inbound.inbound_settings import InboundSettings
    from webhookd.inbound.refused_wakes import RefusedWakes
    from webhookd.inbound.wake_application import WakeApplication
    from webhookd.intake.running_backfills import Backfills
    from webhookd.listen_address import ListenAddress
    from webhookd.model import Secret
    from webhookd.operations.control import Control
    from webhookd.operations.reloading.reload import Reloader
    from webhookd.process.heartbeat import Heartbeat
    from webhookd.sources.runner import RunningSources
    from webhookd.storage.database.writer import Writer
    from webhookd.telemetry.tracing.running import Tracing
    from webhookd.transport import Transport

LAG_EVERY = 0.5
"""Seconds between two measurements of how late the event loop runs a timer."""

LAST_EXPORT = 5.0
"""Seconds that the last spans may take to reach their collector."""


@asynccontextmanager
async def closing(transport: Transport) -> AsyncIterator[None]:
    """Close *transport* and its connections at the end."""
    try:
        yield
    finally:
        await transport.aclose()


@asynccontextmanager
async def traced(
    tracing: Tracing | None, clock: Clock, shutdown_timeout: timedelta
) -> AsyncIterator[None]:
    """Send spans to a collector, where somebody asked for that, until the last attempt has ended.

    The last of them delay a stop for a few seconds at most, whatever the collector does.
    """
    if tracing is None:
        yield
        return
    async with tracing.running(clock, min(LAST_EXPORT, shutdown_timeout.total_seconds())):
        yield


@asynccontextmanager
async def setting_clock(writer: Writer, shared: SharedClock) -> AsyncIterator[None]:
    """Set the shared clock by the database's before any other part reads it."""
    await writer.write(shared.compare)
    yield


@asynccontextmanager
async def beating(heartbeat: Heartbeat) -> AsyncIterator[None]:
    """End the heartbeat, which `ready` begins, when everything that asks the writer has ended."""
    try:
        yield
    finally:
        await heartbeat.end()


@asynccontextmanager
async def stopping(sources: RunningSources) -> AsyncIterator[None]:
    """Stop *sources* at the end; what starts them is the configuration that comes into force."""
    try:
        yield
    finally:
        await sources.stop()


@asynccontextmanager
async def watching_lag() -> AsyncIterator[None]:
    """Measure how late the event loop runs timers."""
    watching = asyncio.create_task(_watch_lag())
    try:
        yield
    finally:
        watching.cancel()


@asynccontextmanager
async def putting_in_force(reloader: Reloader, loaded: Loaded) -> AsyncIterator[None]:
    """Put the first configuration in force."""
    await reloader.start(loaded)
    yield


@asynccontextmanager
async def putting_in_force_as_member(
    reloader: Reloader, loaded: Loaded, membership: Membership
) -> AsyncIterator[None]:
    """Put the first configuration in force once it is known who else works on the database."""
    membership.join()
    await membership.refresh()
    await reloader.start(loaded)
    await membership.refresh()
    running = unhandled.watched(asyncio.create_task(membership.run()), "membership")
    try:
        yield
    finally:
        await membership.end(running)


@asynccontextmanager
async def probed(address: ListenAddress | None, control: Control) -> AsyncIterator[None]:
    """Serve health and metrics where somebody asked for a listener of their own.

    It is there before the daemon is ready, and until the last attempt has ended.
    """
    if address is None:
        yield
        return
    with listening(address) as listener:
        if address.path is None:
            address = replace(address, port=listener.getsockname()[1])
        async with serving(ProbeApplication(control), listener, descriptors.PUBLIC_LIMITS):
            telemetry.report(MetricsListening(str(address)))
            yield


@asynccontextmanager
async def watching_config(reloader: Reloader, every: timedelta | None) -> AsyncIterator[None]:
    """Reload when the configuration's files are others, where somebody asked for that."""
    if every is None:
        yield
        return
    watched = WatchedConfig(reloader, every)
    looking = unhandled.watched(asyncio.create_task(watched.run()), "watched config")
    try:
        yield
    finally:
        watched.stop()
        await looking


@asynccontextmanager
async def administered(
    address: AdminAddress, read_token: Callable[[], Secret | None], control: Control
) -> AsyncIterator[None]:
    """Serve the admin API."""
    control.begin()
    token = read_token()
    app = application(control, address, token)
    if address.path is None and token is None:
        telemetry.report(AdminWithoutToken(str(address)))
    with listening(address) as listener:
        async with serving(app, listener, descriptors.admin_limits()):
            telemetry.report(AdminListening(str(address)))
            try:
                yield
            finally:
                # Who waits for the end of a change by hand hears how far it came.
                await control.deliveries.changes.stop()
                control.feed.stop()


@asynccontextmanager
async def inbound(
    settings: InboundSettings | None, app: WakeApplication, refused: RefusedWakes
) -> AsyncIterator[None]:
    """Serve the *app* that wakes come to, where somebody asked for a listener."""
    if settings is None:
        yield
        return
    certificate, address = settings.certificate, settings.address
    tls = None if certificate is None else certificate.context
    with listening(address) as listener:
        if address.path is None:
            address = replace(address, port=listener.getsockname()[1])
        limits, early = descriptors.PUBLIC_LIMITS, refused.note_early
        async with serving(app, listener, limits, tls, early), renewing(certificate):
            telemetry.report(InboundListening(str(address), tls is not None))
            yield


@asynccontextmanager
async def backfilling(backfills: Backfills) -> AsyncIterator[None]:
    """Go on with backfills that a stop or a crash interrupted, and stop all at the end."""
    try:
        await backfills.start()
        yield
    finally:
        await backfills.stop()


@asynccontextmanager
async def ready(
    control: Control,
    heartbeat: Heartbeat,
    writer: Writer,
    reloader: Reloader,
) -> AsyncIterator[None]:
    """Say that the daemon is ready: to the admin API, in the log, to systemd."""
    control.readiness.begin()
    definitions = reloader.definitions
    telemetry.report(
        DaemonReady(len(definitions.webhooks), len(definitions.sources), definitions.hash)
    )
    heartbeat.ready(lambda: writer.read(lambda _: None), partial(_summary, reloader, control))
    try:
        yield
    finally:
        control.readiness.drain()


async def _summary(reloader: Reloader, control: Control) -> str:
    """Return how it goes in one line, for `systemctl status`."""
    try:
        pending, failing = await control.count_pending(), await control.count_failing()
    except StorageError as error:
        return str(error)
    webhooks = counted(len(reloader.definitions.webhooks), "webhook")
    return f"{webhooks}, {failing} failing; {counted(pending, 'delivery')} pending"


async def _watch_lag() -> None:
    while True:
        expected = clock.monotonic() + LAG_EVERY
        await asyncio.sleep(LAG_EVERY)
        metrics.LOOP_LAG.observe(max(clock.monotonic() - expected, 0.0))
