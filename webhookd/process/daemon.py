"""The process: how the daemon starts, runs until a signal stops it, and stops."""

from __future__ import annotations

import asyncio
import faulthandler
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from webhookd import __version__, early_signals, telemetry
from webhookd.process import descriptors, state
from webhookd.process.assembly.whole_daemon import assemble
from webhookd.process.beginning import read_beginning
from webhookd.process.heartbeat import Heartbeat
from webhookd.process.signals import Hangup, StopSignal
from webhookd.storage.database.database import open_database, place_of
from webhookd.telemetry import log_lines, metric_counts, unhandled
from webhookd.telemetry.events import DaemonStarted
from webhookd.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from webhookd.config.settings.process_settings import Settings
    from webhookd.storage.database.database import Database


async def run(settings: Settings, *, new_database: bool = False) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    *new_database*: where the database is empty or not there, a new one is made, although there was
    one. Raises ConfigError when the configuration is wrong, StateLockedError when another daemon
    has the state directory, StorageError when the database cannot be opened.
    """
    faulthandler.enable()
    telemetry.use_reporter(Reporter(metric_counts.count, log_lines.write))
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
    beginning = read_beginning(settings, os.environ)
    descriptors.raise_limit()
    with state.held(settings.state_directory):
        beginning.listeners.require_free()
        async with AsyncExitStack() as stack:
            heartbeat = Heartbeat(os.environ, patience=2 * settings.shutdown_timeout)
            database = _open(settings, may_be_new=new_database)
            stack.callback(database.close)
            daemon = assemble(settings, beginning, database, heartbeat, stop)
            # Left in reverse order, even when a start fails half-way.
            for part in daemon.parts:
                await stack.enter_async_context(part)
            hangup.begin(daemon.reloader)
            await stop.wait()
            heartbeat.stopping()
            await hangup.finish()
    if stop.error is not None:
        raise stop.error


def _open(settings: Settings, *, may_be_new: bool) -> Database:
    """Open the database, and name it in the state directory."""
    url, directory = settings.database_url.get_secret_value(), settings.state_directory
    config, place = str(settings.config_path()), place_of(url)
    telemetry.report(DaemonStarted(__version__, settings.host, config, place, str(directory)))
    database = open_database(url, may_be_new=may_be_new or not state.had_database(directory))
    state.note_database(directory, place)
    return database
